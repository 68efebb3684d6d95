"""A card's parts as Markdown with front matter, and as one HTML page; what it says is in `content`.

All text is escaped here: names, sentences and sources may come from catalogs of anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from embedpipe.card.content import parts
from embedpipe.card.facts import CardFacts
from embedpipe.card.parts import Code, Heading, Inline, Listing, Paragraph, Part

__all__ = ["html", "markdown"]

_LICENSE = re.compile(
    r"afl-3\.0|apache-2\.0|artistic-2\.0|bsd|bsd-[23]-clause|bsl-1\.0|mit|mpl-2\.0|isc|zlib"
    r"|cc0-1\.0|cc-by-(2\.[05]|[34]\.0)|cc-by-nc(-sa)?-[234]\.0|cc-by(-nc-nd|-sa)-[34]\.0"
    r"|cc-by-nd-4\.0|a?gpl-3\.0|gpl-2\.0|lgpl-(2\.1|3\.0)|openrail|unknown|unlicense|wtfpl"
)
"""Identifiers that the model card convention has; other licenses are "other" with their name."""

_LANGUAGES = {"xx": "multilingual"}
"""What the model card convention calls a language of catalogs."""

_CONTROLS = re.compile("[\ud800-\udfff\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""The last two ranges turn the direction of writing around, so that text could look like other."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
h1, td, th, p, li { overflow-wrap: anywhere; }
pre, .table { overflow-x: auto; }
pre { padding: 0.75rem; background: #8882; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; }
th, td { min-width: 4.5rem; padding: 0.25rem 0.75rem; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid #8886; }
"""


def markdown(facts: CardFacts) -> str:
    """The card in Hugging Face's convention: YAML front matter, then the text."""
    blocks = [*_front_matter(facts)]
    for part in parts(facts):
        if isinstance(part, Heading):
            blocks.append(f"{'#' * part.level} {_markdown(part.text)}\n")
        elif isinstance(part, Paragraph):
            blocks.append(_markdown(part.text) + "\n")
        elif isinstance(part, Listing):
            fence = "`" * max(3, 1 + _longest_run(part.text))
            blocks.append(f"{fence}{part.language}\n{_clean(part.text)}\n{fence}\n")
        else:
            rows = [[_cell(cell) for cell in row] for row in (part.header, *part.rows)]
            rows.insert(1, ["---"] * len(part.header))
            blocks += ["| " + " | ".join(row) + " |" for row in rows]
            blocks.append("")
    return "\n".join(blocks)


def html(facts: CardFacts) -> str:
    """The card as a page that needs nothing else: no scripts, no resources from outside."""
    title = escape(_clean(facts.name))
    body = "\n".join(_html_part(part) for part in parts(facts))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _front_matter(facts: CardFacts) -> Iterator[str]:
    yield "---"
    if facts.language is not None:
        yield f"language: {_yaml(_LANGUAGES.get(facts.language, facts.language))}"
    if facts.license is None:
        yield "license: unknown"
    elif _LICENSE.fullmatch(facts.license.lower()):
        yield f"license: {facts.license.lower()}"
    else:
        yield "license: other"
        yield f"license_name: {_yaml(facts.license)}"
    yield "library_name: embedpipe"
    yield f"pipeline_tag: {'feature-extraction' if facts.by_words else 'sentence-similarity'}"
    yield "tags:"
    yield "- embedpipe"
    yield f"- {facts.config.architecture}"
    yield "---\n"


def _yaml(text: str) -> str:
    kept = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in _clean(text))
    return '"' + "".join(kept) + '"'


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which UTF-8 has not, and characters that control."""
    return _CONTROLS.sub("\ufffd", text)


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _markdown(text: Inline) -> str:
    if not isinstance(text, Code):
        escaped = re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", _one_line(text))
        # What begins a list, a rule or an underline at the start of a line
        return re.sub(r"^(\d+(?=[.)](\s|$))|(?=[-+=]))(.)", r"\1\\\3", escaped)
    content = _one_line(text.text)
    if not content:
        return ""
    fence = "`" * (1 + _longest_run(content))
    space = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{space}{content}{space}{fence}"


def _cell(text: Inline) -> str:
    if isinstance(text, Code) and "|" in text.text:
        # It would end the cell even inside a code span, where nothing can be escaped for sure
        return f"<code>{_markdown(text.text)}</code>"
    return _markdown(text)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _inline(text: Inline) -> str:
    if isinstance(text, Code):
        return f"<code>{escape(_one_line(text.text))}</code>"
    return escape(_one_line(text))


def _html_part(part: Part) -> str:
    if isinstance(part, Heading):
        return f"<h{part.level}>{_inline(part.text)}</h{part.level}>"
    if isinstance(part, Paragraph):
        return f"<p>{_inline(part.text)}</p>"
    if isinstance(part, Listing):
        return f"<pre><code>{escape(_clean(part.text))}</code></pre>"
    header = "".join(f"<th>{_inline(cell)}</th>" for cell in part.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in part.rows
    )
    return (
        f'<div class="table"><table>\n<thead><tr>{header}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )
