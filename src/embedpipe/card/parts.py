"""What a card says, in order, as parts that every rendering shares."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from embedpipe.card.facts import CardFacts, CardFile
from embedpipe.models.catalog_file import CatalogModel
from embedpipe.models.transfer import shown

__all__ = ["Code", "Heading", "Inline", "Listing", "Paragraph", "Part", "Table", "parts"]


@dataclass(frozen=True)
class Code:
    """Text as it stands: names, values, addresses."""

    text: str


Inline = str | Code


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the card's."""

    level: int
    text: Inline


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: Inline


@dataclass(frozen=True)
class Listing:
    """Lines of code."""

    language: str
    text: str


@dataclass(frozen=True)
class Table:
    """Rows below a header of as many cells."""

    header: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]


Part = Heading | Paragraph | Listing | Table


def parts(facts: CardFacts) -> Iterator[Part]:
    """The parts of a card."""
    yield Heading(1, Code(facts.name))
    yield Table(("Fact", "Value"), tuple(_summary(facts)))
    yield Heading(2, "How to use it")
    yield from _use(facts)
    yield Heading(2, "Published values")
    yield from _published(facts)
    yield Heading(2, "Speed and precisions")
    yield from _measured(facts)
    yield Heading(2, "Where the weights come from")
    yield from _origin(facts)
    if facts.entry is not None and facts.entry.notes:
        yield Heading(2, "Notes")
        yield from (Paragraph(note) for note in facts.entry.notes)


def _summary(facts: CardFacts) -> Iterator[tuple[Inline, ...]]:
    entry, config = facts.entry, facts.config
    yield "Language", entry.language if entry is not None else "unknown"
    yield "License", (entry.license if entry is not None else None) or "unknown"
    yield "Annotator", Code(entry.annotator) if entry is not None else "unknown"
    yield "Version", (entry.version if entry is not None else None) or "unknown"
    yield "Architecture", Code(config.architecture)
    yield "Dimension", f"{config.hidden_size:,}"
    yield "Parameters", f"{facts.parameters:,}"
    own = config.num_distinct_layers
    shared = "" if own == config.num_hidden_layers else f" ({own} with weights of their own)"
    yield "Layers", f"{config.num_hidden_layers}{shared}"
    yield "Attention heads", f"{config.num_attention_heads}"
    yield "Activation", Code(config.activation)
    yield "Vocabulary", f"{config.vocab_size:,} pieces"
    yield "Most pieces of a text", f"{facts.max_length:,}"
    yield "Files", f"{sum(file.size for file in facts.files):,} bytes"
    yield "Pooling", _pooling(facts)
    yield "Normalization", "vectors of length 1" if facts.normalize else "none"


def _pooling(facts: CardFacts) -> str:
    if facts.entry is not None and facts.entry.task == "word":
        way, said = "first piece of each word", "the annotator's default"
    else:
        way = facts.pooling
        said = "as its files declare" if facts.pooling_declared else "nothing declares it"
    found = facts.verification
    if found is None:
        return f"{way} ({said}; not confirmed)"
    is_confirmed = found.used.fits
    return f"{way} ({said}; {'' if is_confirmed else 'not '}confirmed by published values)"


def _use(facts: CardFacts) -> Iterator[Part]:
    entry = facts.entry
    if entry is not None:
        yield Listing("python", _pipeline(entry))
    name = facts.name if entry is not None else f"./{facts.name}"
    if entry is None:
        yield Paragraph("The catalog does not describe this model: give the path of its folder.")
    yield Listing(
        "python",
        f"from embedpipe import Encoder\n\nencoder = Encoder.load({name!r})\n"
        'vectors = encoder.encode(["The train is late."])',
    )
    yield Listing(
        "sh",
        f"embedpipe embed texts.csv --column text --model {shlex.quote(name)} -o vectors.parquet",
    )
    if facts.aliases:
        yield Paragraph("Names in one line, which mean the same model:")
        yield Listing("", "\n".join(facts.aliases))


