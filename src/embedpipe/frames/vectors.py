"""`embedpipe.vectors`: a column of vectors, of whatever library, as one matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import is_annotation_type
from embedpipe.errors import InputError

__all__ = ["vectors"]

_EXPECTED = (
    "expected a column of vectors: an Arrow array, a pandas or Polars series, a NumPy array or a "
    "list; with lists of numbers in its rows, or embeddings that a pipeline made"
)

Float32 = npt.NDArray[np.float32]


def vectors(column: Any) -> npt.NDArray[np.float32]:
    """A column of vectors as a matrix, float32 (n, dimension).

    The matrix shares the column's memory where that holds float32 numbers in one piece, as many in
    each row, and no null: so what embedpipe made is not copied, unless it came in several chunks.

    Args:
        column: an Arrow array, plain or chunked, a pandas or Polars series, a NumPy array, or a
            list of arrays. A row holds a list of numbers, all of one length; a null is a row of
            NaN. Of a column of annotations (or lists of vectors), all vectors, one after the
            other: as many as there are annotations, not rows.

    Raises:
        InputError: something else, lists of several lengths, or nulls among a vector's numbers.

    >>> lists = pa.array([[1, 2], [3, 4], None], pa.list_(pa.float32(), 2))
    >>> vectors(lists).tolist()
    [[1.0, 2.0], [3.0, 4.0], [nan, nan]]
    """
    if isinstance(column, np.ndarray) and column.ndim == 2 and column.dtype.kind in "fiu":
        return column.astype(np.float32, order="C", copy=False)
    if getattr(column, "dtype", None) == np.dtype(object):
        shared = _one_matrix(column.tolist())
        if shared is not None:
            return shared
    array = _as_arrow(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    if is_annotation_type(array.type):
        array = pc.struct_field(array.flatten(), "embeddings")
    elif _is_list(array.type) and _is_list(array.type.value_type):
        array = array.flatten()
    return _matrix(array)


def _as_arrow(column: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column
    if getattr(column, "ndim", 1) != 1 or hasattr(column, "columns"):
        names = getattr(column, "column_names", getattr(column, "columns", ()))
        raise InputError(
            f"found a {type(column).__name__} with several columns or dimensions"
            + (f" ({', '.join(map(repr, names))}); name one: frame[name]" if len(names) else "")
            + f"; {_EXPECTED}"
        )
    inner: Any = getattr(column, "array", None)  # what is in a pandas series
    try:
        if hasattr(inner, "__arrow_array__"):
            return inner.__arrow_array__()
        if inner is None and hasattr(column, "__arrow_c_stream__"):
            return pa.chunked_array(column)
        return pa.array(list(column), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(f"found a {type(column).__name__} ({error}); {_EXPECTED}") from error


def _one_matrix(cells: list[Any]) -> Float32 | None:
    """The matrix of which these are the rows, one after the other; None if they are not.

    So are the cells of a column of objects that the adapter of pandas made.
    """
    whole = getattr(cells[0], "base", None) if cells else None
    if not (
        isinstance(whole, np.ndarray) and whole.dtype == np.float32 and whole.flags.c_contiguous
    ):
        return None
    width, begin = len(cells[0]), _address(cells[0])
    for i, cell in enumerate(cells):
        is_there = isinstance(cell, np.ndarray) and cell.base is whole
        if not is_there or cell.shape != (width,) or not cell.flags.c_contiguous:
            return None
        if _address(cell) != begin + i * cell.nbytes:
            return None
    first = (begin - _address(whole)) // whole.itemsize
    found: Float32 = whole.reshape(-1)[first : first + len(cells) * width].reshape(-1, width)
    return found


def _address(array: npt.NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _is_list(kind: pa.DataType) -> bool:
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(check(kind) for check in checks)


def _matrix(array: pa.Array) -> Float32:
    kind = array.type
    number = kind.value_type if _is_list(kind) else None
    if number is None or not (pa.types.is_floating(number) or pa.types.is_integer(number)):
        raise InputError(f"found values of type {kind}; {_EXPECTED}")
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    width = kind.list_size if pa.types.is_fixed_size_list(kind) else int(lengths.max(initial=0))
    there = lengths == width if width else np.zeros(len(array), np.bool_)
    if not (there | (lengths == 0)).all():
        row = int(np.argmax(~there & (lengths != 0)))
        raise InputError(
            f"row {row} holds {lengths[row]} numbers, another one {width}; expected vectors of one "
            "length, as one model makes them"
        )
    found = array.flatten()
    if found.null_count:
        raise InputError(
            f"{found.null_count} numbers of the vectors are null; expected none. A missing vector "
            "is null as a whole"
        )
    numbers = _numbers(found).reshape(-1, width) if width else np.empty((0, 0), np.float32)
    if there.all():
        return numbers
    rows = np.full((len(array), width), np.nan, np.float32)
    rows[there] = numbers
    return rows


def _numbers(values: pa.Array) -> Float32:
    """Numbers without nulls, float32, sharing the memory of those that are. Imports no pandas."""
    if values.type != pa.float32():
        values = pc.cast(values, pa.float32(), safe=False)
    found = np.frombuffer(values.buffers()[1] or b"", np.float32)
    return found[values.offset : values.offset + len(values)]
