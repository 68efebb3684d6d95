"""An example of every stage, with inputs that it takes: what the contract suite runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from embedpipe.annotation import AnnotationColumn
from embedpipe.base import PipelineModel
from embedpipe.stages import (
    STAGES,
    AlbertEmbeddings,
    AnnotationStage,
    BertEmbeddings,
    BertSentenceEmbeddings,
    ChunkEmbeddings,
    Doc2Chunk,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    SentenceDetector,
    SentenceEmbeddings,
    TokenAssembler,
    Tokenizer,
    TokenizerModel,
)

TEXTS = [
    "I hate cancer. Antibiotics aren't painkillers!",
    None,
    "",
    "  \t ",
    "One word",
    "No. 5 is alive… “Is it?” 😀 Yes, it is: the_end. 中文 too.",
    "\ufffd",
    "a" * 300 + " b. " + "long " * 200,
    "Cafe\u0301 na\u00efve \x07bell \u200bzero",
    "One  too many\tspaces. One word",
]


CHUNKS = ["One word", "ONE", "😀 Yes", "too many"]


@dataclass(frozen=True)
class Example:
    """How to make a stage, the stages before it, and a change that shows in its column `out`."""

    make: Callable[[dict], object]
    before: Callable[[dict], list]
    change: tuple[str, object]


def nothing(_):
    return []


def document(_):
    return [DocumentAssembler(inputCol="text")]


def sentence(_):
    return [*document(_), SentenceDetector(inputCols=["document"], outputCol="sentence")]


def token(_):
    return [*sentence(_), TokenizerModel(inputCols=["sentence"])]


def chunk(_):
    return [*sentence(_), Doc2Chunk(inputCols=["sentence"], outputCol="chunk", **OF_CHUNKS)]


def words(encoders):
    params = {"inputCols": ["sentence", "token"], "outputCol": "words", "storageRef": "tiny"}
    return [*token(encoders), BertEmbeddings(encoders["tiny_bert"], **params)]


def chunk_and_words(encoders):
    return [*words(encoders), chunk(encoders)[-1]]


OF_CHUNKS = {"chunkCol": "chunks", "isArray": True}


EXAMPLES = {
    DocumentAssembler: Example(
        lambda _: DocumentAssembler(inputCol="text", outputCol="out"),
        nothing,
        ("cleanupMode", "shrink"),
    ),
    SentenceDetector: Example(
        lambda _: SentenceDetector(inputCols=["document"], outputCol="out"),
        document,
        ("minLength", 9),
    ),
    Tokenizer: Example(
        lambda _: Tokenizer(inputCols=["sentence"], outputCol="out"), sentence, ("minLength", 3)
    ),
    TokenizerModel: Example(
        lambda _: TokenizerModel(inputCols=["sentence"], outputCol="out"),
        sentence,
        ("minLength", 3),
    ),
    BertEmbeddings: Example(
        lambda encoders: BertEmbeddings(
            encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="out"
        ),
        token,
        ("maxSentenceLength", 4),
    ),
    AlbertEmbeddings: Example(
        lambda encoders: AlbertEmbeddings(
            encoders["tiny_albert"], inputCols=["sentence", "token"], outputCol="out"
        ),
        token,
        ("maxSentenceLength", 4),
    ),
    BertSentenceEmbeddings: Example(
        lambda encoders: BertSentenceEmbeddings(
            encoders["tiny_bert"], inputCols=["sentence"], outputCol="out"
        ),
        sentence,
        ("maxSentenceLength", 4),
    ),
    TokenAssembler: Example(
        lambda _: TokenAssembler(inputCols=["sentence", "token"], outputCol="out"),
        token,
        ("preservePosition", True),
    ),
    SentenceEmbeddings: Example(
        lambda _: SentenceEmbeddings(inputCols=["sentence", "words"], outputCol="out"),
        words,
        ("poolingStrategy", "SUM"),
    ),
    Doc2Chunk: Example(
        lambda _: Doc2Chunk(inputCols=["sentence"], outputCol="out", **OF_CHUNKS),
        sentence,
        ("lowerCase", True),
    ),
    ChunkEmbeddings: Example(
        lambda _: ChunkEmbeddings(inputCols=["chunk", "words"], outputCol="out"),
        chunk_and_words,
        ("poolingStrategy", "SUM"),
    ),
    Finisher: Example(
        lambda _: Finisher(inputCols=["token"], outputCols=["out"]),
        token,
        ("outputAsArray", False),
    ),
    EmbeddingsFinisher: Example(
        lambda _: EmbeddingsFinisher(inputCols=["words"], outputCols=["out"]),
        words,
        ("outputAsVector", True),
    ),
}


MAKING_ANNOTATIONS = [stage for stage in STAGES if issubclass(stage, AnnotationStage)]


def texts_table(texts):
    columns = {
        "id": pa.array(np.arange(len(texts))),
        "text": pa.array(texts, pa.string()),
        "chunks": pa.array([CHUNKS] * len(texts), pa.list_(pa.string())),
    }
    return pa.table(columns)


def inputs(stage, texts, encoders):
    """A table with the columns that a stage needs."""
    before = EXAMPLES[stage].before(encoders)
    return PipelineModel(before).transform(texts_table(texts)) if before else texts_table(texts)


def column(table, name="out"):
    return AnnotationColumn.from_arrow(table[name])
