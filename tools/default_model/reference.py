"""Paragraphs of reference works: WordNet, the Jargon File, the Devil's Dictionary, manuals."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

__all__ = ["dictionary", "manual", "page", "wordnet_texts"]

_QUOTED = re.compile(r'"([^"]+)"')
_PROSELESS = {"_modules", "api", "generated"}
"""Folders of source code, and of pages that repeat the same few sentences."""

_ENTRY = re.compile(r"^([A-Z][A-Z' -]+), (n|adj|v\.t|v\.i|adv|pp)\.\s+")


def wordnet_texts(folder: Path) -> tuple[list[str], list[str]]:
    """All glosses, with the words they explain where they are short, and all example sentences."""
    glosses, examples = [], []
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"usr/share/wordnet/data.{part}").read_text("utf-8").splitlines():
            if line.startswith(" "):
                continue
            head, _, gloss = line.partition(" | ")
            word = re.sub(r"\(\w+\)$", "", head.split(" ")[4]).replace("_", " ")
            examples += _QUOTED.findall(gloss)
            meaning = _QUOTED.sub("", gloss).strip(" ;:,")
            glosses.append(f"{word}: {meaning}" if meaning.count(" ") < 6 else meaning)
    return glosses, examples


def dictionary(folder: Path) -> Iterator[str]:
    """Paragraphs of the one file of dictd's format that a package holds."""
    path = next(folder.rglob("*.dict.dz"))
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        text = file.read()
    for paragraph in re.split(r"\n\s*\n", text):
        plain = re.sub(r"\{([^{}]*)\}", r"\1", paragraph).replace("_", "")
        yield _ENTRY.sub("", plain.strip())


class _Paragraphs(HTMLParser):
    """Gathers the text of `<p>` elements; code within them stays, as words of the sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._parts: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block of any kind ends a paragraph; `<p>` begins one."""
        del attrs
        if tag in ("p", "pre", "table", "ul", "ol", "dl", "div", "li", "h1", "h2", "h3"):
            self._end()
        if tag == "p":
            self._parts = []

    def handle_endtag(self, tag: str) -> None:
        """The paragraph's end."""
        if tag in ("p", "div", "li", "dd"):
            self._end()

    def handle_data(self, data: str) -> None:
        """Text within a paragraph."""
        if self._parts is not None:
            self._parts.append(data)

    def _end(self) -> None:
        if self._parts:
            self.found.append("".join(self._parts))
        self._parts = None


def manual(folder: Path) -> Iterator[str]:
    """Paragraphs of all HTML files, in the order of their names."""
    for path in sorted(folder.rglob("*.html")):
        if _PROSELESS.isdisjoint(path.parts):
            yield from page(path)


def page(path: Path) -> list[str]:
    """Paragraphs of one HTML file."""
    parser = _Paragraphs()
    parser.feed(path.read_text("utf-8", errors="replace"))
    return parser.found
