"""LightPipeline: runs a pipeline over strings, without a data frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar, overload

import pyarrow as pa

from embedpipe.annotation import Annotation, AnnotationColumn
from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.frames.columns import ColumnKind, columns_of
from embedpipe.frames.texts import arrow_texts
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.pipeline.plan import Plan, Planner
from embedpipe.pipeline.stage import (
    AnnotationStage,
    Stage,
    html_of_stages,
    text_of_stages,
)

__all__ = ["LightPipeline"]

Frame = TypeVar("Frame")


class LightPipeline:
    """The stages of a fitted pipeline over texts; source: Spark NLP's LightPipeline.

    Texts go to every DocumentAssembler, whatever its `inputCol`, and come out in their order, one
    dict per text: by the name of each annotation column, in the order of the stages, what was found
    in the text. It is what the pipeline gives over a frame of these texts, but for two stages:
    sentences stay together where `explodeSentences` is set, and of a Finisher only the choice of
    columns is kept. `annotate` gives the annotations' texts, and with `parse_embeddings` vectors as
    texts, numbers with spaces between them; `fullAnnotate` gives Annotations, whose embeddings are
    lists of float. With `parse_embeddings` False these are empty, and so they are by default (None)
    for stages under `compatibility`, as in Spark NLP.

    >>> from embedpipe.base import DocumentAssembler, LightPipeline, Pipeline
    >>> from embedpipe.annotator import Tokenizer
    >>> stages = [DocumentAssembler(inputCol="text"), Tokenizer(inputCols=["document"])]
    >>> light = LightPipeline(Pipeline(stages=stages).fit())
    >>> light.annotate("I hate cancer")
    {'document': ['I hate cancer'], 'token': ['I', 'hate', 'cancer']}
    >>> light.fullAnnotate(["It", "rains"])[1]["token"]
    [Annotation(token, 0, 4, rains, {'sentence': '0'}, [])]
    """

    def __init__(self, pipelineModel: PipelineModel, parse_embeddings: bool | None = None) -> None:
        if not isinstance(pipelineModel, PipelineModel):
            raise ParameterError(
                f"LightPipeline: found {pipelineModel!r}; expected a PipelineModel, as "
                "Pipeline.fit gives it"
            )
        self.pipeline_model = pipelineModel
        self.parse_embeddings = parse_embeddings
        stages = [_joined(s) for s in pipelineModel.stages if isinstance(s, AnnotationStage)]
        self._stages: list[Stage] = PipelineModel(stages).stages
        self._inputs = _text_columns(self._stages)
        self._outputs = _kept_columns(pipelineModel.stages)
        self._schema = pa.schema([(name, pa.string()) for name in self._inputs])
        recorded = [stage for stage in self._stages if stage.as_recorded]
        self._recorded = {name for stage in recorded for name in stage.output_names()}
        # Spark NLP gives documents no metadata here
        self._bare = {name for s in recorded if _takes_texts(s) for name in s.output_names()}

    def __repr__(self) -> str:
        return text_of_stages("LightPipeline", self.pipeline_model.stages)

    def _repr_html_(self) -> str:
        return html_of_stages("LightPipeline", self.pipeline_model.stages)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.pipeline_model, self.parse_embeddings)

    @overload
    def annotate(self, target: str) -> dict[str, list[str]]: ...
    @overload
    def annotate(self, target: list[str] | tuple[str, ...]) -> list[dict[str, list[str]]]: ...
    def annotate(self, target: str | list[str] | tuple[str, ...]) -> Any:
        """The texts that were found: a dict for one text, a list of dicts for a list of texts.

        Raises InputError for anything but texts.
        """
        found = self._rows(_texts(target), self._results)
        return found[0] if isinstance(target, str) else found

    def fullAnnotate(
        self, target: str | list[str] | tuple[str, ...]
    ) -> list[dict[str, list[Annotation]]]:
        """The annotations that were found: one dict per text, in a list for a single text too.

        Raises InputError for anything but texts.
        """
        rows = self._rows(_texts(target), self._annotations)
        for row in rows:
            for document in (found for name in self._bare & row.keys() for found in row[name]):
                document.metadata = {}
        return rows

    def transform(self, dataframe: Frame, *, progress: bool = False) -> Frame:
        """The frame with the pipeline's columns, as `PipelineModel.transform` makes them."""
        return self.pipeline_model.transform(dataframe, progress=progress)

    @cached_property
    def _plan(self) -> Plan:
        return Planner(self._stages).plan(columns_of(self._schema))

    def _rows(
        self, texts: list[str], read: Callable[[AnnotationColumn, str], list[list[Any]]]
    ) -> list[dict[str, list[Any]]]:
        """What `read` makes of the columns, one dict per text."""
        column = arrow_texts(texts)
        batch = pa.record_batch([column] * len(self._inputs), schema=self._schema)
        rows: list[dict[str, list[Any]]] = []
        for made in self._plan.run([batch], self._schema):
            columns = [
                read(AnnotationColumn.from_arrow(made[name]), name) for name in self._outputs
            ]
            cells = zip(*columns, strict=True)
            rows += [dict(zip(self._outputs, row, strict=True)) for row in cells]
        return rows

    def _results(self, column: AnnotationColumn, _: str) -> list[list[str]]:
        texts = column.texts(vectors=bool(self.parse_embeddings)).to_pylist()
        return [texts[start:stop] for start, stop in pairwise(column.row_offsets.tolist())]

    def _annotations(self, column: AnnotationColumn, name: str) -> list[list[Annotation]]:
        rows = [row or [] for row in column.rows()]
        wanted = self.parse_embeddings
        with_vectors = name not in self._recorded if wanted is None else wanted
        for annotation in (annotation for row in rows for annotation in row):
            vector = annotation.embeddings if with_vectors else []
            annotation.embeddings = [float(number) for number in vector]
        return rows


def _texts(target: Any) -> list[str]:
    texts = [target] if isinstance(target, str) else target
    if not isinstance(texts, (list, tuple)):
        raise InputError(f"found {target!r}; expected a text or a list of texts")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"item {place} of the list is {text!r}; expected a text")
    return list(texts)


def _joined(stage: Stage) -> Stage:
    """The stage with `explodeSentences` off, which would make several rows of one."""
    return stage.copy({"explodeSentences": False}) if stage.hasParam("explodeSentences") else stage


def _takes_texts(stage: Stage) -> bool:
    """Whether the stage reads text instead of annotations."""
    kinds = {need.kind for _, need in stage.inputs()}
    return ColumnKind.TEXT in kinds and ColumnKind.ANNOTATIONS not in kinds


def _text_columns(stages: Sequence[Stage]) -> list[str]:
    """The names of the columns that hold the texts; ColumnError where stages need others."""
    made: set[str] = set()
    texts: dict[str, None] = {}
    for stage in stages:
        for name, need in stage.inputs():
            if _takes_texts(stage) and need.kind is ColumnKind.TEXT:
                texts[name] = None
            elif name not in made and name not in texts:
                raise ColumnError(
                    f"{stage.label} reads column {name!r}, and a LightPipeline has nothing but "
                    "texts for the inputCol of each DocumentAssembler; leave the stage out, or "
                    "use PipelineModel.transform"
                )
        made.update(stage.output_names())
    return list(texts)


def _kept_columns(stages: Sequence[Stage]) -> list[str]:
    """The names of the annotation columns in the result."""
    names: list[str] = []
    for stage in stages:
        if stage.chooses_results:
            chosen = {name for name, _ in stage.inputs()}
            names = [name for name in names if name in chosen]
        elif isinstance(stage, AnnotationStage):
            names += stage.output_names()
    return names
