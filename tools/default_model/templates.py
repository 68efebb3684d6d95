"""Texts of our own: captions, headlines, questions and statements, each scene told in several ways.

The words and the scenes are in `templates.txt`. Near-paraphrases and small changes of one thing are
what a model of meaning must tell apart, so a scene is told two or three times, and once more with
something in it replaced.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .inflection import inflected, plural, with_articles

__all__ = ["Templates"]

_SOURCE = Path(__file__).with_name("templates.txt")
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_DIGITS = re.compile(r"\d+$")

_SHARES = {"captions": 38, "headlines": 32, "questions": 16, "statements": 14}
"""How many of a hundred scenes are of a kind."""

_CHANGED = 0.4
"""The share of scenes that are told once more with one thing replaced."""


class Templates:
    """Makes texts of the templates; the same seed gives the same ones.

    words: more kinds of words, such as WordNet's cities.
    """

    def __init__(self, words: Mapping[str, list[str]], seed: int) -> None:
        self._words = dict(words)
        self._scenes: dict[str, list[list[str]]] = {}
        self._random = random.Random(seed)
        for part in _SOURCE.read_text("utf-8").split("\n## ")[1:]:
            title, _, body = part.partition("\n")
            what, name = title.split()
            if what == "words":
                self._words[name] = [word.strip() for word in body.split(";")]
            else:
                lines = [line for line in body.splitlines() if line]
                self._scenes[name] = [line.split(" | ") for line in lines]

    def texts(self) -> Iterator[str]:
        """Without end; some come more than once."""
        kinds, shares = list(_SHARES), list(_SHARES.values())
        while True:
            (kind,) = self._random.choices(kinds, shares)
            yield from self._scene(self._random.choice(self._scenes[kind]))

    def _scene(self, ways: list[str]) -> Iterator[str]:
        bound: dict[str, str] = {}
        for way in self._random.sample(ways, self._random.randint(2, 3)):
            yield self._told(way, bound)
        if bound and self._random.random() < _CHANGED:
            way = self._random.choice(ways)
            self._told(way, bound)
            slots = [name for name, _ in _SLOT.findall(way)]
            if slots:
                del bound[self._random.choice(slots)]
                yield self._told(way, bound)

    def _told(self, way: str, bound: dict[str, str]) -> str:
        def fill(slot: re.Match[str]) -> str:
            name, form = slot[1], slot[2]
            if name not in bound:
                bound[name] = self._drawn(name, set(bound.values()))
            return _in_form(bound[name], form)

        text = with_articles(_SLOT.sub(fill, way))
        return text[:1].upper() + text[1:]

    def _drawn(self, name: str, taken: set[str]) -> str:
        kind = name if name in self._words else _DIGITS.sub("", name)
        found = ""
        for _ in range(10):
            found = self._random.choice(self._words[kind])
            found = _SLOT.sub(lambda slot: self._drawn(slot[1], taken), found)
            if found not in taken:
                break
        return found


def _in_form(words: str, form: str | None) -> str:
    """`cap`: with a capital; `pl`: more of them; else a form of the verb that they begin with."""
    if form is None:
        return words
    if form == "cap":
        return words[:1].upper() + words[1:]
    return plural(words) if form == "pl" else inflected(words, form)
