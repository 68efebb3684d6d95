"""Runs a plan over the columns that it reads, and tracks the rows of the frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.frames.protocol import Plan

__all__ = ["made_columns"]

# Carries each row's position through stages that drop rows or make several of one.
_POSITION = "__position_of_the_row__"


def made_columns(table: pa.Table, plan: Plan) -> tuple[pa.Table, npt.NDArray[np.int64] | None]:
    """The columns that the plan adds, and the row of `table` of each; None if rows are unchanged.

    Frames of other libraries hand over what the plan reads, and keep all else as it is.
    """
    given = set(table.column_names).difference(plan.removed)  # what is removed may be made anew
    rows = np.arange(table.num_rows)
    table = table.append_column(_POSITION, pa.array(rows))
    batches = plan.run(table.to_batches(), table.schema)
    result = pa.Table.from_batches(batches, plan.output_schema(table.schema))
    positions: npt.NDArray[np.int64] = result.column(_POSITION).to_numpy()
    made = [name for name in result.column_names if name not in given and name != _POSITION]
    return result.select(made), None if np.array_equal(positions, rows) else positions
