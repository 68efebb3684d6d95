"""The stages of pipelines, one file per annotator: parameters, columns in and out, `annotate`.

`STAGES` lists them all; a stage in it is run through the contract that all stages keep.
"""

from embedpipe.pipeline.stage import AnnotationStage, Annotator, Stage
from embedpipe.stages.albert_embeddings import AlbertEmbeddings
from embedpipe.stages.bert_embeddings import BertEmbeddings
from embedpipe.stages.bert_sentence_embeddings import BertSentenceEmbeddings
from embedpipe.stages.chunk_embeddings import ChunkEmbeddings
from embedpipe.stages.doc2chunk import Doc2Chunk
from embedpipe.stages.document_assembler import DocumentAssembler
from embedpipe.stages.embeddings_finisher import EmbeddingsFinisher
from embedpipe.stages.finisher import Finisher
from embedpipe.stages.sentence_detector import SentenceDetector
from embedpipe.stages.sentence_embeddings import SentenceEmbeddings
from embedpipe.stages.token_assembler import TokenAssembler
from embedpipe.stages.tokenizer import Tokenizer, TokenizerModel

__all__ = [
    "STAGES",
    "AlbertEmbeddings",
    "AnnotationStage",
    "Annotator",
    "BertEmbeddings",
    "BertSentenceEmbeddings",
    "ChunkEmbeddings",
    "Doc2Chunk",
    "DocumentAssembler",
    "EmbeddingsFinisher",
    "Finisher",
    "SentenceDetector",
    "SentenceEmbeddings",
    "Stage",
    "TokenAssembler",
    "Tokenizer",
    "TokenizerModel",
]

STAGES: tuple[type[Stage], ...] = (
    DocumentAssembler,
    SentenceDetector,
    Tokenizer,
    TokenizerModel,
    BertEmbeddings,
    AlbertEmbeddings,
    BertSentenceEmbeddings,
    TokenAssembler,
    SentenceEmbeddings,
    Doc2Chunk,
    ChunkEmbeddings,
    Finisher,
    EmbeddingsFinisher,
)
