"""Adapter of dicts of columns, as `map` of Hugging Face datasets and Ray hand over batches.

They come back as dicts: vectors of one a row as one array (rows, dimension), or, where some are
null, as a list of arrays and None; other new columns as lists. Metadata of annotations are lists of
keys and values, as Hugging Face datasets have no maps. A dict of one row, as `map` without
batched=True hands over, comes back as one row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.columns import Column, ColumnKind, Need, columns_of, with_annotator_types
from embedpipe.frames.pairs import with_pairs
from embedpipe.frames.positions import made_columns
from embedpipe.frames.protocol import Planner
from embedpipe.frames.texts import arrow_texts
from embedpipe.frames.vectors import vectors

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: Mapping[str, Any], needed: Mapping[str, Need]) -> list[Column]:
    """All columns; others than those needed hold values of any type."""
    if _is_one_row(frame, needed):
        frame = {name: [value] for name, value in frame.items()}
    return _columns(frame, _needed_table(frame, needed))


def transform(frame: Mapping[str, Any], planner: Planner) -> dict[str, Any]:
    """Add the stages' columns; rows that stages drop or repeat are dropped or repeated."""
    if _is_one_row(frame, planner.needed):
        rows = transform({name: [value] for name, value in frame.items()}, planner)
        return {name: _only(column, name) for name, column in rows.items()}
    table = _needed_table(frame, planner.needed)
    plan = planner.plan(_columns(frame, table))
    made, positions = made_columns(table, plan)
    out = {name: frame[name] for name in frame if name not in plan.removed}
    if positions is not None:
        out = {name: _taken(column, positions) for name, column in out.items()}
    return out | {name: _plain(made.column(name)) for name in made.column_names}


def _is_one_row(frame: Mapping[str, Any], needed: Mapping[str, Need]) -> bool:
    """Whether the texts to read are texts, not columns of them."""
    kinds = {name: need.kind for name, need in needed.items() if name in frame}
    texts = [frame[name] for name, kind in kinds.items() if kind is ColumnKind.TEXT]
    return bool(texts) and all(text is None or isinstance(text, str) for text in texts)


def _only(column: Any, name: str) -> Any:
    if len(column) != 1:
        raise InputError(
            f"one row became {len(column)} in column {name!r}, which a dict of one row cannot "
            "hold; pass columns instead: `map` of Hugging Face datasets does with batched=True"
        )
    return column[0]


def _columns(frame: Mapping[str, Any], table: pa.Table) -> list[Column]:
    read = {column.name: column for column in columns_of(table.schema)}
    other = ColumnKind.OTHER
    return [read.get(name) or Column(name, other, type(frame[name]).__name__) for name in frame]


def _needed_table(frame: Mapping[str, Any], needed: Mapping[str, Need]) -> pa.Table:
    return with_annotator_types(
        pa.table(
            {
                name: _to_arrow(name, frame[name], need)
                for name, need in needed.items()
                if name in frame
            }
        )
    )


def _to_arrow(name: str, column: Any, need: Need) -> pa.Array | pa.ChunkedArray:
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column
    if isinstance(column, str) or not hasattr(column, "__len__"):
        raise InputError(
            f"column {name!r} of a dict holds {column!r:.80}; expected a list or an array, a value "
            "per row"
        )
    cells = column.tolist() if hasattr(column, "tolist") else list(column)
    try:
        if need.kind is ColumnKind.TEXT:
            return arrow_texts(_strings(cells, name), name)
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise ColumnError(f"column {name!r} of a dict cannot be read as {need}: {error}") from error


def _strings(cells: list[Any], name: str) -> list[str | None]:
    # NumPy, which Ray hands over, has no null but NaN
    texts = [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
    for row, text in enumerate(texts):
        if not (text is None or isinstance(text, str)):
            raise ColumnError(
                f"column {name!r} holds {text!r:.80} of type {type(text).__name__} in row {row}; "
                "expected strings or None. Convert the column first"
            )
    return texts


def _taken(column: Any, rows: npt.NDArray[Any]) -> Any:
    if hasattr(column, "take"):
        return column.take(rows)
    return [column[row] for row in rows]


def _plain(column: pa.ChunkedArray) -> Any:
    if not pa.types.is_fixed_size_list(column.type):
        return with_pairs(column).to_pylist()
    rows = vectors(column)
    if not column.null_count:
        return rows
    there = column.is_valid().to_pylist()
    return [row if valid else None for row, valid in zip(rows, there, strict=True)]
