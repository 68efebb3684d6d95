"""A card as Markdown with front matter, and the same as one HTML page; `content` has the text."""

from __future__ import annotations

import re
from html import escape

from embedpipe._dependencies import require
from embedpipe.card.blocks import clean
from embedpipe.card.content import body
from embedpipe.card.facts import CardFacts

__all__ = ["html", "markdown"]

_LICENSE = re.compile(
    r"afl-3\.0|apache-2\.0|artistic-2\.0|bsd|bsd-[23]-clause|bsl-1\.0|mit|mpl-2\.0|isc|zlib"
    r"|cc0-1\.0|cc-by-(2\.[05]|[34]\.0)|cc-by-nc(-sa)?-[234]\.0|cc-by(-nc-nd|-sa)-[34]\.0"
    r"|cc-by-nd-4\.0|a?gpl-3\.0|gpl-2\.0|lgpl-(2\.1|3\.0)|openrail|unknown|unlicense|wtfpl"
)
"""Identifiers that the model card convention has; other licenses are "other" with their name."""

_LANGUAGES = {"xx": "multilingual"}
"""What the model card convention calls a language of catalogs."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }}
h1, td, th, p, li {{ overflow-wrap: anywhere; }}
pre, table {{ overflow-x: auto; }}
pre {{ padding: 0.75rem; background: #8882; }}
code {{ font-family: ui-monospace, monospace; }}
table {{ display: block; margin: 1rem 0; border-collapse: collapse; }}
th, td {{ min-width: 7rem; padding: 0.25rem 0.75rem; text-align: left; vertical-align: top; }}
tr {{ border-bottom: 1px solid #8886; }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def markdown(facts: CardFacts) -> str:
    """The card in Hugging Face's format: YAML front matter, then the text."""
    return f"---\n{_front_matter(facts)}\n---\n\n{body(facts)}"


def html(facts: CardFacts) -> str:
    """The card as a self-contained page, without scripts or external resources.

    Raises MissingDependencyError without the package markdown-it-py.
    """
    reader = require("markdown_it", "a model's card as a page").MarkdownIt
    page = reader("commonmark", {"html": False}).enable("table").render(body(facts))
    return _PAGE.format(title=escape(clean(facts.name)), body=page)


def _front_matter(facts: CardFacts) -> str:
    name = None if facts.license is None else clean(facts.license)
    license_id = "unknown" if name is None else name.lower()
    is_known = _LICENSE.fullmatch(license_id) is not None
    language = None if facts.language is None else clean(facts.language)
    data = require("huggingface_hub", "a model's card").ModelCardData(
        language=_LANGUAGES.get(language or "", language),
        license=license_id if is_known else "other",
        license_name=None if is_known else name,
        library_name="embedpipe",
        pipeline_tag="feature-extraction" if facts.by_words else "sentence-similarity",
        tags=["embedpipe", facts.config.architecture],
    )
    return str(data.to_yaml())
