"""Base classes of stages."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from embedpipe._showing import html_cell, html_table, text_table
from embedpipe._when_imported import when_imported
from embedpipe.annotation import AnnotationColumn, OffsetUnit, annotation_field
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.frames.adapter import transform_frame
from embedpipe.frames.columns import ANNOTATIONS, Column, annotations_of
from embedpipe.params import Param, boolean, string, strings
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import HasColumns, Input
from embedpipe.pipeline.plan import Planner
from embedpipe.pipeline.savable import Savable

__all__ = [
    "AnnotationStage",
    "Annotator",
    "Stage",
    "html_of_stages",
    "names_given",
    "text_of_stages",
    "unit_of",
]

A = TypeVar("A", bound="Annotator")
Frame = TypeVar("Frame")


def _adopt() -> None:
    """Spark's layer stands above this one, and is only there for those who have pyspark."""
    importlib.import_module("embedpipe.spark.citizens").adopt()


class Stage(Savable, HasColumns):
    """A step of a pipeline that adds columns, and may remove others.

    Stages hold their parameters and at most a shared read-only model, so that one stage can serve
    many pipelines at once.
    """

    @property
    def shown_model(self) -> str:
        """The name of the stage's model; empty where it has none."""
        return ""

    @property
    def shown_columns(self) -> str:
        """The columns that the stage reads and makes; `?` where they are not set."""
        read = ", ".join(
            ", ".join(_listed(self.getOrDefault(declared.param)))
            if self.isDefined(declared.param)
            else "?"
            for declared in self.reads
            if not declared.optional or self.isSet(declared.param)
        )
        return f"{read} -> {', '.join(self.output_names()) if self.columns_are_set() else '?'}"

    @property
    def shown_settings(self) -> str:
        """The parameters that were set, but for those that name columns."""
        named = {declared.param for declared in self.reads} | {self.makes}
        return ", ".join(
            f"{param.name}={_brief(self.getOrDefault(param))}"
            for param in self.params
            if self.isSet(param) and param.name not in named
        )

    def __repr__(self) -> str:
        model = f"model={self.shown_model!r}" if self.shown_model else ""
        parts = filter(None, (self.shown_columns, model, self.shown_settings))
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str:
        model = f", model {self.shown_model}" if self.shown_model else ""
        rows = [
            [
                html_cell(param.name, code=True),
                html_cell(_brief(value), code=True),
                "set" if self.isSet(param) else "",
                html_cell(param.doc),
            ]
            for param, value in self.extractParamMap().items()
        ]
        title = f"{type(self).__name__}: {self.shown_columns}{model}"
        return html_table(title, ["parameter", "value", "", "what it is"], rows)

    def fitted(self) -> Stage:
        """The stage to run: a copy, so that later changes of this one do not reach the pipeline."""
        return self.copy()

    def transform(
        self,
        dataset: Frame,
        params: Mapping[Any, Any] | None = None,
        *,
        progress: bool = False,
    ) -> Frame:
        """The frame with this stage's columns; `PipelineModel.transform` lists the frames.

        `params` overrides some of the stage's parameters.
        """
        stage = self.copy(params) if params else self
        return transform_frame(dataset, Planner([stage.fitted()], progress=progress))


class AnnotationStage(Stage):
    """A stage that adds one column of annotations."""

    output_annotator_type: ClassVar[str]
    makes = "outputCol"

    outputCol = Param("name of the annotation column that the stage makes", string)
    setOutputCol, getOutputCol = outputCol.accessors()

    def output_fields(self, inputs: Sequence[Column]) -> list[pa.Field]:
        """The field of the annotation column."""
        metadata = {"offset_unit": self.unit(inputs), **self.vector_metadata(inputs)}
        return [annotation_field(self.getOutputCol(), self.output_annotator_type, **metadata)]

    def unit(self, inputs: Sequence[Column]) -> str:
        """What begin and end count, one of `OffsetUnit`: by default, the same as in the inputs."""
        return unit_of(self, inputs) or OffsetUnit.UTF16

    def vector_metadata(self, inputs: Sequence[Column]) -> dict[str, Any]:  # noqa: ARG002
        """The `dimension` and `ref` of vectors for the column's metadata, where they are known."""
        return {}


class Annotator(AnnotationStage):
    """A stage that makes annotations from annotations: it reads one column of each input type."""

    reads: ClassVar[tuple[Input, ...]] = (Input("inputCols", ANNOTATIONS),)
    input_annotator_types: ClassVar[tuple[str, ...]]

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

    def resolve_inputs(self, available: Mapping[str, Column]) -> list[Column]:
        """Match the input columns to the input types; then the other columns."""
        left = self.getInputCols()
        resolved = []
        for kind in self.input_annotator_types:
            types = {name: available[name].annotator_type for name in left if name in available}
            match = next((name for name in left if types.get(name) == kind), None)
            need = annotations_of(kind)
            if match is None:  # nothing says so: the type is unknown, or this is an error
                absent = next((name for name in left if name not in available), None)
                match = absent or next(filter(lambda n: need.met_by(available[n]), left), left[0])
            left.remove(match)
            resolved.append(self.require(available, match, need))
        others = self.inputs()[len(resolved) :]
        return resolved + [self.require(available, name, need) for name, need in others]

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


def text_of_stages(title: str, stages: Sequence[Stage]) -> str:
    """The stages of a pipeline, a line each."""
    rows = [
        [str(n), type(s).__name__, s.shown_columns, s.shown_model, s.shown_settings]
        for n, s in enumerate(stages, 1)
    ]
    count = f"{len(stages)} {'stage' if len(stages) == 1 else 'stages'}"
    return f"{title} of {count}" + (f":\n{text_table(rows)}" if rows else "")


def html_of_stages(title: str, stages: Sequence[Stage], keys: Sequence[str] = ()) -> str:
    """The stages of a pipeline as a table; `keys` stand for their numbers, where given."""
    rows = [
        [
            html_cell(key, code=bool(keys)),
            html_cell(type(stage).__name__),
            html_cell(stage.shown_columns, code=True),
            "\n".join(
                html_cell(text, code=True)
                for text in (stage.shown_model, stage.shown_settings)
                if text
            ),
        ]
        for key, stage in zip(keys or range(1, len(stages) + 1), stages, strict=True)
    ]
    return html_table(title, ["", "stage", "columns", "model, and what is set"], rows)


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _brief(value: Any) -> str:
    """A value as code; an ellipsis stands for what is beyond 60 characters, or no plain value."""
    if not isinstance(value, (str, int, float, list, dict, bytes, type(None))):
        return f"{type(value).__name__}(…)"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


def names_given(value: Sequence[str | Sequence[str]]) -> Sequence[Any]:
    """The column names given to a setter, either as arguments or as one list."""
    return value[0] if len(value) == 1 and not isinstance(value[0], str) else value


def unit_of(stage: Stage, inputs: Sequence[Column]) -> str | None:
    """The offset unit of all these columns, None if none declares it."""
    units = {column.offset_unit: column.name for column in inputs if column.offset_unit}
    if len(units) > 1:
        listed = " and ".join(f"{name!r} by {unit!r}" for unit, name in units.items())
        raise ColumnError(
            f"{stage.label}: offsets count {listed} in its input columns; expected one unit. Set "
            "the same offsetUnit where text enters each of them"
        )
    return next(iter(units), None)


when_imported("pyspark.ml", _adopt)
