"""Adapter of pandas data frames.

Only the columns that the pipeline reads are handed to Arrow; all others, the index and the order
of rows stay as they are. Annotation columns come back with an Arrow dtype: they share Arrow's
memory, a cell reads as a list of dicts, and pandas and embedpipe open them natively::

    out["embeddings"].explode().struct.explode()    # a row per annotation, a column per field
    embedpipe.vectors(out["embeddings"])    # all vectors, (n, dimension)

Columns with one vector a row come back as objects, a NumPy array in each cell: so NumPy stacks
them, Parquet holds them as lists, and pandas reads them back, which it does with no Arrow dtype
that has parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe._dependencies import require
from embedpipe.annotation import ANNOTATION_TYPE, METADATA_TYPE, is_annotation_type
from embedpipe.errors import ColumnError
from embedpipe.frames.columns import (
    ANNOTATIONS,
    Column,
    ColumnKind,
    Need,
    columns_of,
    with_annotator_types,
)
from embedpipe.frames.positions import made_columns
from embedpipe.frames.protocol import Planner
from embedpipe.frames.texts import arrow_texts
from embedpipe.frames.vectors import vectors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cells", "columns_of_frame", "transform"]

# What columns of Python objects hold: annotations are read so from Parquet files.
_OBJECT_TYPES = {
    ColumnKind.ANNOTATIONS: ANNOTATION_TYPE,
    ColumnKind.TEXT_LISTS: pa.list_(pa.string()),
}


def columns_of_frame(frame: pd.DataFrame, needed: Mapping[str, Need]) -> list[Column]:
    """All columns: those needed by their Arrow type, others by their dtype."""
    return _columns(frame, _needed_table(frame, needed))


def transform(frame: pd.DataFrame, planner: Planner) -> pd.DataFrame:
    """Add the stages' columns; rows that stages drop or repeat are dropped or repeated.

    Stages that take annotation columns away find those that they need, and those of Arrow dtype.
    """
    pandas = require("pandas", "a pandas data frame")
    table = _needed_table(frame, planner.needed)
    columns = _columns(frame, table)
    plan = planner.plan(columns)
    made, positions = made_columns(table, plan)
    out = frame.copy(deep=False) if positions is None else frame.iloc[positions].copy()
    if plan.removed:
        kept = [column.name not in plan.removed for column in columns]
        out = out.loc[:, kept].copy(deep=False)
    for name in made.column_names:
        column = made.column(name)
        if pa.types.is_fixed_size_list(column.type):
            out[name] = _vector_cells(column)
        else:
            out[name] = pandas.arrays.ArrowExtensionArray(column)
    return out


def cells(rows: npt.NDArray[np.float32], present: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """The rows of a matrix (n, dimension) as objects (n,), None for those that are not present."""
    made = np.empty(len(rows), np.object_)
    for i in np.flatnonzero(present):
        made[i] = rows[i]
    return made


def _vector_cells(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    rows = np.empty((len(column), column.type.list_size), np.float32)
    begin = 0
    for chunk in column.chunks:
        rows[begin : begin + len(chunk)] = vectors(chunk)
        begin += len(chunk)
    return cells(rows, column.is_valid().to_numpy())


def _columns(frame: pd.DataFrame, table: pa.Table) -> list[Column]:
    read = {column.name: column for column in columns_of(table.schema)}
    return [
        read[name] if name in read else _column_by_dtype(str(name), dtype)
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
    ]


def _column_by_dtype(name: str, dtype: Any) -> Column:
    """A column that no stage reads, described by its dtype."""
    arrow_type = getattr(dtype, "pyarrow_dtype", None)
    if arrow_type is not None and is_annotation_type(arrow_type):
        return Column(name, ColumnKind.ANNOTATIONS, str(ANNOTATIONS))
    return Column(name, ColumnKind.OTHER, str(dtype))


def _needed_table(frame: pd.DataFrame, needed: Mapping[str, Need]) -> pa.Table:
    arrays = {}
    for name, need in needed.items():
        count = list(frame.columns).count(name)
        if count > 1:
            raise ColumnError(f"column {name!r} is there {count} times; rename all but one")
        if count:
            arrays[name] = _to_arrow(frame[name], need)
    return with_annotator_types(pa.table(arrays))


def _to_arrow(series: pd.Series[Any], need: Need) -> pa.Array | pa.ChunkedArray:
    """The column as an Arrow array; None, NaN and NA become null."""
    name, kind = series.name, need.kind
    # Of a column without rows, the type tells what it will hold: Dask plans by such frames
    is_bare = series.dtype == object or series.dtype.kind == "f"
    if series.isna().all() and (len(series) or is_bare):
        return pa.nulls(len(series), _OBJECT_TYPES.get(kind, pa.null()))
    if kind is ColumnKind.TEXT_MAPS and series.dtype == object:
        pairs = [list(cell.items()) if isinstance(cell, Mapping) else None for cell in series]
        return pa.array(pairs, METADATA_TYPE)
    try:
        if series.dtype == object and kind is ColumnKind.TEXT:
            return arrow_texts(_strings(series), name)
        if series.dtype == object and kind in _OBJECT_TYPES:
            return pa.array(series, _OBJECT_TYPES[kind], from_pandas=True)
        if kind is ColumnKind.INTEGERS:  # pandas stores integers beside missing values as floats
            return pa.array(series, pa.int64(), from_pandas=True)
        return pa.array(series, from_pandas=True)
    except pa.ArrowException as error:
        raise ColumnError(
            f"column {name!r} ({series.dtype}) cannot be read as {need}: {error}"
        ) from error


def _strings(series: pd.Series[Any]) -> Sequence[str | None]:
    missing = series.isna()
    cells = [None if gone else cell for cell, gone in zip(series, missing, strict=True)]
    for label, cell in zip(series.index, cells, strict=True):
        if not (cell is None or isinstance(cell, str)):
            raise ColumnError(
                f"column {series.name!r}, row {label!r}: found {cell!r} of type "
                f"{type(cell).__name__}; expected strings, None or NaN. "
                f"Convert the column first: frame[{series.name!r}].astype(str)"
            )
    return cells
