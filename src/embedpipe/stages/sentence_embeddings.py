"""SentenceEmbeddings: one vector per sentence, pooled of its word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from embedpipe.annotation import AnnotationColumn, AnnotatorType
from embedpipe.frames.columns import Column
from embedpipe.params import Param, integer, string
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.pooled_embeddings import (
    Members,
    PooledEmbeddings,
    having_vectors,
    members_between,
    members_within,
    row_keys,
)
from embedpipe.stages.bases.spans import sentence_numbers

__all__ = ["SentenceEmbeddings"]

_RECORDED_DIMENSION = 100  # whatever the vectors' width


class SentenceEmbeddings(PooledEmbeddings):
    """One vector per sentence or document, of its words' vectors; source: Spark NLP's stage.

    Reads annotations of types document and word_embeddings, and makes one annotation of type
    sentence_embeddings per sentence, its vector float32 (dimension,): the mean of the vectors of
    all words that lie in it (`poolingStrategy` `AVERAGE`, the default), or their sum (`SUM`). Words
    that are `isOOV`, which have no vector of their own, count only where a sentence has no others.
    A sentence without words has an empty vector. Metadata: `sentence`, `token` (the sentence),
    `pieceId` (-1) and `isWordStart` (`true`).

    `dimension` and `storageRef` stand in the column's metadata only, and are those of the word
    vectors unless set. `compatibility` repeats what was recorded: a sentence takes the words that
    say its number, so that a whole document gets those of its first sentence, and the dimension in
    the metadata is 100.

    >>> from embedpipe.annotator import BertEmbeddings, Tokenizer
    >>> from embedpipe.base import DocumentAssembler, Pipeline
    >>> stages = [
    ...     DocumentAssembler(inputCol="text"),
    ...     Tokenizer(inputCols=["document"]),
    ...     BertEmbeddings.pretrained().setInputCols("document", "token").setOutputCol("words"),
    ...     SentenceEmbeddings(inputCols=["document", "words"], poolingStrategy="SUM"),
    ... ]
    >>> table = pa.table({"text": ["I hate cancer"]})
    >>> out = Pipeline(stages=stages).fit(table).transform(table)
    >>> words, sentences = (
    ...     AnnotationColumn.from_arrow(out[name]) for name in ("words", "sentence_embeddings")
    ... )
    >>> bool(abs(words.embeddings.sum(axis=0) - sentences.embeddings).max() < 1e-5)
    True
    """

    input_annotator_types = (AnnotatorType.DOCUMENT, AnnotatorType.WORD_EMBEDDINGS)
    output_annotator_type = AnnotatorType.SENTENCE_EMBEDDINGS

    inputCols = Annotator.inputCols.with_default(["document", "word_embeddings"])
    outputCol = Annotator.outputCol.with_default("sentence_embeddings")
    dimension = Param("width of the vectors, as the column's metadata tells it", integer(minimum=1))
    setDimension, getDimension = dimension.accessors()
    storageRef = Param("name of the vectors in the column's metadata", string)
    setStorageRef, getStorageRef = storageRef.accessors()

    def numbers(
        self,
        stretches: AnnotationColumn,
        words: AnnotationColumn,  # noqa: ARG002 - sentences know their numbers
        members: Members,  # noqa: ARG002
    ) -> dict[str, pa.Array]:
        """The number of each sentence."""
        return {"sentence": pa.array(sentence_numbers(stretches)).cast(pa.string())}

    def members(self, stretches: AnnotationColumn, words: AnnotationColumn) -> Members:
        """The words in each sentence; as recorded, the words with its number."""
        if not self.as_recorded:
            return having_vectors(words, members_within(stretches, words), skip_oov=True)
        wanted = row_keys(stretches, sentence_numbers(stretches))
        keys = row_keys(words, sentence_numbers(words))
        return having_vectors(words, members_between(keys, wanted, wanted), skip_oov=False)

    def vector_metadata(self, inputs: Sequence[Column]) -> dict[str, Any]:
        """The dimension and storageRef of the word vectors, unless they are set."""
        recorded = {"dimension": _RECORDED_DIMENSION} if self.as_recorded else {}
        own = {"dimension": "dimension", "storageRef": "ref"}
        given = {key: self.getOrDefault(name) for name, key in own.items() if self.isSet(name)}
        return super().vector_metadata(inputs) | recorded | given
