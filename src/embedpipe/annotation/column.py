"""Columns of annotations as arrays, and their conversion to and from Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation.record import Annotation
from embedpipe.annotation.schema import (
    ANNOTATION_FIELDS,
    ANNOTATION_TYPE,
    METADATA_TYPE,
    VECTOR_TYPE,
    WITH_VECTORS,
    is_annotation_type,
)
from embedpipe.arrays import offsets_of
from embedpipe.errors import InputError

__all__ = ["AnnotationColumn"]

_INT32_LIMIT = 2**31 - 1


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AnnotationColumn:
    """The annotations of many rows: n annotations lie end to end and `row_offsets` cuts them.

    - `row_offsets` int32 (rows + 1,); `begin`, `end` int32 (n,), UTF-16 units, `end` inclusive
    - `result` Arrow string array (n,); `metadata` Arrow map array (n,): see `metadata_map`
    - `embeddings` float32 (n, dimension), C-contiguous, or None where annotations have no vectors
    - `valid_rows` bool (rows,), False where the row itself is null, or None where all are valid
    - `vector_lengths` int32 (n,) where vectors differ in length, as where some are empty: how many
      numbers of each row of `embeddings` are its vector, the rest being zero; None otherwise

    >>> from embedpipe.annotation import metadata_map
    >>> column = AnnotationColumn(
    ...     annotator_type="token",
    ...     row_offsets=np.array([0, 2, 2], np.int32),
    ...     begin=np.array([0, 3], np.int32),
    ...     end=np.array([1, 4], np.int32),
    ...     result=pa.array(["It", "is"]),
    ...     metadata=metadata_map({"sentence": "0"}, 2),
    ... )
    >>> len(column), column.row_count
    (2, 2)
    >>> [[token.result for token in row] for row in column.rows()]
    [['It', 'is'], []]
    """

    annotator_type: str
    row_offsets: npt.NDArray[np.int32]
    begin: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    result: pa.StringArray
    metadata: pa.MapArray
    embeddings: npt.NDArray[np.float32] | None = None
    valid_rows: npt.NDArray[np.bool_] | None = None
    vector_lengths: npt.NDArray[np.int32] | None = None

    @classmethod
    def from_arrow(cls, array: Any, annotator_type: str | None = None) -> AnnotationColumn:
        """Read a column of annotations; buffers are shared where types agree.

        `array` is an Arrow array, plain or chunked, or a pandas column of Arrow dtype.
        `annotator_type` is what the annotations must be; None takes what they are. Raises
        InputError where it is no such column, an annotation or its begin or end is null, annotator
        types are mixed or not the given one, or numbers of vectors are null.
        """
        if not isinstance(array, (pa.Array, pa.ChunkedArray)):
            array = pa.array(array)
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
        if not is_annotation_type(array.type):
            raise InputError(f"a {array.type} holds no annotations; expected {ANNOTATION_TYPE}")
        structs = array.flatten()
        if structs.null_count:
            raise InputError(f"{structs.null_count} of {len(structs)} annotations are null")
        names = [part.name for part in structs.type]
        parts = dict(zip(names, structs.flatten(), strict=True))
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        matrix, vector_lengths = _matrix(parts["embeddings"])
        return cls(
            annotator_type=_only_type(parts["annotatorType"], annotator_type),
            row_offsets=offsets_of(lengths.to_numpy(zero_copy_only=False)).astype(np.int32),
            begin=_int32(parts["begin"], "begin"),
            end=_int32(parts["end"], "end"),
            result=_cast(parts["result"], pa.string(), "result"),
            metadata=_cast(_as_map(parts["metadata"]), METADATA_TYPE, "metadata"),
            embeddings=matrix,
            valid_rows=array.is_valid().to_numpy(zero_copy_only=False)
            if array.null_count
            else None,
            vector_lengths=vector_lengths,
        )

    def to_arrow(self) -> pa.ListArray:
        """The column in Spark NLP's type, `ANNOTATION_TYPE`, sharing offsets, texts and vectors.

        Raises InputError where the vectors have more than 2^31 - 1 numbers, which an Arrow list
        column cannot hold.
        """
        kinds = pa.repeat(self.annotator_type, len(self))
        spans = pa.array(self.begin), pa.array(self.end)
        structs = pa.StructArray.from_arrays(
            [kinds, *spans, self.result, self.metadata, self.vectors()],
            fields=list(ANNOTATION_FIELDS),
        )
        offsets, nulls = pa.array(self.row_offsets), self.null_rows()
        return pa.ListArray.from_arrays(offsets, structs, type=ANNOTATION_TYPE, mask=nulls)

    def null_rows(self) -> pa.BooleanArray | None:
        """Which rows are null, as Arrow takes it, or None where none is."""
        return None if self.valid_rows is None else pa.array(~self.valid_rows)

    def vectors(self) -> pa.ListArray:
        """The vectors as lists of float32 (n,), sharing `embeddings` where all are as long."""
        n = len(self)
        matrix = np.empty((n, 0), np.float32) if self.embeddings is None else self.embeddings
        width = matrix.shape[1]
        if matrix.size > _INT32_LIMIT:
            raise InputError(
                f"{n} vectors of {width} numbers exceed the {_INT32_LIMIT} numbers that one Arrow "
                "list column holds; pass fewer or shorter rows at once"
            )
        offsets = pa.array(np.arange(n + 1, dtype=np.int32) * np.int32(width))
        if self.vector_lengths is not None:
            offsets = pa.array(offsets_of(self.vector_lengths))
            matrix = matrix[np.arange(width) < self.vector_lengths[:, None]]
        return pa.ListArray.from_arrays(offsets, pa.array(matrix.reshape(-1)), type=VECTOR_TYPE)

    def texts(self, *, vectors: bool = False) -> pa.StringArray:
        """One string per annotation (n,).

        Its `result`, or with `vectors`, if its type has them, the numbers of its vector with spaces
        between them, each the shortest that float32 reads back.
        """
        if not vectors or self.annotator_type not in WITH_VECTORS:
            return self.result
        lists = self.vectors()
        numbers = pa.ListArray.from_arrays(lists.offsets, lists.values.cast(pa.string()))
        return pc.binary_join(numbers, " ")

    def __repr__(self) -> str:
        vectors = "" if self.embeddings is None else f", float32 {self.embeddings.shape}"
        counts = f"{len(self)} annotations in {self.row_count} rows"
        return f"AnnotationColumn({self.annotator_type}, {counts}{vectors})"

    def __len__(self) -> int:
        """Number of annotations, not of rows."""
        return len(self.begin)

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.row_offsets) - 1

    @property
    def row_of(self) -> npt.NDArray[np.int64]:
        """The row of each annotation, int64 (n,)."""
        return np.repeat(np.arange(self.row_count), np.diff(self.row_offsets))

    def metadata_field(self, name: str) -> pa.StringArray:
        """The value of one metadata key per annotation, string (n,); null where it is absent."""
        # What `map_lookup` of Arrow gives for "first", in a tenth of its time.
        offsets, items = self.metadata.offsets.to_numpy(), self.metadata.items
        hits = np.flatnonzero(pc.equal(self.metadata.keys, name).to_numpy(zero_copy_only=False))
        first = np.append(hits, len(items))[np.searchsorted(hits, offsets[:-1])]
        absent = first >= offsets[1:]
        if self.metadata.null_count:
            absent |= self.metadata.is_null().to_numpy(zero_copy_only=False)
        return items.take(pa.array(first, mask=absent))

    def slice(self, start: int, stop: int) -> AnnotationColumn:
        """The rows from `start` up to `stop`, sharing this column's buffers."""
        first, last = self.row_offsets[start], self.row_offsets[stop]
        valid, vectors, lengths = self.valid_rows, self.embeddings, self.vector_lengths
        return replace(
            self,
            row_offsets=self.row_offsets[start : stop + 1] - first,
            begin=self.begin[first:last],
            end=self.end[first:last],
            result=self.result[first:last],
            metadata=self.metadata[first:last],
            embeddings=None if vectors is None else vectors[first:last],
            valid_rows=None if valid is None else valid[start:stop],
            vector_lengths=None if lengths is None else lengths[first:last],
        )

    def filter(self, keep: npt.NDArray[np.bool_]) -> AnnotationColumn:
        """The annotations to `keep` (n,), in their rows."""
        kept = pa.array(keep)
        vectors, lengths = self.embeddings, self.vector_lengths
        return replace(
            self,
            row_offsets=offsets_of(keep)[self.row_offsets].astype(np.int32),
            begin=self.begin[keep],
            end=self.end[keep],
            result=self.result.filter(kept),
            metadata=self.metadata.filter(kept),
            embeddings=None if vectors is None else vectors[keep],
            vector_lengths=None if lengths is None else lengths[keep],
        )

    def equals(self, other: AnnotationColumn) -> bool:
        """Whether both hold equal rows of equal annotations; vectors must agree exactly."""
        same: bool = self.annotator_type == other.annotator_type
        return same and bool(self.to_arrow().equals(other.to_arrow()))

    def rows(self) -> list[list[Annotation] | None]:
        """The annotations as objects, a list per row, None for a null row; slow.

        Vectors are views into `embeddings`.
        """
        vectors: Sequence[Any] = (
            [[]] * len(self) if self.embeddings is None else list(self.embeddings)
        )
        if self.vector_lengths is not None:
            vectors = [v[:n] for v, n in zip(vectors, self.vector_lengths, strict=True)]
        fields = zip(
            self.begin.tolist(),
            self.end.tolist(),
            self.result.to_pylist(),
            self.metadata.to_pylist(),
            strict=True,
        )
        found = [
            Annotation(self.annotator_type, begin, end, result, dict(metadata or ()), vector)
            for (begin, end, result, metadata), vector in zip(fields, vectors, strict=True)
        ]
        valid = np.ones(self.row_count, bool) if self.valid_rows is None else self.valid_rows
        cuts = zip(valid, self.row_offsets[:-1], self.row_offsets[1:], strict=True)
        return [found[start:stop] if there else None for there, start, stop in cuts]


