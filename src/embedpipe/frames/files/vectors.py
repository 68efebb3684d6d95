"""Vectors, some of which may be null, as NumPy arrays and as Arrow columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from embedpipe.errors import ColumnError, InputError

__all__ = ["MADE_WITH", "Vectors", "check_vectors", "stored_rows", "vector_field", "vectors_from"]

MADE_WITH = b"embedpipe"
"""Under this key of a field's metadata stands, as JSON, what the vectors were made with."""


@dataclass(frozen=True)
class Vectors:
    """values: float32 (n, dimension), zeros where not present. present: (n,), False for null texts.

    cut: how many texts were longer than the model's max_length and lost their end.
    """

    values: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]
    cut: int = 0

    def to_arrow(self) -> pa.Array:
        """An array of fixed-size lists that shares the values' memory; null where not present."""
        rows = np.ascontiguousarray(self.values)
        validity = None
        if not self.present.all():
            validity = pa.py_buffer(np.packbits(self.present, bitorder="little"))
        kind = pa.list_(pa.float32(), rows.shape[1])
        values = pa.Array.from_buffers(pa.float32(), rows.size, [None, pa.py_buffer(rows)])
        return pa.Array.from_buffers(kind, len(rows), [validity], children=[values])


def stored_rows(lists: Any) -> npt.NDArray[np.float32]:
    """The array of `Vectors.to_arrow` as rows (n, dimension) that share its memory.

    `to_numpy` would import pandas, which takes a while.
    """
    dimension = lists.type.list_size
    values = np.frombuffer(lists.values.buffers()[1], np.float32)
    return values.reshape(-1, dimension)[lists.offset : lists.offset + len(lists)]


def vector_field(name: str, dimension: int, made_with: bytes) -> pa.Field:
    """The column of `Vectors.to_arrow`; made_with: JSON."""
    return pa.field(name, pa.list_(pa.float32(), dimension), metadata={MADE_WITH: made_with})


def check_vectors(field: pa.Field, source: str) -> None:
    """Raise ColumnError unless the column holds lists of numbers."""
    kind = field.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    is_number = is_list and (
        types.is_floating(kind.value_type) or types.is_integer(kind.value_type)
    )
    if not is_number:
        raise ColumnError(
            f"{source}: the column {field.name!r} has the type {kind}; expected lists of "
            "numbers, as `embedpipe embed` writes them; name the column of vectors with --vectors"
        )


def vectors_from(lists: Any, dimension: int, source: str, first_row: int) -> Vectors:
    """A column that passed `check_vectors` as Vectors; InputError names a row that does not fit."""
    from pyarrow import compute

    present = lists.is_valid().to_numpy(zero_copy_only=False)
    found = lists.drop_null()
    lengths = compute.unique(compute.list_value_length(found)).to_pylist()
    if lengths not in ([], [dimension]):
        raise InputError(
            f"{source}: its vectors have {' or '.join(map(str, lengths))} dimensions, the "
            f"model has {dimension}; name the model that made them with --model"
        )
    values = np.zeros((len(lists), dimension), np.float32)
    flat = found.flatten().to_numpy(zero_copy_only=False)  # NaN for null
    with np.errstate(over="ignore"):  # found below
        values[present] = flat.astype(np.float32, copy=False).reshape(-1, dimension)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{source}, row {first_row + int(finite.argmin())}: the vector has values that are no "
            "finite numbers; embed the texts again, or put null in its place"
        )
    return Vectors(values, present)
