"""The parameters of sentence splitting, checked, and the marks that a text gets by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from embedpipe.errors import ParameterError
from embedpipe.text.java.regex import compile_java, find_all, replace_all
from embedpipe.text.segment import check_lengths
from embedpipe.text.sentence_marks import BOUND, BREAK, CLOSE, OPEN, mark

__all__ = ["BOUND_STRATEGIES", "SentenceRules", "mark_all", "sentence_ends"]

BOUND_STRATEGIES = ("none", "prepend", "append")

_MARKER = re.compile(f"[{BREAK}{OPEN}{CLOSE}{BOUND}]")
_STOP_OR_MARKER = re.compile(f"[.;{BREAK}{OPEN}{CLOSE}{BOUND}]")


@dataclass(frozen=True)
class SentenceRules:
    """How a document is cut into sentences: SentenceDetector's parameters, checked.

    - `use_abbreviations` (True): stops of known abbreviations end no sentence.
    - `detect_lists` (True): item labels such as `(a)` and `1.` begin a sentence.
    - `custom_bounds` (none): patterns of java.util.regex that end a sentence too.
    - `custom_bounds_strategy` ("none"): what becomes of a bound's own text: "none" leaves it out,
      "prepend" gives it to the sentence after it, "append" to the one before it.
    - `use_custom_bounds_only` (False): if there are custom bounds, nothing else ends a sentence.
    - `split_length` (None): longer sentences are cut at spaces, in UTF-16 units.
    - `min_length` (0), `max_length` (99999): other sentences are left out, in UTF-16 units.

    Raises ParameterError if a bound is no usable pattern, the strategy is unknown, a length is
    too small or `min_length` exceeds `max_length`.
    """

    use_abbreviations: bool = True
    detect_lists: bool = True
    use_custom_bounds_only: bool = False
    custom_bounds: tuple[str, ...] = ()
    custom_bounds_strategy: str = "none"
    split_length: int | None = None
    min_length: int = 0
    max_length: int = 99999
    bounds: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.custom_bounds_strategy not in BOUND_STRATEGIES:
            raise ParameterError(
                f"custom_bounds_strategy is {self.custom_bounds_strategy!r}; "
                f"allowed are {', '.join(BOUND_STRATEGIES)}. Choose one of these."
            )
        check_lengths(self.min_length, self.max_length)
        if self.split_length is not None and self.split_length < 1:
            raise ParameterError(
                f"split_length is {self.split_length}; it must be 1 or more. "
                "Leave it unset if no sentence is to be cut."
            )
        compiled = tuple(compile_java(bound, "custom_bounds") for bound in self.custom_bounds)
        object.__setattr__(self, "bounds", compiled)

    @property
    def only_bounds(self) -> bool:
        """Whether nothing but the custom bounds ends a sentence."""
        return self.use_custom_bounds_only and bool(self.bounds)


def mark_all(text: str, rules: SentenceRules) -> tuple[str, list[int]]:
    """`text`, free of marks, with its marks; and how many characters each BOUND stands for."""
    widths: list[int] = []
    for bound in rules.bounds:
        if rules.custom_bounds_strategy == "prepend":
            text = replace_all(bound, lambda match: BREAK + match[0], text)
        elif rules.custom_bounds_strategy == "append":
            text = replace_all(bound, lambda match: match[0] + BREAK, text)
        else:
            text, widths = _replace_bound(text, bound, widths)
    if rules.only_bounds:
        return text, widths
    marked = mark(
        text,
        abbreviations=rules.use_abbreviations,
        lists=rules.detect_lists,
        numbers_first=not rules.bounds,
    )
    return marked, widths


def _replace_bound(text: str, bound: re.Pattern[str], widths: list[int]) -> tuple[str, list[int]]:
    """Each match replaced by BOUND, and the new widths; a match may take in earlier BOUNDs."""
    earlier = iter(widths)
    found: list[int] = []
    parts: list[str] = []
    done = 0
    for match in find_all(bound, text):
        before = text[done : match.start()]
        found += [next(earlier) for _ in range(before.count(BOUND))]
        inside = match[0].count(BOUND)
        found.append(len(match[0]) - inside + sum(next(earlier) for _ in range(inside)))
        parts += (before, BOUND)
        done = match.end()
    return "".join(parts) + text[done:], found + list(earlier)


def sentence_ends(marked: str, *, at_stops: bool) -> Iterator[tuple[int, int]]:
    """Where a sentence of a marked text ends and the next begins; a mark at the end is in neither.

    Whether an end counts depends on the next marker after it alone: OPEN or nothing lets it
    stand, CLOSE takes it back. With `at_stops` each `.` and `;` ends a sentence too.
    """
    pending: list[tuple[int, int]] = []
    for match in (_STOP_OR_MARKER if at_stops else _MARKER).finditer(marked):
        kind = match[0]
        position = match.start()
        if kind in ".;":
            pending.append((position + 1, position + 1))
        elif kind in (BREAK, BOUND):
            pending.append((position, position + 1))
        else:
            if kind == OPEN:
                yield from pending
            pending = []
    yield from pending
