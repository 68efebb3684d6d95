"""ChunkEmbeddings: one vector per chunk, pooled of its word vectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn, AnnotatorType
from embedpipe.params import Param, boolean
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.pooled_embeddings import (
    Members,
    PooledEmbeddings,
    having_vectors,
    members_within,
)

__all__ = ["ChunkEmbeddings"]


class ChunkEmbeddings(PooledEmbeddings):
    """One vector per chunk, of its words' vectors; source: Spark NLP's ChunkEmbeddings.

    Reads annotations of types chunk and word_embeddings, and makes one annotation of type
    word_embeddings per chunk, its vector float32 (dimension,): the mean of the vectors of all words
    that lie wholly in it (`poolingStrategy` `AVERAGE`, the default), or their sum (`SUM`). With
    `skipOOV` (the default), words that are `isOOV` count only where a chunk has no others. A chunk
    without words is left out. Metadata: `sentence` (that of the chunk's first word), `chunk` (the
    chunk's number), `token` (the chunk), `pieceId` (-1) and `isWordStart` (`true`); the column's
    metadata is that of the word vectors.

    `compatibility` repeats what was recorded: of a chunk's words, only those count that say the
    same number of a sentence as the chunk, so that chunks of later sentences are lost where the
    chunks were found in whole documents.
    """

    input_annotator_types = (AnnotatorType.CHUNK, AnnotatorType.WORD_EMBEDDINGS)
    output_annotator_type = AnnotatorType.WORD_EMBEDDINGS

    inputCols = Annotator.inputCols.with_default(["chunk", "word_embeddings"])
    outputCol = Annotator.outputCol.with_default("chunk_embeddings")
    skipOOV = Param("whether words without a vector of their own do not count", boolean, True)
    setSkipOOV, getSkipOOV = skipOOV.accessors()

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """The chunks that have words, with their vectors."""
        made = super().annotate(*columns)
        lengths = made.vector_lengths
        if made.embeddings is None:
            return made.filter(np.zeros(len(made), bool))
        return made if lengths is None else made.filter(lengths > 0)

    def numbers(
        self, stretches: AnnotationColumn, words: AnnotationColumn, members: Members
    ) -> dict[str, pa.Array]:
        """The number of each chunk, and of its sentence."""
        return {
            "sentence": self._sentences(stretches, words, members),
            "chunk": pc.fill_null(stretches.metadata_field("chunk"), "0"),
        }

    def members(self, stretches: AnnotationColumn, words: AnnotationColumn) -> Members:
        """The words in each chunk; as recorded, only those with its sentence number."""
        members = members_within(stretches, words)
        if self.as_recorded:
            own = _numbers(words).take(pa.array(members.words))
            said = _numbers(stretches).take(pa.array(members.owners))
            members = members.only(pc.equal(own, said).to_numpy(zero_copy_only=False))
        return having_vectors(words, members, skip_oov=self.getSkipOOV())

    def _sentences(
        self, chunks: AnnotationColumn, words: AnnotationColumn, members: Members
    ) -> pa.StringArray:
        """The number of each chunk's sentence, by its first word, string (chunks,)."""
        owners, first = np.unique(members.owners, return_index=True)
        places = np.full(len(chunks), len(words))
        places[owners] = members.words[first]
        of_words = pa.concat_arrays([words.metadata_field("sentence"), pa.nulls(1, pa.string())])
        return pc.coalesce(of_words.take(pa.array(places)), _numbers(chunks))


def _numbers(column: AnnotationColumn) -> pa.StringArray:
    """The sentence number in the metadata of each annotation, 0 if there is none."""
    return pc.fill_null(column.metadata_field("sentence"), "0")
