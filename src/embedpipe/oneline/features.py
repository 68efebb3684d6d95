"""The columns of a result: what each holds, and its arrays, made of annotation columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn
from embedpipe.arrays import offsets_of, ranges
from embedpipe.errors import InputError

__all__ = ["BEGIN", "END", "RESULT", "Feature", "Part", "Rows", "metadata_parts", "vector_part"]

Int64 = npt.NDArray[np.int64]

_RESULT, _VECTOR = "result", "vector"


class Part(NamedTuple):
    """What is read of annotations: a field, or where `key` is set, that of their metadata.

    suffix: behind the name of the column that holds it.
    """

    field: str
    type: pa.DataType
    suffix: str = ""
    key: str = ""


RESULT = Part(_RESULT, pa.string())
BEGIN = Part("begin", pa.int32(), "_begin")
END = Part("end", pa.int32(), "_end")

_METADATA = {
    "sentence": ("_origin_sentence", pa.int32()),
    "chunk": ("_origin_chunk", pa.int32()),
    "isOOV": ("_is_OOV", pa.bool_()),
    "isWordStart": ("_is_word_start", pa.bool_()),
    "pieceId": ("_piece_id", pa.int32()),
    "piecesUsed": ("_pieces_used", pa.int32()),
    "piecesTotal": ("_pieces_total", pa.int32()),
}


def vector_part(dimension: int) -> Part:
    """Vectors of that length."""
    return Part(_VECTOR, pa.list_(pa.float32(), dimension))


def metadata_parts(*keys: str) -> list[Part]:
    """Fields of the metadata, by NLU's names for them."""
    return [Part("metadata", _METADATA[key][1], _METADATA[key][0], key) for key in keys]


@dataclass(frozen=True)
class Feature:
    """A column: which part of which annotations it holds.

    Of annotations of the rows' own level (`own`), each row has one. Of the others it has a list, of
    those that overlap it; of a document, which there is one of, no list.
    """

    name: str
    source: str
    part: Part
    own: bool = False

    @property
    def type(self) -> pa.DataType:
        """Of the column."""
        return self.part.type if self.own or self.is_document else pa.list_(self.part.type)

    @property
    def is_document(self) -> bool:
        """Whether it tells of the document."""
        return self.source == "document"

    def array(self, rows: Rows, source: AnnotationColumn) -> pa.Array:
        """The column, for these rows."""
        if self.own or self.is_document:
            return _taken(self.part, source, rows.place_in(source, own=self.own))
        starts, counts = rows.overlapping(source)
        values = _taken(self.part, source, ranges(starts, counts))
        offsets = pa.array(offsets_of(counts).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, values, type=self.type, mask=rows.nothing)


class Rows:
    """The rows of a result for a batch of documents: one for each annotation of a level.

    A document in which none was found has one row, in which all is null. `documents` int64 (n,): of
    which document each row is.
    """

    def __init__(self, level: AnnotationColumn) -> None:
        counts = np.diff(level.row_offsets).astype(np.int64)
        self._level = level
        self._empty = np.flatnonzero(counts == 0)
        self.documents: Int64 = np.repeat(np.arange(level.row_count), np.maximum(counts, 1))
        self._places: Int64 = np.arange(len(level))
        self.nothing: pa.BooleanArray | None = None
        if len(self._empty):
            there = np.repeat(counts > 0, np.maximum(counts, 1))
            self._places = np.where(there, np.cumsum(there) - 1, -1)
            self.nothing = pa.array(~there)

    def place_in(self, source: AnnotationColumn, *, own: bool) -> Int64:
        """The place of each row's annotation, int64 (n,), -1 where there is none."""
        if not own:  # the document
            first = source.row_offsets[:-1].astype(np.int64)
            return np.where(np.diff(source.row_offsets) > 0, first, -1)[self.documents]
        if source is self._level or _stand_alike(source, self._level):
            return self._places
        if not len(source):
            return np.full(len(self._places), -1)
        keys, wanted = _keys(source, source.begin), _keys(self._level, self._level.begin)
        order = np.argsort(keys, kind="stable")
        found = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
        found = np.where(keys[found] == wanted, found, -1)
        return np.append(found, -1)[self._places]

    def overlapping(self, source: AnnotationColumn) -> tuple[Int64, Int64]:
        """Where in the source those begin that overlap each row, and how many; int64 (n,) each."""
        level = self._level
        starts = np.searchsorted(_keys(source, source.end), _keys(level, level.begin))
        stops = np.searchsorted(_keys(source, source.begin), _keys(level, level.end), side="right")
        places = self._places
        counts = np.append(np.maximum(stops - starts, 0), 0)[places]
        return np.append(starts, 0)[places], counts


def _stand_alike(one: AnnotationColumn, other: AnnotationColumn) -> bool:
    return np.array_equal(one.row_offsets, other.row_offsets) and np.array_equal(
        one.begin, other.begin
    )


def _keys(column: AnnotationColumn, numbers: npt.NDArray[np.int32]) -> Int64:
    """Numbers that order annotations by row, then by begin or end."""
    keys: Int64 = (column.row_of << 32) + numbers
    return keys


def _taken(part: Part, source: AnnotationColumn, places: Int64) -> pa.Array:
    if part.field == _VECTOR:
        return _vectors(part, source, places)
    if part.key:
        values = source.metadata_field(part.key)
        values = pc.equal(values, "true") if part.type == pa.bool_() else values.cast(part.type)
    else:
        found = getattr(source, part.field)
        values = found if part.field == _RESULT else pa.array(found)
    return values if _are_all(places, len(source)) else values.take(_indices(places))


def _vectors(part: Part, source: AnnotationColumn, places: Int64) -> pa.Array:
    dimension, matrix = part.type.list_size, source.embeddings
    missing = places < 0
    if matrix is None or not len(matrix):
        return pa.nulls(len(places), part.type)
    lengths = source.vector_lengths
    widths = np.unique(matrix.shape[1] if lengths is None else lengths[lengths > 0])
    if (widths != dimension).any():
        raise InputError(
            f"the vectors have {', '.join(map(str, widths))} numbers; expected {dimension}, as all "
            "of the model have. Leave pooling='flattened' out, or use PipelineModel.transform"
        )
    if lengths is not None:
        missing = missing | (lengths == 0)[np.maximum(places, 0)]
    rows = matrix if _are_all(places, len(matrix)) else matrix[np.maximum(places, 0)]
    mask = pa.array(missing) if missing.any() else None
    numbers = pa.array(rows.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(numbers, type=part.type, mask=mask)


def _are_all(places: Int64, count: int) -> bool:
    """Whether these are all places, in their order."""
    return len(places) == count and np.array_equal(places, np.arange(count))


def _indices(places: Int64) -> pa.Array:
    missing = places < 0
    return pa.array(places, mask=missing) if missing.any() else pa.array(places)
