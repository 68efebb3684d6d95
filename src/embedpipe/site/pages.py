"""A model's page in the order of published cards, and the page that finds models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from embedpipe._dependencies import require
from embedpipe.card import content
from embedpipe.card.blocks import Code, clean, listing, paragraph, table
from embedpipe.card.facts import CardFacts
from embedpipe.hub.catalog_file import CatalogModel, Source
from embedpipe.hub.download import without_secrets
from embedpipe.site.usage import code_by_language

__all__ = ["ModelPage", "index_page", "model_page"]

STATIC = Path(__file__).parent / "static"
_PLAIN = {"title", "description", "notebook", "count"}
_DEMO = '<a class="button main" href="{}">Live demo</a>'
_LEVELS = {"word": "each word in its sentence", "sentence": "each sentence"}


@dataclass(frozen=True)
class ModelPage:
    """What the site has of a model.

    one_line: its name in one line, None without. facts: of the model's card, None where its weights
    are not on this machine.
    """

    model: CatalogModel
    one_line: str | None
    facts: CardFacts | None

    @property
    def file(self) -> str:
        """The name of its page; a name's slash would be a folder."""
        return f"{self.model.name.replace('/', '--')}.html"

    @property
    def speed(self) -> float | None:
        """Texts a second in float32, as measured on this machine."""
        if self.facts is None or self.facts.measured is None:
            return None
        return self.facts.measured.figures[0].texts_per_second


def model_page(page: ModelPage, demo: str | None = None) -> str:
    """The page of one model; `demo` is the address of its live demo, None where there is none."""
    model = page.model
    codes = code_by_language(model, page.one_line)
    return _filled(
        "model.html",
        title=clean(model.name),
        description=_description(model),
        demo="" if demo is None else _DEMO.format(escape(demo, quote=True)),
        notebook=f"notebooks/{Path(page.file).stem}.ipynb",
        tabs="".join(_tab(name, place) for place, name in enumerate(codes)),
        panels="".join(_panel(code, place) for place, code in enumerate(codes.values())),
        download=_html(_download(model)),
        results=_html(content.results(page.facts, model)),
        information=_html([table(("Fact", "Value"), _information(page))]),
        source=_html(_data_source(model)),
    )


def index_page(pages: Sequence[ModelPage]) -> str:
    """The page that lists all models, which its script filters."""
    rows = [_row(page) for page in pages]
    languages = sorted({row["language"] for row in rows})
    licenses = sorted({row["license"] for row in rows})
    return _filled(
        "index.html",
        count=str(len(rows)),
        languages="".join(f"<option>{escape(found)}</option>" for found in languages),
        licenses="".join(f"<option>{escape(found)}</option>" for found in licenses),
        rows="".join(_table_row(row) for row in rows),
    )


def _row(page: ModelPage) -> dict[str, Any]:
    model = page.model
    return {
        "name": model.name,
        "file": page.file,
        "task": model.task,
        "dimension": model.dimension,
        "language": model.language,
        "license": model.license or "unknown",
        "size": None if page.facts is None else sum(file.size for file in page.facts.files),
        "speed": page.speed,
        "words": " ".join([model.name, page.one_line or "", model.architecture]).lower(),
    }


def _table_row(row: dict[str, Any]) -> str:
    size = "" if row["size"] is None else f"{row['size'] / 1e6:,.0f} MB"
    speed = "" if row["speed"] is None else f"{row['speed']:,.0f}"
    data = escape(json.dumps({key: row[key] for key in row if key != "file"}), quote=True)
    return (
        f'<tr data-model="{data}"><th scope="row"><a href="{escape(row["file"], quote=True)}">'
        f"{escape(row['name'])}</a></th><td>{row['task']}</td><td>{row['dimension']:,}</td>"
        f"<td>{escape(row['language'])}</td><td>{escape(row['license'])}</td>"
        f"<td>{size}</td><td>{speed}</td></tr>\n"
    )


def _description(model: CatalogModel) -> str:
    cased = {True: " that tells capitals apart", False: " in lower case", None: ""}
    return (
        f"A {model.architecture.upper()} encoder of language {model.language!r} for the annotator "
        f"{model.annotator}: a vector of {model.dimension:,} numbers for {_LEVELS[model.task]}"
        f"{cased[model.case_sensitive]}."
    )


def _tab(name: str, place: int) -> str:
    chosen = "true" if place == 0 else "false"
    return (
        f'<button type="button" role="tab" id="tab-{place}" aria-controls="panel-{place}" '
        f'aria-selected="{chosen}" tabindex="{-1 if place else 0}">{escape(name)}</button>'
    )


def _panel(code: str, place: int) -> str:
    hidden = " hidden" if place else ""
    return (
        f'<div role="tabpanel" id="panel-{place}" aria-labelledby="tab-{place}"{hidden}>'
        '<button type="button" class="copy">Copy</button>'
        f'<pre tabindex="0"><code>{escape(clean(code))}</code></pre></div>\n'
    )


def _download(model: CatalogModel) -> Iterator[str]:
    yield listing("sh", f"embedpipe models get {model.name}")
    yield paragraph("It asks these sources in this order, and checks what they give:")
    yield table(("Source", "Place"), (_source(source) for source in model.sources))


def _source(source: Source) -> tuple[str, Code]:
    return source.kind, Code(without_secrets(source.place))


def _information(page: ModelPage) -> Iterator[tuple[Any, ...]]:
    model = page.model
    yield "Name", Code(model.name)
    if page.one_line is not None:
        yield "Name in one line", Code(page.one_line)
    yield "Version", model.version or "unknown"
    yield "License", model.license or "unknown"
    yield "Language", model.language
    yield "Annotator", Code(model.annotator)
    yield "Architecture", model.architecture
    yield "Dimension", f"{model.dimension:,}"
    cased = {True: "yes", False: "no", None: "unknown"}
    yield "Case sensitive", cased[model.case_sensitive]
    if page.facts is not None:
        yield from content.details(page.facts)


def _data_source(model: CatalogModel) -> Iterator[str]:
    if not model.notes:
        yield paragraph("The catalog says nothing of the texts that it was trained on.")
    yield from (paragraph(note) for note in model.notes)


def _html(blocks: Any) -> str:
    reader = require("markdown_it", "the hub's pages").MarkdownIt
    text = "\n".join(blocks)
    page = str(reader("commonmark", {"html": False}).enable("table").render(text))
    return page.replace("<table>", '<table tabindex="0">')  # on a phone it scrolls, by keys too


def _filled(name: str, **parts: str) -> str:
    """A template with its parts: those in `_PLAIN` are text, the others markup already."""
    values = {key: escape(part) if key in _PLAIN else part for key, part in parts.items()}
    return Template((STATIC / name).read_text(encoding="utf-8")).substitute(values)