def _pipeline(entry: CatalogModel) -> str:
    words = entry.task == "word"
    columns = '"document", "token"' if words else '"document"'
    token = '        Tokenizer(inputCols=["document"], outputCol="token"),\n' if words else ""
    names = f"{entry.annotator}, Tokenizer" if words else entry.annotator
    return (
        f"import pandas as pd\nfrom embedpipe.annotator import {names}\n"
        "from embedpipe.base import DocumentAssembler, Pipeline\n\n"
        'frame = pd.DataFrame({"text": ["The train is late."]})\n'
        "pipeline = Pipeline(\n    stages=[\n"
        '        DocumentAssembler(inputCol="text", outputCol="document"),\n'
        f"{token}"
        f"        {entry.annotator}.pretrained({entry.name!r}, {entry.language!r})\n"
        f'        .setInputCols([{columns}])\n        .setOutputCol("embeddings"),\n'
        "    ]\n)\nresult = pipeline.fit(frame).transform(frame)"
    )


def _published(facts: CardFacts) -> Iterator[Part]:
    found = facts.verification
    rows = found.rows if found is not None else ()
    if found is None:
        yield Paragraph(f"Not compared: {facts.unverified}.")
        rows = facts.entry.published if facts.entry is not None else ()
    computed = found.computed if found is not None else ((),) * len(rows)
    if rows:
        yield Table(
            ("Text", "Context", "Published", "Computed"),
            tuple(
                (Code(row.text), Code(row.context or row.text), *map(_values, (row.values, made)))
                for row, made in zip(rows, computed, strict=True)
            ),
        )
    if found is not None:
        yield Paragraph(
            f"Largest difference {found.used.difference:.2g}, allowed {found.used.tolerance:.2g}: "
            f"the model {'gives' if found.used.fits else 'does not give'} its published values "
            f"with {', '.join(found.used.settings)}."
        )
        fitting = [", ".join(c.settings) for c in found.combinations if c.fits]
        yield Paragraph(f"Settings that give them: {'; '.join(fitting) or 'none'}.")


def _values(values: tuple[float, ...]) -> Inline:
    return Code(", ".join(f"{value:.6g}" for value in values)) if values else "not computed"


def _measured(facts: CardFacts) -> Iterator[Part]:
    found = facts.measured
    if found is None:
        yield Paragraph("Not measured.")
        return
    yield Table(
        ("Precision", "Sentences a second", "Mean cosine to float32", "Least"),
        tuple(
            (
                Code(row.precision),
                f"{row.sentences_per_second:,.0f}",
                f"{row.mean_cosine:.6f}",
                f"{row.least_cosine:.6f}",
            )
            for row in found.figures
        ),
    )
    yield Paragraph(
        f"Measured on {found.texts:,} texts ({found.text_source}) of {found.pieces:.1f} pieces in "
        f"the mean, from text to vectors, with threads: {found.threads}, instruction set: "
        f"{found.instruction_set}, processor: {found.processor}. Cosines are of {found.vectors}."
    )


def _origin(facts: CardFacts) -> Iterator[Part]:
    if facts.origin is not None:
        yield Paragraph("Fetched, as its record says, from:")
        yield Listing("", " ".join(facts.origin))
    elif facts.entry is None:
        yield Paragraph("Unknown.")
    if facts.entry is not None:
        yield Table(
            ("Source in the catalog", "Place"),
            tuple(
                (source.kind, Code(shown(source.address) if source.address else source.place))
                for source in facts.entry.sources
            ),
        )
    yield Table(
        ("File", "Bytes", "SHA-256", "Is it the expected one?"),
        tuple((Code(f.name), f"{f.size:,}", Code(f.sha256), _expected(f)) for f in facts.files),
    )


def _expected(file: CardFile) -> str:
    if file.expected is None:
        return "nothing to compare with"
    return "yes" if file.expected == file.sha256 else "no, another was recorded or published"
