"""Conditions on the columns of records, such as ``stars >= 4``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.errors import ColumnError, ParameterError

__all__ = ["Condition", "conditions", "fits"]

_PATTERN = re.compile(r"\s*(.+?)\s*(!=|<=|>=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_FUNCTIONS = {
    "=": "equal",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


@dataclass(frozen=True)
class Condition:
    """A column compared with a value, which is read as the column's type demands."""

    column: str
    operator: str
    value: str

    def mask(self, column: Any) -> npt.NDArray[np.bool_]:
        """Which values of an Arrow array meet it; null meets none."""
        from pyarrow import compute

        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        try:
            value = pa.scalar(self.value).cast(column.type)
            found = getattr(compute, _FUNCTIONS[self.operator])(column, value)
        except (pa.ArrowException, ValueError) as error:
            raise ParameterError(
                f"where {self.column} {self.operator} {self.value}: the column has the type "
                f"{column.type}, with which {self.value!r} cannot be compared: {error}"
            ) from error
        mask: npt.NDArray[np.bool_] = found.fill_null(False).to_numpy(zero_copy_only=False)
        return mask


def conditions(texts: str | Sequence[str]) -> list[Condition]:
    """Parse conditions, all of which are to be met.

    >>> conditions("stars >= 4")
    [Condition(column='stars', operator='>=', value='4')]
    """
    found = []
    for text in [texts] if isinstance(texts, str) else texts:
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ParameterError(
                f"where {text!r}: expected a column, one of {' '.join(_FUNCTIONS)}, and a value, "
                "as in 'stars >= 4'"
            )
        column, operator, value = match.groups()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found.append(Condition(column, operator, value))
    return found


def fits(records: pa.RecordBatch, given: Sequence[Condition], source: str) -> npt.NDArray[np.bool_]:
    """Which records meet all conditions; ColumnError if a column is not there once."""
    mask = np.ones(records.num_rows, np.bool_)
    for condition in given:
        if records.schema.names.count(condition.column) != 1:
            raise ColumnError(
                f"{source}: no column is named {condition.column!r}, which --where asks for; found "
                f"{', '.join(map(repr, records.schema.names))}"
            )
        mask &= condition.mask(records[condition.column])
    return mask
