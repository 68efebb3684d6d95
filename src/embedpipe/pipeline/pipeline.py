"""Pipeline and PipelineModel: a sequence of stages over any frame."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from embedpipe.frames.adapter import columns_of_frame, transform_frame
from embedpipe.frames.columns import Need, columns_of
from embedpipe.params import HasParams, Kind, Param
from embedpipe.pipeline.columns import HasColumns
from embedpipe.pipeline.kept import Kept
from embedpipe.pipeline.plan import Planner, check_order
from embedpipe.pipeline.savable import Savable
from embedpipe.pipeline.stage import Stage, html_of_stages, text_of_stages

__all__ = ["Pipeline", "PipelineModel"]

Frame = TypeVar("Frame")


class PipelineModel(Savable):
    """Stages that are ready to run, made by `Pipeline.fit`: copies of the stages given.

    At heart it is a function from an iterator of Arrow record batches to another; frames of every
    kind only adapt to and from that, so that all give the same results.
    """

    def __init__(self, stages: Sequence[Stage | PipelineModel]) -> None:
        self.uid = f"PipelineModel_{uuid.uuid4().hex[:12]}"
        self.stages: list[Stage] = [stage.fitted() for stage in _flat(stages)]
        check_order(self.stages)

    def __repr__(self) -> str:
        return text_of_stages("PipelineModel", self.stages)

    def _repr_html_(self) -> str:
        return html_of_stages("PipelineModel", self.stages)

    def transform(
        self,
        dataset: Frame,
        params: Mapping[Any, Any] | None = None,
        *,
        keep: Sequence[str] | None = None,
        progress: bool = False,
    ) -> Frame:
        """The frame with the columns that the stages make, as the same kind of frame.

        | frame                          | what comes out                                          |
        |--------------------------------|---------------------------------------------------------|
        | pandas.DataFrame               | index, order and all other columns as they are          |
        | polars.DataFrame, LazyFrame    | likewise; lazy frames run, and stream, with the query   |
        | pyarrow.Table, RecordBatch     | a table, one record batch                               |
        | pyarrow.RecordBatchReader      | a reader; rows are computed as they are asked for       |
        | pyarrow's Dataset, Scanner     | a reader, which `write_dataset` takes                   |
        | what has `__arrow_c_stream__`  | a reader, which has it too                              |
        | datasets.Dataset and others    | the same kind; annotations' metadata as lists of pairs  |
        | duckdb.DuckDBPyRelation        | a relation over the result in memory                    |
        | dask's DataFrame, ray's Dataset| the same; rows are computed where and when Dask, Ray do |
        | pyspark.sql.DataFrame          | one that Spark computes when it is asked for rows       |
        | a dict of columns              | a dict, with vectors as one array                       |

        `params` overrides parameters of the stages that have them. `keep` names the columns to
        give, of those that stages make; the others are never made in Arrow, which saves most of the
        time that they take.

        `progress` shows on standard error how much is done, how fast, and how long it will take: a
        bar, or without a terminal a line a minute. Lazy frames, Dask, Ray, Spark and Hugging
        Face's datasets, which run in parts, have ways of their own.

        Raises ColumnError before anything runs if a column is missing or of another type, or if an
        output column is there already; InputError for another kind of frame.
        """
        model = self.copy(params) if params else self
        return transform_frame(dataset, model._planner(keep, progress=progress))

    def transform_batches(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Transform a stream of record batches of one schema, in bounded memory.

        Columns are checked at once, by `schema` or else by the first batch. Batches of more than
        1,024 rows come out in several; rows keep their order.

        >>> from embedpipe.base import DocumentAssembler
        >>> model = Pipeline(stages=[DocumentAssembler(inputCol="text")]).fit()
        >>> batches = [pa.record_batch({"text": [name]}) for name in ("one", "two")]
        >>> [batch.schema.names for batch in model.transform_batches(batches)]
        [['text', 'document'], ['text', 'document']]
        """
        return self._planner().run(batches, schema)

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of the result for rows of `schema`."""
        return self._planner().plan(columns_of(schema)).output_schema(schema)

    @property
    def needed(self) -> Mapping[str, Need]:
        """The columns that a frame must have, by name."""
        return self._planner().needed

    def copy(self, extra: Mapping[Any, Any] | None = None) -> PipelineModel:
        """The same pipeline; `extra` overrides parameters of the stages that have them."""
        copied = PipelineModel([_copied(stage, extra) for stage in self.stages])
        copied.uid = self.uid
        return copied

    def _planner(self, keep: Sequence[str] | None = None, *, progress: bool = False) -> Planner:
        stages: list[HasColumns] = list(self.stages)
        if keep is not None:
            made = [name for stage in stages for name in stage.output_names()]
            stages.append(Kept(made, keep))
        return Planner(stages, progress=progress)


def _stage_list(value: Any) -> list[Any]:
    stages = list(value)
    for place, stage in enumerate(stages):
        if not isinstance(stage, (Stage, PipelineModel)):
            hint = "; add () to make one of it" if isinstance(stage, type) else ""
            if type(stage).__module__.startswith("pyspark."):
                hint = "; stages of Spark go into pyspark.ml.Pipeline, which takes these too"
            raise ValueError(f"stage {place} is {stage!r}{hint}")
    return stages


_stages: Kind[list[Any]] = Kind("a list of stages and pipeline models", _stage_list)


class Pipeline(Savable, HasParams):
    """Stages in the order in which they run.

    What contradicts itself is found here: a stage that reads a column of the wrong type, or before
    it is made, or makes one that is there. What a frame must bring is checked by `fit`.

    >>> import pandas as pd
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
    >>> pipeline = Pipeline(stages=[
    ...     DocumentAssembler().setInputCol("text").setOutputCol("document"),
    ...     SentenceDetector().setInputCols("document").setOutputCol("sentence"),
    ...     BertSentenceEmbeddings.pretrained().setInputCols("sentence").setOutputCol("vectors"),
    ... ])
    >>> frame = pd.DataFrame({"text": ["It rains. We stay at home.", "So it is."]})
    >>> out = pipeline.fit(frame).transform(frame)
    >>> [len(cell) for cell in out["vectors"]], len(out["vectors"][0][1]["embeddings"])
    ([2, 1], 384)
    """

    stages = Param("the stages, in the order in which they run", _stages)
    setStages, getStages = stages.accessors()

    def fit(self, dataset: Any = None, params: Mapping[Any, Any] | None = None) -> PipelineModel:
        """Fit the stages that learn from data, and check all columns against those of `dataset`.

        Without a frame, what it must bring is checked only by `transform`. `params` overrides
        parameters of the stages that have them. Raises ColumnError, or ParameterError where a stage
        lacks a parameter.
        """
        stages = [_copied(stage, params) for stage in _flat(self.getStages())]
        if dataset is not None:
            planner = Planner(stages)
            planner.plan(columns_of_frame(dataset, planner.needed))
        return PipelineModel(stages)

    def copy(self, extra: Mapping[Any, Any] | None = None) -> Pipeline:
        """A pipeline of copies of the stages; `extra` overrides some parameters."""
        stages = [_copied(stage, extra) for stage in _flat(self.getStages())]
        return Pipeline(stages=stages).with_uid(self.uid)

    def __repr__(self) -> str:
        return text_of_stages("Pipeline", self._given_stages())

    def _repr_html_(self) -> str:
        return html_of_stages("Pipeline", self._given_stages())

    def _given_stages(self) -> list[Stage]:
        return _flat(self.getStages()) if self.isSet("stages") else []

    def _check_together(self) -> None:
        if self.isSet("stages"):
            check_order(_flat(self.getStages()))


def _flat(stages: Iterable[Stage | PipelineModel]) -> list[Stage]:
    """The stages, with pipeline models among them replaced by their stages."""
    nested = (stage.stages if isinstance(stage, PipelineModel) else [stage] for stage in stages)
    return [stage for group in nested for stage in group]


def _copied(stage: Stage, extra: Mapping[Any, Any] | None) -> Stage:
    own = {
        p: v
        for p, v in (extra or {}).items()
        if stage.may_own(p) and stage.hasParam(getattr(p, "name", p))
    }
    return stage.copy(own)
