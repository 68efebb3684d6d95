"""Words of many sentences at once, as arrays of offsets: no Python object per word.

Equal to calling `WordSplitter.split` on each sentence, which is what happens for rules that need
more than a look at single characters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedpipe.text.segment import Stretches, stretches_of
from embedpipe.text.words import WordSplitter

__all__ = ["split_words"]

_CORE, _CONTEXT, _SEPARATOR = 0, 1, 2
_TABLED = 256  # characters from here on are all of one kind
_BETWEEN = "\n"  # joins sentences; a separator under the rules that are handled here


def split_words(splitter: WordSplitter, sentences: Sequence[str]) -> Stretches:
    """The words of each of `sentences`.

    >>> split_words(WordSplitter(), ["Well, yes.", "", "No"]).begins.tolist()
    [0, 4, 6, 9, 0]
    """
    kinds = _kinds(splitter)
    if kinds is None or not sentences:
        return stretches_of([splitter.split(sentence) for sentence in sentences])
    joined = _BETWEEN.join(sentences)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    begins, ends = _bounds(kinds[np.minimum(codes, _TABLED)])
    keep = _right_length(splitter, codes, begins, ends)
    if keep is not None:
        begins, ends = begins[keep], ends[keep]
    lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences))
    starts = np.cumsum(lengths + len(_BETWEEN)) - lengths - len(_BETWEEN)
    first = np.searchsorted(begins, np.append(starts, len(codes) + 1))
    counts = np.diff(first)
    own = np.repeat(starts, counts)
    return Stretches(counts, begins - own, ends - own)


def _kinds(splitter: WordSplitter) -> npt.NDArray[np.uint8] | None:
    """The kind of each tabled character and of all others; None if they do not decide alone."""
    separators, context = splitter.separators, splitter.rules.context
    tabled = all(high < _TABLED for _, high in separators.ranges + context.ranges)
    if not (splitter.is_plain and tabled and ord(_BETWEEN) in separators):
        return None
    kinds = np.full(_TABLED + 1, _CORE, dtype=np.uint8)
    for points, kind in ((context, _CONTEXT), (separators, _SEPARATOR)):
        for low, high in points.ranges:
            kinds[low : high + 1] = kind
    return kinds


def _bounds(
    kinds: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where words begin and end, given the kind of each of N characters.

    Candidates are runs without separator. Each is cut before its first core character and behind
    its last one, where these are not its ends.
    """
    starts, stops = _runs(kinds != _SEPARATOR)
    core_starts, core_stops = _runs(kinds == _CORE)
    opened, closed = kinds[starts] == _CONTEXT, kinds[stops - 1] == _CONTEXT
    following = np.append(core_starts, len(kinds))[np.searchsorted(core_starts, starts[opened])]
    cuts_before = following[following < stops[opened]]
    previous = np.append(0, core_stops)[np.searchsorted(core_stops, stops[closed], side="right")]
    cuts_behind = previous[previous > starts[closed]]
    begins = np.sort(np.concatenate([starts, cuts_before, cuts_behind]), kind="stable")
    ends = np.sort(np.concatenate([stops, cuts_before, cuts_behind]), kind="stable")
    return begins, ends


def _runs(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the runs of what is inside begin and end."""
    padded = np.concatenate([[False], inside, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return changes[::2], changes[1::2]


def _right_length(
    splitter: WordSplitter,
    codes: npt.NDArray[np.uint32],
    begins: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_] | None:
    """Which words have the wanted number of UTF-16 units; None if all have."""
    least, most = splitter.rules.min_length, splitter.rules.max_length
    lengths = ends - begins
    if least <= 1 and 2 * int(lengths.max(initial=0)) <= most:
        return None
    pairs = np.append(0, np.cumsum(codes > 0xFFFF))
    units = lengths + pairs[ends] - pairs[begins]
    keep: npt.NDArray[np.bool_] = (units >= least) & (units <= most)
    return keep
