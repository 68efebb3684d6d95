"""What Spark NLP code imports from `sparknlp.annotator`: `from embedpipe.annotator import *`."""

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
