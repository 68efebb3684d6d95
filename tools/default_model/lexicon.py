"""Words of a kind, out of WordNet: what is below a noun, as far as people use it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from functools import cached_property
from pathlib import Path

__all__ = ["Lexicon"]

_BELOW = ("~", "~i")
"""WordNet's pointers to what is a kind of a thing, or an instance of it."""


class Lexicon:
    """WordNet's nouns, verbs, adjectives and adverbs by meaning.

    folder: of the files `data.noun` and so on. usual: the words that may be given.
    """

    def __init__(self, folder: Path, usual: Container[str]) -> None:
        self._folder = folder
        self._usual = usual

    def kinds(self, noun: str, *, senses: int = 1, sense: int = 1) -> list[str]:
        """The usual words for kinds of a noun, where this is among their first `senses` meanings.

        sense: which meaning of `noun`.
        """
        top = self._senses["n", noun][sense - 1]
        below, todo = {top}, [top]
        while todo:
            for synset in self._below[todo.pop()]:
                if synset not in below:
                    below.add(synset)
                    todo.append(synset)
        found = []
        for (part, word), meanings in self._senses.items():
            is_usual = part == "n" and word != noun and word.lower() in self._usual
            if is_usual and not below.isdisjoint(meanings[:senses]):
                found.append(self._spelled.get(word, word))
        return sorted(set(found))

    def synonyms(self, part: str, word: str) -> list[str]:
        """Other usual words for the first meaning of a word; part: n, v, a or r."""
        meanings = self._senses.get((part, word), [])
        same = self._words[part, meanings[0]] if meanings else []
        return [w for w in same if w != word and w in self._usual]

    @cached_property
    def _senses(self) -> dict[tuple[str, str], list[int]]:
        """The places of a word's meanings, the most frequent first."""
        found = {}
        for part, name in (("n", "noun"), ("v", "verb"), ("a", "adj"), ("r", "adv")):
            for line in self._lines(f"index.{name}"):
                fields = line.split()
                count = int(fields[2])
                found[part, fields[0]] = [int(place) for place in fields[-count:]]
        return found

    @cached_property
    def _words(self) -> dict[tuple[str, int], list[str]]:
        found = {}
        for part, name in (("n", "noun"), ("v", "verb"), ("a", "adj"), ("r", "adv")):
            for line in self._lines(f"data.{name}"):
                fields = line.split(" ")
                count = int(fields[3], 16)
                found[part, int(fields[0])] = fields[4 : 4 + 2 * count : 2]
        return found

    @cached_property
    def _spelled(self) -> dict[str, str]:
        """How words with capitals are written."""
        words = (word for (part, _), words in self._words.items() if part == "n" for word in words)
        return {word.lower(): word for word in words if word != word.lower()}

    @cached_property
    def _below(self) -> dict[int, list[int]]:
        found = defaultdict(list)
        for line in self._lines("data.noun"):
            fields = line.partition(" | ")[0].split(" ")
            at = 4 + 2 * int(fields[3], 16)
            for number in range(int(fields[at])):
                sign, place, part, _ = fields[at + 1 + 4 * number : at + 5 + 4 * number]
                if sign in _BELOW and part == "n":
                    found[int(fields[0])].append(int(place))
        return found

    def _lines(self, name: str) -> list[str]:
        lines = (self._folder / name).read_text("utf-8").splitlines()
        return [line for line in lines if not line.startswith(" ")]
