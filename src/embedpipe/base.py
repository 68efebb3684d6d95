"""What Spark NLP code imports from `sparknlp.base`: `from embedpipe.base import *`."""

from typing import NoReturn as _NoReturn

from embedpipe._spark_nlp_names import refuse_name as _refuse_name
from embedpipe.annotation import Annotation
from embedpipe.pipeline.light import LightPipeline
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.stages import (
    Doc2Chunk,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    TokenAssembler,
)

__all__ = [
    "Annotation",
    "Doc2Chunk",
    "DocumentAssembler",
    "EmbeddingsFinisher",
    "Finisher",
    "LightPipeline",
    "Pipeline",
    "PipelineModel",
    "TokenAssembler",
]


def __getattr__(name: str) -> _NoReturn:
    _refuse_name(name, __name__)
