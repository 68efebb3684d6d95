"""A card's parts as Markdown with front matter, and as one HTML page; what they say is in `parts`.

All text is escaped here: names, sentences and sources may come from catalogs of anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from embedpipe.card.facts import CardFacts
from embedpipe.card.parts import Code, Heading, Inline, Listing, Paragraph, Table, parts

__all__ = ["html", "markdown"]

_LICENSES = ("apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0", "gpl-3.0")
"""Identifiers that the model card convention has for what catalogs name."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
h1, td, th, p, li { overflow-wrap: anywhere; }
pre, .table { overflow-x: auto; }
pre { padding: 0.75rem; background: #8882; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #8886; text-align: left; }
"""


def markdown(facts: CardFacts) -> str:
    """The card in Hugging Face's convention: YAML front matter, then the text."""
    blocks = [*_front_matter(facts)]
    for part in parts(facts):
        if isinstance(part, Heading):
            blocks.append(f"\n{'#' * part.level} {_markdown(part.text)}\n")
        elif isinstance(part, Paragraph):
            blocks.append(_markdown(part.text) + "\n")
        elif isinstance(part, Listing):
            fence = "`" * max(3, 1 + _longest_run(part.text))
            blocks.append(f"{fence}{part.language}\n{_clean(part.text)}\n{fence}\n")
        else:
            rows = [part.header, ("---",) * len(part.header), *part.rows]
            blocks += ["| " + " | ".join(_cells(row, rows[1])) + " |" for row in rows]
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
    entry = facts.entry
    yield "---"
    if entry is not None:
        yield f"language: {_yaml(entry.language)}"
    license_name = entry.license if entry is not None else None
    if license_name is None:
        yield "license: unknown"
    elif license_name.lower() in _LICENSES:
        yield f"license: {license_name.lower()}"
    else:
        yield "license: other"
        yield f"license_name: {_yaml(license_name)}"
    is_sentence = entry is not None and entry.task == "sentence"
    yield "library_name: embedpipe"
    yield f"pipeline_tag: {'sentence-similarity' if is_sentence else 'feature-extraction'}"
    yield "tags:"
    yield "- embedpipe"
    yield f"- {facts.config.architecture}"
    yield "---"


def _yaml(text: str) -> str:
    kept = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in _clean(text))
    return '"' + "".join(kept) + '"'


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which UTF-8 has not, and control characters."""
    return re.sub(r"[\ud800-\udfff\x00-\x09\x0b-\x1f\x7f-\x9f]", "\ufffd", text)


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _markdown(text: Inline) -> str:
    if not isinstance(text, Code):
        return re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", _one_line(text))
    content = _one_line(text.text)
    fence = "`" * (1 + _longest_run(content))
    space = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{space}{content}{space}{fence}"


def _cells(row: Sequence[Inline], rule: Sequence[Inline]) -> Iterator[str]:
    for cell in row:
        # A pipe ends a cell even inside a code span, unless it is escaped
        text = _markdown(cell)
        yield text if row is rule or not isinstance(cell, Code) else text.replace("|", "\\|")


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _inline(text: Inline) -> str:
    if isinstance(text, Code):
        return f"<code>{escape(_one_line(text.text))}</code>"
    return escape(_one_line(text))


def _html_part(part: Heading | Paragraph | Listing | Table) -> str:
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
