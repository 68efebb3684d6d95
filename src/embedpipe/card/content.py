"""The content of a card, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedpipe.card.blocks import Code, Inline, heading, listing, paragraph, table
from embedpipe.card.facts import CardFacts, CardFile
from embedpipe.card.training import Training
from embedpipe.card.usage import command, encoder_code, pipeline_code
from embedpipe.formats.layout import TRAINING_CURVE
from embedpipe.hub.catalog_file import CatalogModel, Published
from embedpipe.hub.download import without_secrets

__all__ = ["body", "details", "results"]


def body(facts: CardFacts) -> str:
    """The card as Markdown, without front matter."""
    return "\n".join(_blocks(facts))


def _blocks(facts: CardFacts) -> Iterator[str]:
    yield heading(1, Code(facts.name))
    yield table(("Fact", "Value"), _summary(facts))
    yield heading(2, "How to use it")
    yield from _use(facts)
    if facts.training is not None:
        yield heading(2, "How it was trained")
        yield from _trained(facts.training)
    yield heading(2, "Published values")
    yield from _published(facts)
    yield heading(2, "Speed and precisions")
    yield from _measured(facts)
    yield heading(2, "Where the weights come from")
    yield from _origin(facts)
    if facts.entry is not None and facts.entry.notes:
        yield heading(2, "Notes")
        yield from (paragraph(note) for note in facts.entry.notes)
    yield paragraph(f"This card was made on {facts.made_on} by {facts.made_by}.")


def _summary(facts: CardFacts) -> Iterator[tuple[Inline, ...]]:
    entry, config = facts.entry, facts.config
    yield "Language", facts.language or "unknown"
    yield "License", facts.license or "unknown"
    said = "as the catalog says" if entry is not None else "which fits; no catalog names one"
    yield "Annotator", f"{facts.annotator} ({said})"
    yield "Version", (entry.version if entry is not None else None) or "unknown"
    yield "Architecture", config.architecture
    is_other = facts.dimension != config.hidden_size  # after Dense steps, several poolings, a cut
    of_texts = f"{facts.dimension:,} of texts, of tokens " if is_other else ""
    yield "Dimension", f"{of_texts}{config.hidden_size:,}"
    yield "Parameters", f"{facts.parameters:,}"
    own = config.num_distinct_layers
    shared = "" if own == config.num_hidden_layers else f" ({own} with weights of their own)"
    yield "Layers", f"{config.num_hidden_layers}{shared}"
    yield "Attention heads", f"{config.num_attention_heads}"
    yield "Activation", Code(config.activation)
    yield "Vocabulary", f"{config.vocab_size:,} pieces"
    yield "Most pieces of a text", f"{facts.max_length:,}"
    yield "Size of the files", f"{sum(file.size for file in facts.files):,} bytes"
    confirmed = _confirmed(facts)
    declared = "as its files declare" if facts.pooling_declared else "the default, as none declared"
    if facts.by_words:
        yield "Vector of a word", f"that of its first piece ({confirmed})"
        yield "Pooling of texts", f"{facts.pooling} ({declared})"
    else:
        yield "Pooling", f"{facts.pooling} ({declared}; {confirmed})"
    yield "Normalization", "vectors of texts have length 1" if facts.normalize else "none"


def _confirmed(facts: CardFacts) -> str:
    """Whether published values confirm how vectors are made."""
    if facts.verification is None:
        return "not confirmed by published values"
    if facts.verification.used.fits:
        return "confirmed by published values"
    return "published values contradict it"


def _use(facts: CardFacts) -> Iterator[str]:
    yield listing("python", pipeline_code(facts))
    yield paragraph("Vectors of whole texts, without a pipeline:")
    yield listing("python", encoder_code(facts))
    yield listing("sh", command(facts))
    if facts.aliases:
        yield paragraph("Names in one line, which mean the same model:")
        yield listing("", "\n".join(facts.aliases))


def _trained(training: Training) -> Iterator[str]:
    yield from (paragraph(line) for line in training.lines)
    if training.rows:
        yield table(training.rows[0], training.rows[1:])
    if training.curve is not None:
        yield f"![The course of its training]({TRAINING_CURVE})\n"


def results(facts: CardFacts | None, entry: CatalogModel) -> Iterator[str]:
    """Published values beside computed ones, and speed; `facts` is None without the weights."""
    if facts is not None:
        yield from _published(facts)
        yield from _measured(facts)
    elif entry.published:
        yield paragraph("Not compared: its weights are not on this machine.")
        yield _values_table(entry.published, ((),) * len(entry.published))
    else:
        yield paragraph("No values were published for it.")


def details(facts: CardFacts) -> Iterator[tuple[Inline, ...]]:
    """What only the model's files tell."""
    known = {"Language", "License", "Annotator", "Version", "Architecture", "Dimension"}
    yield from (row for row in _summary(facts) if row[0] not in known)


