"""What every stage is: parameters, the columns it reads and makes, and one `apply`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from embedpipe.annotation import AnnotationColumn, annotation_field
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.frames import Column, Kinds, transform_frame
from embedpipe.frames.columns import described
from embedpipe.params import HasParams, Param, boolean, string, strings
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.savable import Savable

__all__ = ["AnnotationStage", "Annotator", "Stage", "names_given"]

S = TypeVar("S", bound="Stage")
A = TypeVar("A", bound="Annotator")
Frame = TypeVar("Frame")


class Stage(Savable, HasParams, ABC):
    """A step of a pipeline that adds columns, and may take others away.

    Stages hold their parameters and at most a shared read-only model, so that one stage can serve
    many pipelines at once.
    """

    column_params: ClassVar[tuple[str, ...]]

    @abstractmethod
    def needed_columns(self) -> dict[str, str]:
        """The columns that the stage reads, by name, with their kinds as far as parameters tell."""

    @abstractmethod
    def resolve_inputs(self, available: Mapping[str, Column]) -> list[str]:
        """The names of the input columns in the order that `apply` wants, or a ColumnError."""

    @abstractmethod
    def output_names(self) -> list[str]:
        """The names of the columns that the stage makes."""

    @abstractmethod
    def output_fields(self, available: Mapping[str, Column]) -> list[pa.Field]:
        """The Arrow fields of these columns, where `available` are the columns before the stage."""

    @abstractmethod
    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """The batch with the output columns added."""

    def removes(self, column: Column) -> bool:  # noqa: ARG002 - most stages keep them all
        """Whether the stage takes away this column, one of those before it."""
        return False

    def light_columns(self, names: list[str]) -> list[str]:
        """Of a LightPipeline, the annotation columns after this stage; `names` are those before."""
        return names

    def columns_are_set(self) -> bool:
        """Whether the parameters that name the columns all have values."""
        return all(self.isDefined(name) for name in self.column_params)

    def fitted(self) -> Stage:
        """The stage to run: a copy, so that later changes of this one do not reach the pipeline."""
        return self.copy()

    def transform(self, frame: Frame) -> Frame:
        """The frame with this stage's columns; `PipelineModel.transform` lists the frames."""
        from embedpipe.pipeline.plan import Runner

        return transform_frame(frame, Runner([self.fitted()]))

    def require(self, available: Mapping[str, Column], name: str, kind: str) -> Column:
        """The column of that name, if it is there and of that kind; otherwise a ColumnError."""
        column = available.get(name)
        if column is None or not column.serves_as(kind):
            found = "is missing" if column is None else f"holds {column.type}"
            raise self.column_error(name, found, described(kind), available)
        return column

    def column_error(
        self, name: str, found: str, wanted: str, available: Mapping[str, Column]
    ) -> ColumnError:
        """An error that names the stage, the column, what it needs and the columns there are."""
        there = ", ".join(map(str, available.values())) or "none"
        return ColumnError(
            f"{self.label}: input column {name!r} {found}; it must hold {wanted}. Columns there "
            f"are: {there}. Name another one in the stage's setter, or let a stage before make it"
        )


class AnnotationStage(Stage):
    """A stage that adds one column of annotations."""

    output_annotator_type: ClassVar[str]
    column_params: ClassVar[tuple[str, ...]] = ("outputCol",)

    outputCol = Param("name of the annotation column that the stage makes", string)
    setOutputCol, getOutputCol = outputCol.accessors()

    def output_names(self) -> list[str]:
        """The name of the annotation column."""
        return [self.getOutputCol()]

    def light_columns(self, names: list[str]) -> list[str]:
        """One more."""
        return names + self.output_names()

    def output_fields(self, available: Mapping[str, Column]) -> list[pa.Field]:  # noqa: ARG002
        """The field of the annotation column, which most stages know by themselves."""
        return [self.output_field()]

    def output_field(self) -> pa.Field:
        """The Arrow field of the annotation column, as far as this stage alone knows it."""
        return annotation_field(self.getOutputCol(), self.output_annotator_type)


class Annotator(AnnotationStage):
    """A stage that makes annotations of annotations: it reads one column of each input type."""

    input_annotator_types: ClassVar[tuple[str, ...]]
    column_params = ("inputCols", "outputCol")

    inputCols = Param("names of the annotation columns that the stage reads", strings)
    getInputCols = inputCols.accessors()[1]
    lazyAnnotator = Param("accepted for compatibility, without effect", boolean, default=False)
    setLazyAnnotator, getLazyAnnotator = lazyAnnotator.accessors()

    def setInputCols(self: A, *value: str | Sequence[str]) -> A:
        """Set the input columns, one of each type and in any order: as arguments or as one list."""
        return self.setParams(inputCols=names_given(value))

    @abstractmethod
    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """The output column for input columns in the order of `input_annotator_types`."""

    def needed_columns(self) -> dict[str, str]:
        """The input columns; which holds which type is found in `resolve_inputs`."""
        return dict.fromkeys(self.getInputCols(), Kinds.ANNOTATIONS)

    def resolve_inputs(self, available: Mapping[str, Column]) -> list[str]:
        """Match the input columns to the input types by what the columns hold."""
        names = self.getInputCols()
        left = list(names)
        resolved = []
        for kind in self.input_annotator_types:
            match = next((n for n in left if n in available and available[n].kind == kind), None)
            if match is None:  # nothing says so: the type is unknown, or this is an error
                absent = next((n for n in left if n not in available), None)
                match = absent or next((n for n in left if available[n].serves_as(kind)), left[0])
                self.require(available, match, kind)
            left.remove(match)
            resolved.append(match)
        return resolved

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Annotate the batch."""
        kinds = self.input_annotator_types
        columns = [batch.annotations(n, kind) for n, kind in zip(inputs, kinds, strict=True)]
        return batch.adding(self.getOutputCol(), self.annotate(*columns))

    def _check_together(self) -> None:
        if self.isSet("inputCols"):
            names, kinds = self.getInputCols(), self.input_annotator_types
            if len(names) != len(kinds) or len(set(names)) != len(names):
                raise ParameterError(
                    f"{self.label}: inputCols must be {len(kinds)} different column names, one of "
                    f"annotations of type {' and one of '.join(kinds)}; got {names}"
                )


def names_given(value: Sequence[str | Sequence[str]]) -> Sequence[Any]:
    """Column names that a setter got, either as its arguments or as one list."""
    return value[0] if len(value) == 1 and not isinstance(value[0], str) else value