def _cast(array: pa.Array, wanted: pa.DataType, what: str) -> pa.Array:
    try:
        return array if array.type.equals(wanted) else array.cast(wanted)
    except pa.ArrowException as error:
        raise InputError(f"{what} has type {array.type}, not {wanted}: {error}") from error


def _as_map(array: pa.Array) -> pa.Array:
    """Convert lists of key-value structs, as libraries without a map type have them, to maps."""
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return array
    pairs = array.flatten()
    if not pa.types.is_struct(pairs.type) or pairs.type.num_fields != 2:
        return array
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(offsets_of(lengths).astype(np.int32))
    keys, items = (part.cast(pa.string()) for part in pairs.flatten())
    return pa.MapArray.from_arrays(offsets, keys, items)


def _only_type(array: pa.Array, wanted: str | None) -> str:
    kinds = sorted(str(kind) for kind in pc.unique(array).to_pylist())
    if len(kinds) > 1 or (wanted and kinds not in ([], [wanted])):
        expected = f"annotations of type {wanted}" if wanted else "annotations of one type"
        raise InputError(f"the column holds annotations of type {', '.join(kinds)}, not {expected}")
    return wanted or "".join(kinds)


def _int32(array: pa.Array, what: str) -> npt.NDArray[np.int32]:
    if array.null_count:
        raise InputError(f"{what} is null in {array.null_count} annotations; expected a number")
    numbers: npt.NDArray[np.int32] = _cast(array, pa.int32(), what).to_numpy(zero_copy_only=False)
    return numbers


def _matrix(
    array: pa.Array,
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.int32] | None]:
    """The vectors (n, dimension) and their lengths, as AnnotationColumn keeps them."""
    array = _cast(array, VECTOR_TYPE, "embeddings")
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    if not width:
        return None, None
    found = array.flatten()
    if found.null_count:
        raise InputError(f"{found.null_count} numbers of the vectors are null; expected none")
    numbers: npt.NDArray[np.float32] = found.to_numpy(zero_copy_only=False)
    if (lengths == width).all():
        return numbers.reshape(-1, width), None
    matrix = np.zeros((len(lengths), width), dtype=np.float32)
    matrix[np.arange(width) < lengths[:, None]] = numbers
    return matrix, lengths
