"""Small pipelines around a tiny model, for frames of every kind."""

from __future__ import annotations

from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, Pipeline, PipelineModel
from embedpipe.encoder import Encoder


def embedding(encoder: Encoder) -> PipelineModel:
    """A vector a row, in a column `vector`, and nothing else."""
    stages = [
        DocumentAssembler(inputCol="text"),
        BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="made"),
        EmbeddingsFinisher(
            inputCols=["made"], outputCols=["vector"], outputAs="vector", cleanAnnotations=True
        ),
    ]
    return Pipeline(stages=stages).fit()


def sentences(**params: object) -> PipelineModel:
    """Annotations: documents and their sentences."""
    detector = SentenceDetector(inputCols=["document"], outputCol="sentence", **params)
    return PipelineModel([DocumentAssembler(inputCol="text"), detector])
