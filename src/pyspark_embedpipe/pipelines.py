"""The pipeline that the options of the data source ask for, and the function that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql.types import StructType

from embedpipe import annotator
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.errors import EmbedpipeError, ParameterError
from embedpipe.pipeline.plan import Planner
from embedpipe.pipeline.stage import Stage
from embedpipe.spark.schema import columns_of_spark, output_type
from embedpipe.spark.sending import on_this_disk, stages_function
from embedpipe.spark.shipped import BatchFunction

__all__ = ["OPTIONS", "Running", "check_options", "running"]

OPTIONS = {
    "model": "name or path of a model; around it stands the pipeline that it was published with",
    "pipeline": "path of a saved pipeline or bundle, instead of a model",
    "inputCol": "the column of texts; by default, text",
    "annotator": "class of the stage with the model, where it could be of several",
    "format": "of the files that are read: text, csv, tsv, jsonl or parquet; by default, by suffix",
    "path": "what is read: a file, a folder, or a pattern such as reviews/*.csv; or the folder "
    "that is written",
}
"""The options and what they mean; Spark does not tell their names' case."""


@dataclass(frozen=True)
class Running:
    """A pipeline over frames of one schema: what it makes, and the function that makes it."""

    schema: StructType
    function: BatchFunction


def running(options: Mapping[str, str], frame: StructType) -> Running:
    """The options' pipeline over frames of that schema; ColumnError where it does not fit."""
    stages = _stages(options)
    plan = Planner(stages).plan(columns_of_spark(frame))
    return Running(output_type(frame, plan), stages_function(stages, plan, frame, on_this_disk))


def check_options(options: Mapping[str, str]) -> None:
    """Raise ParameterError for an option that there is not, and for a contradiction."""
    known = {name.lower() for name in OPTIONS}
    unknown = sorted(name for name in options if name.lower() not in known)
    if unknown:
        raise ParameterError(
            f"format('embedpipe'): the option {unknown[0]!r} is not known; expected "
            f"{', '.join(OPTIONS)}"
        )
    if ("model" in options) == ("pipeline" in options):
        raise ParameterError(
            "format('embedpipe'): expected either the option model or the option pipeline; set "
            ".option('model', NAME), such as sent_small_bert_L2_512"
        )


def _stages(options: Mapping[str, str]) -> list[Stage]:
    if "pipeline" in options:
        return PipelineModel.load(options["pipeline"]).stages
    text = options.get("inputCol", "text")
    stage = _stage(options["model"], options.get("annotator"))
    stages: list[Any] = [
        DocumentAssembler(inputCol=text),
        annotator.SentenceDetector(inputCols=["document"], outputCol="sentence"),
    ]
    if isinstance(stage, annotator.BertSentenceEmbeddings):
        stage.setParams(inputCols=["sentence"], outputCol="sentence_embeddings")
    else:
        stages.append(annotator.Tokenizer(inputCols=["sentence"], outputCol="token"))
        stage.setParams(inputCols=["sentence", "token"], outputCol="embeddings")
    return PipelineModel([*stages, stage]).stages


def _stage(model: str, kind: str | None) -> Any:
    """The stage with the model: of the class asked for, or published, or that the model fits."""
    kinds = {name: getattr(annotator, name) for name in annotator.__all__}
    with_model = [name for name, found in kinds.items() if hasattr(found, "pretrained")]
    if kind is not None:
        if kind not in with_model:
            raise ParameterError(
                f"format('embedpipe'): annotator is {kind!r}; expected {' or '.join(with_model)}"
            )
        return kinds[kind].pretrained(model)
    from embedpipe.encoder import Encoder

    encoder = Encoder.load(model)
    fitting = [name for name in with_model if name in encoder.config.row.annotators]
    published = _published(model)
    best = "BertSentenceEmbeddings"
    chosen = published if published in fitting else best if best in fitting else fitting[0]
    return kinds[chosen](encoder)


def _published(model: str) -> str | None:
    from embedpipe.hub.catalog import show

    try:
        return show(model).annotator
    except EmbedpipeError:  # a path, or a name of the user's own
        return None
