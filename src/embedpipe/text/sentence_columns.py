"""Sentences of many texts at once, as arrays of offsets: no Python object per sentence.

Equal to calling `split_sentences` on each text, which is what happens for parameters that need more
than the marks put into it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedpipe.text.segment import Stretches, stretches_of
from embedpipe.text.sentence_marks import BREAK, CLOSE, OPEN, mark
from embedpipe.text.sentence_rules import SentenceRules
from embedpipe.text.sentences import cleared, split_sentences

__all__ = ["split_all"]

Int64 = npt.NDArray[np.int64]

_AFTER = OPEN  # stands behind each text, and lets what may end a sentence end it


def split_all(texts: Sequence[str], rules: SentenceRules) -> Stretches:
    """The sentences of each of `texts`.

    >>> split_all(["Dr. Lee left. So did I.", "", "Why?"], SentenceRules()).begins.tolist()
    [0, 14, 0]
    """
    if not _marks_suffice(texts, rules):
        return stretches_of([split_sentences(text, rules) for text in texts])
    abbreviations, lists = rules.use_abbreviations, rules.detect_lists
    marked = [
        mark(cleared(text), abbreviations=abbreviations, lists=lists, numbers_first=True)
        for text in texts
    ]
    joined = _AFTER.join([*marked, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    behind = np.cumsum(np.fromiter(map(len, marked), np.int64, len(marked)) + len(_AFTER))
    marks, ends = _ends(codes, behind - len(_AFTER))
    begins, ends = _trimmed(codes, marks, ends)
    counts = np.diff(np.searchsorted(begins, behind), prepend=0)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    own = np.repeat(np.cumsum(lengths) - lengths, counts)
    # No mark is in the source; what is put in before an offset counts there for nothing.
    return Stretches(
        counts,
        begins - np.searchsorted(marks, begins) - own,
        ends - np.searchsorted(marks, ends) - own,
    )


def _marks_suffice(texts: Sequence[str], rules: SentenceRules) -> bool:
    further = rules.bounds or rules.split_length is not None or rules.min_length > 1
    return not further and 2 * max(map(len, texts), default=0) <= rules.max_length


def _ends(codes: npt.NDArray[np.uint32], text_ends: Int64) -> tuple[Int64, Int64]:
    """Where marks stand, and where sentences and texts end, ascending, twice where both do.

    See `sentence_rules.sentence_ends` for what lets an end count.
    """
    high = np.flatnonzero(codes >= ord(BREAK))
    marks = high[codes[high] <= ord(CLOSE)]
    kinds = codes[marks]
    stops = np.flatnonzero((codes == ord(".")) | (codes == ord(";")))
    candidates = np.concatenate([stops + 1, marks[kinds == ord(BREAK)]])
    guards = marks[kinds != ord(BREAK)]
    following = codes[guards[np.searchsorted(guards, candidates)]]
    ends = np.concatenate([candidates[following == ord(OPEN)], text_ends])
    return marks, np.sort(ends, kind="stable")


def _trimmed(codes: npt.NDArray[np.uint32], marks: Int64, ends: Int64) -> tuple[Int64, Int64]:
    """What lies between the ends, without white space, controls and marks around it, unless empty.

    White space and controls are what `cleanup.TRIMMED` holds.
    """
    solid = codes > ord(" ")
    solid[marks] = False
    places = np.flatnonzero(solid)
    stops = np.searchsorted(places, ends)
    starts = np.append(0, stops[:-1])
    filled = starts < stops
    return places[starts[filled]], places[stops[filled] - 1] + 1
