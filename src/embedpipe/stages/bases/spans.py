"""Makes annotations of stretches of text, found in code points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn, metadata_map
from embedpipe.arrays import offsets_of, place_in_sequence, ranges
from embedpipe.text.segment import Segment, Stretches

__all__ = ["annotate_segments", "annotate_stretches", "cut", "sentence_numbers"]

Int64 = npt.NDArray[np.int64]


class _Placed(NamedTuple):
    """What was found in n parents, T in all: how many in each (n,), texts, begins, lengths (T,)."""

    counts: npt.NDArray[Any]
    texts: pa.StringArray
    begins: npt.NDArray[Any]
    lengths: npt.NDArray[Any]


def annotate_stretches(
    annotator_type: str,
    parents: AnnotationColumn,
    found: Stretches,
    numbers: Int64 | None = None,
    *,
    code_points: bool = False,
) -> AnnotationColumn:
    """Annotations of stretches of other annotations' texts.

    `numbers` (annotations of `parents`,) are the sentence numbers that the stretches take over;
    without them they are numbered from 0 in each row. Begin and end count UTF-16 units, or
    `code_points`, as those of the parents do.
    """
    owners = np.repeat(np.arange(len(parents)), found.counts)
    texts, begins, lengths = cut(parents.result, owners, found)
    if code_points:
        begins, lengths = found.begins, found.ends - found.begins
    placed = _Placed(found.counts, texts, begins, lengths)
    return _children(annotator_type, parents, placed, numbers)


def annotate_segments(
    annotator_type: str,
    parents: AnnotationColumn,
    found: Sequence[Sequence[Segment]],
    numbers: Int64 | None = None,
) -> AnnotationColumn:
    """Annotations of what was found in each parent, with texts and offsets as they are given.

    Offsets count UTF-16 units; `numbers` as for `annotate_stretches`. Half of a surrogate pair,
    which has no UTF-8 form, becomes `?`, as Java writes it.
    """
    segments = list(chain.from_iterable(found))
    counts = np.fromiter(map(len, found), np.int64, count=len(found))
    texts = pa.array([s.text.encode(errors="replace") for s in segments], pa.string())
    spans = np.array([segment[1:] for segment in segments], np.int64).reshape(-1, 2)
    placed = _Placed(counts, texts, spans[:, 0], spans[:, 1] - spans[:, 0])
    return _children(annotator_type, parents, placed, numbers)


def _children(
    annotator_type: str, parents: AnnotationColumn, placed: _Placed, numbers: Int64 | None
) -> AnnotationColumn:
    """The annotations, in the rows of their parents."""
    owners = np.repeat(np.arange(len(parents)), placed.counts)
    begins = placed.begins + parents.begin[owners]
    row_offsets = offsets_of(placed.counts)[parents.row_offsets]
    if numbers is None:
        own = pa.array(place_in_sequence(row_offsets)).cast(pa.string())
    else:
        own = pa.DictionaryArray.from_arrays(pa.array(owners), pa.array(numbers).cast(pa.string()))
    return AnnotationColumn(
        annotator_type=annotator_type,
        row_offsets=row_offsets.astype(np.int32),
        begin=begins.astype(np.int32),
        end=(begins + placed.lengths - 1).astype(np.int32),
        result=placed.texts,
        metadata=metadata_map({"sentence": own}, len(owners)),
        valid_rows=parents.valid_rows,
    )


def cut(
    texts: pa.StringArray, owners: Int64, found: Stretches
) -> tuple[pa.StringArray, Int64, Int64]:
    """The stretches' texts, and their begins and lengths in UTF-16 units of their own texts (T,).

    Works on the bytes of Arrow's UTF-8, without a Python object per stretch. In a null text there
    is nothing to find.

    >>> found = Stretches(np.array([1, 2]), np.array([0, 1, 2]), np.array([2, 2, 3]))
    >>> texts, begins, lengths = cut(pa.array(["one", "😀é!"]), np.array([0, 1, 1]), found)
    >>> texts.to_pylist(), begins.tolist(), lengths.tolist()
    (['on', 'é', '!'], [0, 2, 3], [2, 1, 1])
    """
    offsets, data = _utf8(texts)
    inner = np.flatnonzero((data & 0xC0) == 0x80)  # bytes that go on with a character
    characters = inner - np.arange(len(inner))  # how many begin before each of these
    first = (offsets[:-1] - np.searchsorted(inner, offsets[:-1]))[owners]
    begins, ends = (
        offset + np.searchsorted(characters, offset, side="right")
        for offset in (first + found.begins, first + found.ends)
    )
    sizes = ends - begins
    wide = np.flatnonzero(data >= 0xF0)  # four bytes stand for two units
    pairs_before, pairs_begin, pairs_end = (
        np.searchsorted(wide, places) for places in (offsets[:-1], begins, ends)
    )
    buffers = [
        pa.py_buffer(offsets_of(sizes).astype(np.int32)),
        pa.py_buffer(np.ascontiguousarray(data[ranges(begins, sizes)])),
    ]
    stretches = pa.StringArray.from_buffers(len(owners), *buffers)
    return (
        stretches,
        found.begins + pairs_begin - pairs_before[owners],
        found.ends - found.begins + pairs_end - pairs_begin,
    )


def sentence_numbers(sentences: AnnotationColumn) -> Int64:
    """The number of each sentence: `sentence` in its metadata, or else its place in the row."""
    given = pc.cast(sentences.metadata_field("sentence"), pa.int64())
    places = pa.array(place_in_sequence(sentences.row_offsets))
    numbers: Int64 = pc.coalesce(given, places).to_numpy()
    return numbers


def _utf8(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Byte offsets of the texts (n + 1,), from 0, and all their bytes."""
    _, offsets, data = texts.buffers()
    if not len(texts):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    every = np.frombuffer(data, np.uint8) if data and data.size else np.empty(0, np.uint8)
    return ends - ends[0], every[ends[0] : ends[-1]]
