"""Adapter of DuckDB's relations.

A relation runs anew whenever it is asked for rows, and rows may come in another order then. So it
runs once, and comes back as a relation over its result, in memory, on the same connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embedpipe.frames import arrow
from embedpipe.frames.columns import Column, Need
from embedpipe.frames.protocol import Planner

if TYPE_CHECKING:
    import duckdb

__all__ = ["columns_of_frame", "transform"]

_TEXT = "VARCHAR"
_NOT_IN_ARROW = re.compile(
    r"\b(ENUM\((?:'(?:[^']|'')*'(?:, )?)*\)|U?HUGEINT|UUID|BIT|JSON|TIME WITH TIME ZONE)(?![\w\"])"
)
"""Types of which Arrow keeps less than they hold, or another type; texts keep them."""


def columns_of_frame(frame: duckdb.DuckDBPyRelation, needed: Mapping[str, Need]) -> list[Column]:
    """All columns; no row is read."""
    return arrow.columns_of_frame(
        _arrow_table(_selected(frame, _sent_types(frame)).limit(0)), needed
    )


def transform(frame: duckdb.DuckDBPyRelation, planner: Planner) -> duckdb.DuckDBPyRelation:
    """Add the stages' columns; all others keep their types."""
    sent = _sent_types(frame)
    made = arrow.transform(_arrow_table(_selected(frame, sent)), planner)  # noqa: F841 - read below
    # DuckDB finds the table by its name here
    out: Any = frame.query("embedpipe_rows", "select * from made")
    types = dict(zip(frame.columns, map(str, frame.types), strict=True))
    back = {name: types[name] for name in sent if name in out.columns}
    result: duckdb.DuckDBPyRelation = _selected(out, back)
    return result


def _arrow_table(relation: Any) -> Any:
    return relation.to_arrow_table()


def _sent_types(frame: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """The types as which columns go through Arrow, of those that have another one."""
    types = dict(zip(frame.columns, map(str, frame.types), strict=True))
    sent = {name: _NOT_IN_ARROW.sub(_TEXT, kind) for name, kind in types.items()}
    return {name: kind for name, kind in sent.items() if kind != types[name]}


def _selected(relation: Any, types: Mapping[str, str]) -> Any:
    """The relation with these columns cast."""
    if not types:
        return relation
    names = [(name, '"' + name.replace('"', '""') + '"') for name in relation.columns]
    return relation.project(
        ", ".join(
            f"cast({quoted} as {types[name]}) as {quoted}" if name in types else quoted
            for name, quoted in names
        )
    )
