"""Words of a sentence, as Spark NLP's Tokenizer finds them.

The parameters are in `word_rules`; many sentences at once are split in `word_columns`; offsets as
Spark NLP records them, where they differ from the true ones, are in `recorded`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from embedpipe.text.code_points import CodePoints, unused_characters
from embedpipe.text.java.regex import compile_java, find_all, replace_all
from embedpipe.text.segment import Segment, has_length
from embedpipe.text.word_rules import DEFAULT_CONTEXT_CHARS, WordRules

__all__ = ["DEFAULT_CONTEXT_CHARS", "Candidate", "WordRules", "WordSplitter"]

# Stands for a separator that an exception keeps; another one does in texts that hold it.
_PROTECTED = "\ufdd0"

Spans = list[tuple[int, int]]


class Group(NamedTuple):
    """Where the words of one group of a rule lie in their candidate."""

    spans: Spans
    is_split: bool


class Candidate(NamedTuple):
    """A run of target characters, what it holds protected, and the words that the rules find.

    `groups` has one entry for each group of the rule that matched, None if none did.
    """

    text: str
    begin: int
    groups: list[Group] | None
    is_exception: bool = False


class Separators(NamedTuple):
    """What words are split at further: `pattern`, if `sign` is found in them."""

    sign: re.Pattern[str]
    pattern: re.Pattern[str]


class WordSplitter:
    """Splits sentences into words by one set of rules; made once, used for many sentences.

    >>> [word.text for word in WordSplitter().split('"Well," he said.')]
    ['"', 'Well', ',"', 'he', 'said', '.']
    """

    def __init__(self, rules: WordRules = WordRules()) -> None:  # noqa: B008
        self.rules = rules
        target = rules.target()
        self._target = target
        self._separator = re.compile((~target).pattern)
        self._exceptions = rules.exception_pattern()
        self._candidates = {_PROTECTED: _runs(target | CodePoints.of(_PROTECTED))}
        self._plain_candidates = _runs(target)
        self._rules = rules.rules()
        self._split_pattern = (
            None
            if rules.split_pattern is None
            else compile_java(rules.split_pattern, "split_pattern")
        )
        self._split_chars = _split_chars(rules.split_chars)
        self._scanner = self._make_scanner()

    @property
    def separators(self) -> CodePoints:
        """The characters between candidates."""
        return ~self._target

    @property
    def is_plain(self) -> bool:
        """Whether words are runs of target characters without context characters at their ends."""
        rules = self.rules
        further = rules.exceptions or rules.split_chars or rules.split_pattern is not None
        return rules.has_default_rule and not further

    def _make_scanner(self) -> re.Pattern[str] | None:
        """One pattern that finds all words in turn, if the rules are plain.

        A run of context characters at either end is a word, and so is a candidate of nothing else.
        """
        if not self.is_plain:
            return None
        context = self._target & self.rules.context
        core = self._target & ~self.rules.context
        run, target, first = context.pattern, self._target.pattern, core.pattern
        edges = f"{run}+|" if context.ranges else ""
        return re.compile(f"{edges}{first}(?:{target}*{first})?")

    def split(self, text: str) -> list[Segment]:
        """The words of `text` in order; each has `text[begin:end]` as its text.

        They do not overlap, unless the rules' own groups lie within each other.
        """
        if self._scanner is not None:
            found = [Segment(m[0], m.start(), m.end()) for m in self._scanner.finditer(text)]
        else:
            found = list(self._words(text))
        least, most = self.rules.min_length, self.rules.max_length
        if least > 1 or 2 * len(text) > most:
            return [word for word in found if has_length(word.text, least, most)]
        return found

    def _words(self, text: str) -> Iterator[Segment]:
        for candidate in self.candidates(text):
            begin = candidate.begin
            if candidate.groups is None:
                end = begin + len(candidate.text)
                yield Segment(text[begin:end], begin, end)
                continue
            for group in candidate.groups:
                for first, last in group.spans:
                    if first < last:
                        yield Segment(
                            text[begin + first : begin + last], begin + first, begin + last
                        )

    def candidates(self, text: str, split_chars: Separators | None = None) -> Iterator[Candidate]:
        """The candidates of `text`; `split_chars` replaces what the rules' own ones mean."""
        if self._exceptions is None:
            for match in self._plain_candidates.finditer(text):
                groups = self._groups(match[0], split_chars or self._split_chars)
                yield Candidate(match[0], match.start(), groups)
            return
        mark = _PROTECTED if _PROTECTED not in text else unused_characters(text, 1)[0]
        content, unbroken = self._protect(self._exceptions, text, mark)
        runs = self._candidates.get(mark) or _runs(self._target | CodePoints.of(mark))
        for match in runs.finditer(content):
            candidate = match[0]
            if mark in candidate or candidate in unbroken:
                yield Candidate(candidate, match.start(), None, is_exception=True)
            else:
                groups = self._groups(candidate, split_chars or self._split_chars)
                yield Candidate(candidate, match.start(), groups)

    def _protect(self, exceptions: re.Pattern[str], text: str, mark: str) -> tuple[str, set[str]]:
        """`text` with a mark for each separator in an exception, and the exceptions without any."""
        unbroken: set[str] = set()

        def hide(match: re.Match[str]) -> str:
            hidden = self._separator.sub(mark, match[0])
            if hidden == match[0]:
                unbroken.add(hidden)
            return hidden

        return replace_all(exceptions, hide, text), unbroken

    def _groups(self, candidate: str, split_chars: Separators | None) -> list[Group] | None:
        """The words that the first matching rule's groups give, split further; None without one."""
        for rule in self._rules:
            match = rule.search(candidate)
            if match:
                spans = (match.span(group) for group in range(1, rule.groups + 1))
                return [
                    self._split_further(candidate, begin, end, split_chars)
                    for begin, end in spans
                    if begin >= 0
                ]
        return None

    def _split_further(
        self, candidate: str, begin: int, end: int, split_chars: Separators | None
    ) -> Group:
        if begin < end:
            if self._split_pattern is not None:
                spans = split_like_java(self._split_pattern, candidate, begin, end)
                if len(spans) > 1:
                    return Group(spans, is_split=True)
            if split_chars is not None and split_chars.sign.search(candidate, begin, end):
                spans = split_like_java(split_chars.pattern, candidate, begin, end)
                return Group(spans, is_split=True)
        return Group([(begin, end)], is_split=False)


def _runs(characters: CodePoints) -> re.Pattern[str]:
    return re.compile(f"(?:{characters.pattern})+")


def _split_chars(entries: tuple[str, ...]) -> Separators | None:
    """The separators of `split_chars`: each a character; Java's escapes keep their meaning."""
    if not entries:
        return None
    written = (entry if len(entry) == 2 else rf"\x{{{ord(entry):x}}}" for entry in entries)
    pattern = compile_java("|".join(written), "split_chars")
    return Separators(pattern, pattern)


def split_like_java(separator: re.Pattern[str], text: str, begin: int, end: int) -> Spans:
    """Where the parts of `text[begin:end]` between separators lie, as `String.split` gives them.

    Empty parts at the end are left out, so nothing but separators gives no part at all; an empty
    match where the text begins separates nothing.
    """
    spans = []
    start = begin
    for match in find_all(separator, text[begin:end]):
        if match.end() > 0:
            spans.append((start, begin + match.start()))
            start = begin + match.end()
    if not spans:
        return [(begin, end)]
    spans.append((start, end))
    while spans and spans[-1][0] == spans[-1][1]:
        spans.pop()
    return spans
