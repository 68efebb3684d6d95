"""Base class of BertEmbeddings and AlbertEmbeddings: vectors of tokens in their sentences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn, AnnotatorType, metadata_map
from embedpipe.arrays import offsets_of, place_in_sequence
from embedpipe.engine.ragged import Ragged
from embedpipe.params import Param, choice
from embedpipe.stages.bases.encoder_stage import EncoderStage
from embedpipe.stages.bases.spans import sentence_numbers
from embedpipe.subword.sequences import Layout, Parts, lay_out

__all__ = ["WordEmbeddings"]

_NO_PIECE = -1

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


class WordEmbeddings(EncoderStage):
    """Makes one word_embeddings annotation per token, from its first piece's vector or all pieces'.

    Every token keeps its place and gets a vector, so that the i-th vector of a row belongs to its
    i-th token. Where Spark NLP drops a token or gives it another one's vector, its vector here is
    zero and `isOOV` in its metadata is `true`: tokens beyond `maxSentenceLength` under the default
    `lengthPolicy`, tokens without any piece (`pieceId` -1), tokens outside of all sentences. Under
    `compatibility` such tokens are dropped, or get the vector of [SEP], as recorded.
    """

    recorded_token_limit: ClassVar[bool] = False
    """Whether Spark NLP reads no more tokens of a sentence than pieces."""

    input_annotator_types = (AnnotatorType.DOCUMENT, AnnotatorType.TOKEN)
    output_annotator_type = AnnotatorType.WORD_EMBEDDINGS

    piecePooling = Param(
        "whether a token's vector is that of its first piece or the mean of its pieces' vectors",
        choice("first", "mean"),
        default="first",
    )
    setPiecePooling, getPiecePooling = piecePooling.accessors()

    @abstractmethod
    def encode_tokens(self, tokens: Sequence[str]) -> Ragged:
        """The pieces of each of some distinct tokens, int32."""

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """Vectors of the tokens, each in the context of its sentence."""
        sentences, tokens = columns
        if self.getMaxSentenceLength() <= 0:
            none = tokens.filter(np.zeros(len(tokens), bool))
            return replace(none, annotator_type=self.output_annotator_type)
        # Words repeat: whatever is done to the text of a token is done once per distinct token.
        distinct = tokens.result.dictionary_encode()
        texts, words = distinct.dictionary.to_pylist(), distinct.indices
        pieces = self.encode_tokens(texts)
        sentence_of = sentences_of_tokens(sentences, tokens)
        if self.as_recorded and self.recorded_token_limit:
            sentence_of = np.where(
                _numbers_in(sentence_of, len(sentences)) < self.piece_limit,
                sentence_of,
                -1,
            )
        layout = lay_out(pieces, words.to_numpy(), sentence_of, len(sentences))
        parts = self.parts(layout.pieces.offsets, sentences)
        vectors, found = self._vectors(layout, parts, sentence_of)
        cased = distinct.dictionary if self.getCaseSensitive() else _lower(distinct.dictionary)
        texts_of_tokens = pa.DictionaryArray.from_arrays(words, cased)
        metadata = {
            "sentence": _sentence_metadata(sentences, tokens, sentence_of),
            "isOOV": pa.DictionaryArray.from_arrays(
                pa.array(~found).cast(pa.int8()), pa.array(["false", "true"])
            ),
            "isWordStart": "true",
            "pieceId": pa.DictionaryArray.from_arrays(
                words, pa.array(_first_ids(pieces)).cast(pa.string())
            ),
            "token": texts_of_tokens,
        }
        if not self.as_recorded:
            metadata |= self.cut_metadata(layout.pieces.offsets, sentence_of)
        made = replace(
            tokens,
            annotator_type=self.output_annotator_type,
            result=texts_of_tokens.dictionary_decode(),
            embeddings=vectors,
            metadata=metadata_map(metadata, len(tokens)),
        )
        return made.filter(found) if self.as_recorded else made

    def _vectors(
        self, layout: Layout, parts: Parts, sentence_of: Int64
    ) -> tuple[Float32, npt.NDArray[np.bool_]]:
        """The vector of each token (tokens, dimension), and whether it has one."""
        # Imported late, as the encoder is: stages without a model do not need the engine.
        from embedpipe.engine.native import empty_vectors

        sequences = self.join(layout.pieces, parts)
        hidden = self.encoder.hidden_states(sequences.pieces).values
        places = np.append(sequences.places, _NO_PIECE)[layout.first]  # -1 takes what is appended
        if self.as_recorded:
            unread = self._first_unread(layout, sentence_of)  # behind the last piece stands [SEP]
            part = np.searchsorted(parts.sentences, sentence_of[unread])
            places[unread] = sequences.pieces.offsets[part + 1] - 1
        found = places >= 0
        vectors = empty_vectors(len(found), self.encoder.hidden_size)
        if len(hidden):  # "clip" writes to `vectors` itself, the default mode to a copy first
            np.take(hidden, places, axis=0, out=vectors, mode="clip")
        if self.getPiecePooling() == "mean":
            _make_means(vectors, hidden, layout, sequences.places)
        vectors[~found] = 0
        return vectors, found

    def _first_unread(self, layout: Layout, sentence_of: Int64) -> Int64:
        """The tokens that begin with the first piece that is not read of their sentence."""
        inside = np.flatnonzero(layout.first >= 0)
        number = layout.first[inside] - layout.pieces.offsets[sentence_of[inside]]
        tokens: Int64 = inside[number == self.piece_limit]
        return tokens

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("piecePooling")


def _make_means(vectors: Float32, hidden: Float32, layout: Layout, places: Int64) -> None:
    """Turn vectors of first pieces into means over the pieces that were read of each token."""
    first = np.maximum(layout.first, 0)
    read = offsets_of(places >= 0)  # how many pieces before each one were
    counts = read[first + layout.counts] - read[first]
    for number in range(1, counts.max(initial=1)):
        longer = np.flatnonzero(counts > number)
        vectors[longer] += hidden[places[first[longer] + number]]
    several = np.flatnonzero(counts > 1)
    vectors[several] /= counts[several, None].astype(np.float32)


def sentences_of_tokens(
    sentences: AnnotationColumn, tokens: AnnotationColumn
) -> npt.NDArray[np.int64]:
    """Which sentence each token lies in, int64 (tokens,): the last one of its row that begins at or
    before it and ends at or after its end; -1 where there is none.
    """
    if not len(sentences):
        return np.full(len(tokens), -1, dtype=np.int64)
    # One number orders rows first and begins within them: wide enough for any offset of a row.
    step = np.int64(1) << 32
    keys = sentences.row_of * step + sentences.begin
    order = np.argsort(keys, kind="stable")
    token_rows = tokens.row_of
    place = np.searchsorted(keys[order], token_rows * step + tokens.begin, side="right") - 1
    found = order[np.maximum(place, 0)]
    inside = (
        (place >= 0)
        & (sentences.row_of[found] == token_rows)
        & (tokens.end <= sentences.end[found])
    )
    return np.where(inside, found, -1)


def _numbers_in(sentence_of: Int64, sentence_count: int) -> Int64:
    """The number of each token among those of its sentence, int64 (tokens,)."""
    order = np.argsort(sentence_of, kind="stable")
    numbers = np.empty(len(sentence_of), dtype=np.int64)
    numbers[order] = place_in_sequence(
        offsets_of(np.bincount(sentence_of + 1, minlength=sentence_count + 1))
    )
    return numbers


def _lower(texts: pa.StringArray) -> pa.StringArray:
    """The texts in lower case by Python's rules; Arrow's are used for ASCII only."""
    lower, other = pc.ascii_lower(texts), pc.invert(pc.string_is_ascii(texts))
    if not pc.any(other).as_py():
        return lower
    others = [text.lower() for text in texts.filter(other).to_pylist()]
    return pc.replace_with_mask(lower, other, pa.array(others, pa.string()))


def _first_ids(pieces: Ragged) -> npt.NDArray[np.int64]:
    """The id of the first piece of each word, `_NO_PIECE` where there is none."""
    ids = np.full(len(pieces), _NO_PIECE, dtype=np.int64)
    there = pieces.lengths > 0
    ids[there] = pieces.values[pieces.offsets[:-1][there]]
    return ids


def _sentence_metadata(
    sentences: AnnotationColumn, tokens: AnnotationColumn, sentence_of: npt.NDArray[np.int64]
) -> pa.Array:
    """The number of each token's sentence; for a token outside of all, that in its metadata."""
    outside = sentence_of < 0
    numbers = pa.array(sentence_numbers(sentences)).cast(pa.string())
    if not outside.any():
        return pa.DictionaryArray.from_arrays(pa.array(sentence_of), numbers)
    found = numbers.take(pa.array(sentence_of, mask=outside))
    return pc.coalesce(found, tokens.metadata_field("sentence"))
