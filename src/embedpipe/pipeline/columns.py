"""The columns that stages read, make and remove."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, TypeVar

import pyarrow as pa

from embedpipe.errors import ColumnError
from embedpipe.frames.columns import Column, Need
from embedpipe.params import HasParams
from embedpipe.pipeline.batch import Batch

__all__ = ["HasColumns", "Input"]

S = TypeVar("S", bound="HasColumns")


class Input(NamedTuple):
    """Columns that a stage reads: the parameter that names one or several, and what each holds.

    An optional one is read only if its parameter is set.
    """

    param: str
    need: Need
    optional: bool = False


class HasColumns(HasParams, ABC):
    """A step over batches: what a plan needs to know of a stage.

    `reads` and `makes` are its columns as data; what they name follows from parameters.
    """

    reads: ClassVar[tuple[Input, ...]]
    makes: ClassVar[str]
    """The parameter that names the columns made, or one of them."""
    chooses_results: ClassVar[bool] = False
    """Whether a LightPipeline gives only the columns that this stage reads."""

    @property
    def as_recorded(self) -> bool:
        """Whether answers are those of Spark NLP 5.5.3, where a stage has others by default."""
        return False

    def inputs(self) -> list[tuple[str, Need]]:
        """The names of the columns that the stage reads, and what each is to hold."""
        declared = (read for read in self.reads if not read.optional or self.isSet(read.param))
        return [
            (name, read.need)
            for read in declared
            for name in _listed(self.getOrDefault(read.param))
        ]

    def needed_columns(self) -> dict[str, Need]:
        """The same by name; for a column that is named twice, the first need."""
        needed: dict[str, Need] = {}
        for name, need in self.inputs():
            needed.setdefault(name, need)
        return needed

    def resolve_inputs(self, available: Mapping[str, Column]) -> list[Column]:
        """The input columns in the order that `apply` wants, or a ColumnError."""
        return [self.require(available, name, need) for name, need in self.inputs()]

    def output_names(self) -> list[str]:
        """The names of the columns that the stage makes."""
        return _listed(self.getOrDefault(self.makes))

    @abstractmethod
    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:
        """The Arrow fields of these columns, where `inputs` are the columns read."""

    def planned(self: S, inputs: Sequence[Column]) -> S:  # noqa: ARG002 - most run on all alike
        """The stage to run over these columns."""
        return self

    @abstractmethod
    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """The batch with the output columns added, made of the columns of these names."""

    def removes(self, column: Column) -> bool:  # noqa: ARG002 - most stages keep them all
        """Whether the stage removes this column."""
        return False

    def columns_are_set(self) -> bool:
        """Whether the parameters that name the columns all have values."""
        required = [read.param for read in self.reads if not read.optional]
        return all(self.isDefined(name) for name in (*required, self.makes))

    def require(self, available: Mapping[str, Column], name: str, need: Need) -> Column:
        """The column of that name; ColumnError if it is missing or does not meet the need."""
        column = available.get(name)
        if column is None or not need.met_by(column):
            found = "is missing" if column is None else f"holds {column.type}"
            raise self.column_error(name, found, str(need), available)
        return column

    def column_error(
        self, name: str, found: str, wanted: str, available: Mapping[str, Column]
    ) -> ColumnError:
        """An error that names the stage, the column, its need and the available columns."""
        there = ", ".join(map(str, available.values())) or "none"
        return ColumnError(
            f"{self.label}: input column {name!r} {found}; it must hold {wanted}. Columns there "
            f"are: {there}. Name another one in the stage's setter, or let a stage before make it"
        )


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names
