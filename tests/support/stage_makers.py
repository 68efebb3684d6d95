"""Stages with the columns that tests of saving use."""

from __future__ import annotations

from typing import Any

from embedpipe import Encoder
from embedpipe.annotator import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
)
from embedpipe.base import DocumentAssembler


def text_stages() -> list[Any]:
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]


def words(encoder: Encoder) -> BertEmbeddings:
    return BertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="words")


def sentences(encoder: Encoder) -> BertSentenceEmbeddings:
    return BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="vectors")


def albert(encoder: Encoder) -> AlbertEmbeddings:
    return AlbertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="more")