def _published(facts: CardFacts) -> Iterator[str]:
    found = facts.verification
    if found is None:
        yield paragraph(f"Not compared: {facts.unverified}.")
        rows = facts.entry.published if facts.entry is not None else ()
        computed: tuple[tuple[float, ...], ...] = ((),) * len(rows)
    else:
        rows, computed = found.rows, found.computed
    if rows:
        yield _values_table(rows, computed)
    if found is not None:
        used = found.used
        yield paragraph(
            f"With the settings in use ({', '.join(used.settings)}), the model "
            f"{'gives' if used.fits else 'does not give'} its published values: the largest "
            f"difference is {used.difference:.2g}, and {used.tolerance:.2g} is allowed for digits "
            "that are not published and for rounding."
        )
        fitting = [", ".join(c.settings) for c in found.combinations if c.fits]
        yield paragraph(
            f"Settings that give them, of {len(found.combinations)} tried: "
            f"{'; '.join(fitting) or 'none'}."
        )


def _values_table(rows: Sequence[Published], computed: Sequence[tuple[float, ...]]) -> str:
    return table(
        ("Text", "Context", "Published first values", "Computed"),
        (
            (Code(row.text), Code(row.context or row.text), _values(row.values), _values(made))
            for row, made in zip(rows, computed, strict=True)
        ),
    )


def _values(values: tuple[float, ...]) -> Inline:
    return Code(", ".join(f"{value:.6g}" for value in values)) if values else "not computed"


def _measured(facts: CardFacts) -> Iterator[str]:
    found = facts.measured
    if found is None:
        yield paragraph("Not measured.")
        return
    yield table(
        ("Precision", "Texts a second", "Mean cosine to float32", "Least cosine to float32"),
        (
            (
                Code(row.precision),
                f"{row.texts_per_second:,.0f}",
                f"{row.mean_cosine:.6f}",
                f"{row.least_cosine:.6f}",
            )
            for row in found.figures
        ),
    )
    yield paragraph(
        f"Measured on {found.texts:,} texts ({found.text_source}) of {found.pieces:.1f} pieces on "
        "average. The time is that from texts to vectors. "
        f"Cosines are those of the vectors of all {found.vectors}. Processor: {found.processor}; "
        f"instruction set: {found.instruction_set}; threads: {found.threads}. "
        "What else ran on the machine counts against it; embedpipe bench measures with more care."
    )


def _origin(facts: CardFacts) -> Iterator[str]:
    if facts.origin:
        yield paragraph("Fetched, as its record says, from:")
        yield listing("", " ".join(facts.origin))
    else:
        yield paragraph("Where these files were fetched from is not recorded.")
    if facts.entry is not None and facts.entry.sources:
        yield paragraph("The catalog names these sources for a model of this name:")
        yield table(
            ("Source", "Place"),
            ((source.kind, Code(without_secrets(source.place))) for source in facts.entry.sources),
        )
    yield table(
        ("File", "Bytes", "SHA-256", "Is it the expected one?"),
        ((Code(f.name), f"{f.size:,}", Code(f.sha256), _expected(f)) for f in facts.files),
    )


def _expected(file: CardFile) -> str:
    if not file.expected:
        return "nothing to compare with"
    return "yes" if file.sha256 in file.expected else "no, another was recorded or published"
