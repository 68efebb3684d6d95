"""The last step of a transform that gives only some of the columns that stages made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from embedpipe.errors import ParameterError
from embedpipe.frames.columns import ANYTHING, Column
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import HasColumns

__all__ = ["Kept"]


class Kept(HasColumns):
    """Takes away the columns in `made` that are not in `names`; those of the frame stay."""

    uid_prefix = "keep"
    reads = ()
    makes = ""

    def __init__(self, made: Sequence[str], names: Sequence[str]) -> None:
        super().__init__()
        if isinstance(names, str):
            raise ParameterError(f"keep is {names!r}; expected a list of names: [{names!r}]")
        self._names = list(names)
        self._removed = frozenset(made) - frozenset(names)

    def resolve_inputs(self, available: Mapping[str, Column]) -> list[Column]:
        """The columns to keep, or a ColumnError that names one that is not there."""
        return [self.require(available, name, ANYTHING) for name in self._names]

    def output_names(self) -> list[str]:
        """None."""
        return []

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:  # noqa: ARG002
        """None."""
        return []

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:  # noqa: ARG002
        """The batch; the plan takes away what `removes` says."""
        return batch

    def removes(self, column: Column) -> bool:
        """Whether a stage made the column, and nobody asked for it."""
        return column.name in self._removed
