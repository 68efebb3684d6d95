"""What Spark NLP code imports from `sparknlp.annotator`: `from embedpipe.annotator import *`."""

from typing import NoReturn as _NoReturn

from embedpipe._spark_nlp_names import refuse_name as _refuse_name
from embedpipe.annotation import AnnotatorType
from embedpipe.stages import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    ChunkEmbeddings,
    SentenceDetector,
    SentenceEmbeddings,
    Tokenizer,
    TokenizerModel,
)

__all__ = [
    "AlbertEmbeddings",
    "AnnotatorType",
    "BertEmbeddings",
    "BertSentenceEmbeddings",
    "ChunkEmbeddings",
    "SentenceDetector",
    "SentenceEmbeddings",
    "Tokenizer",
    "TokenizerModel",
]


def __getattr__(name: str) -> _NoReturn:
    _refuse_name(name, __name__)
