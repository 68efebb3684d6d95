"""BertSentenceEmbeddings: one vector per sentence by BERT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation import AnnotationColumn, AnnotatorType, metadata_map
from embedpipe.arrays import end_to_end, offsets_of
from embedpipe.engine.pooling import (
    FURTHER_POOLINGS,
    POOLINGS,
    Pooling,
    check_pooling,
    is_pooling,
    pool,
)
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ParameterError
from embedpipe.params import Kind, Param, boolean, choice
from embedpipe.pipeline.stage import Stage
from embedpipe.stages.bases.encoder_stage import EncoderStage
from embedpipe.stages.bases.flattened import flattened, padded_rows
from embedpipe.stages.bases.shared_params import SPARK_NLP
from embedpipe.stages.bases.spans import sentence_numbers
from embedpipe.subword.sequences import Parts
from embedpipe.text.basic_words import basic_words

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder

__all__ = ["BertSentenceEmbeddings"]

_FLATTENED = "flattened"
_MODEL, _BASIC_WORDS = "model", "basic-words"

_CUTS = {case: partial(basic_words, case_sensitive=case) for case in (False, True)}
"""What finds words, by `caseSensitive`."""

Float32 = npt.NDArray[np.float32]


def _pooling_kind() -> Kind[str]:
    """A pooling, or several with "+" between, in any case; or the recorded mistake."""

    def convert(value: Any) -> str:
        word = str(value).strip().lower()
        if not isinstance(value, str) or not (word == _FLATTENED or is_pooling(word)):
            raise ValueError
        return word

    known = (*POOLINGS, *FURTHER_POOLINGS, _FLATTENED)
    return Kind(f"one of {', '.join(known)}, or several such as cls+mean", convert)


class BertSentenceEmbeddings(EncoderStage):
    """One vector per sentence by a BERT model; source: Spark NLP's BertSentenceEmbeddings.

    Reads sentences (or documents) and makes one annotation of type sentence_embeddings for each,
    with the sentence as its text and, by default, the vector that `Encoder.encode` gives for it:
    the model's own tokenizer finds the pieces, and as many are read as the model was published for
    (`maxSentenceLength`, [CLS] and [SEP] included). With `wordSplitting` "basic-words", words are
    found as Spark NLP does (`embedpipe.text.basic_words`), which takes `…` and `“` for letters;
    `compatibility` implies that, and 128 pieces.

    Metadata: that of the sentence, `token` (the sentence), `pieceId` (-1) and `isWordStart`
    (`true`); of a sentence that was cut, `piecesUsed` and `piecesTotal`.

    `pooling` (`cls`, `mean` or `pooler`) and `normalize` are the model's own unless set. Under
    `compatibility` there is `flattened` too: the vectors of all pieces one after the other, with
    those of padding up to the longest sentence of a batch, which is what Spark NLP 5.5.3 gives for
    an ONNX model whose output is a sequence; see `embedpipe.stages.bases.flattened`.

    With `lengthPolicy` "window", the mean of a longer sentence is taken over the vectors that its
    pieces have in their windows, and those of the first window's [CLS] and the last one's [SEP];
    other poolings are refused, since they look at one window only. Without a name, `pretrained`
    gives the model in the package, whose vectors are mean-pooled and of length 1.
    """

    uid_prefix = "BERT_SENTENCE_EMBEDDINGS"
    input_annotator_types = (AnnotatorType.DOCUMENT,)
    output_annotator_type = AnnotatorType.SENTENCE_EMBEDDINGS

    isLong = Param("accepted for compatibility, without effect", boolean, default=False)
    setIsLong, getIsLong = isLong.accessors()
    pooling = Param("how piece vectors become one vector; the model's way", _pooling_kind())
    setPooling, getPooling = pooling.accessors()
    normalize = Param("whether vectors get length 1; as the model says", boolean)
    setNormalize, getNormalize = normalize.accessors()
    wordSplitting = Param(
        "what finds the words of a sentence: the model's own tokenizer, or Spark NLP's rules",
        choice(_MODEL, _BASIC_WORDS),
        default=_MODEL,
    )
    setWordSplitting, getWordSplitting = wordSplitting.accessors()

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """One vector per sentence."""
        (sentences,) = columns
        pieces = self._pieces(sentences.result.fill_null("").to_pylist())
        offsets = pieces.offsets
        parts = self.parts(offsets, sentences, keep_empty=True)
        metadata = {
            "sentence": pa.array(sentence_numbers(sentences)).cast(pa.string()),
            "token": sentences.result,
            "pieceId": "-1",
            "isWordStart": "true",
        }
        if not self.as_recorded:
            metadata |= self.cut_metadata(offsets, np.arange(len(sentences)))
        vector_lengths = None
        if self.getPooling() == _FLATTENED:
            read = self.join(pieces, parts).pieces
            flat = flattened(self.encoder, read, sentences.row_of, self.getBatchSize())
            vectors, vector_lengths = padded_rows(flat)
        else:
            vectors = self._pooled(pieces, parts)
        return replace(
            sentences,
            annotator_type=self.output_annotator_type,
            embeddings=vectors,
            metadata=metadata_map(metadata, len(sentences)),
            vector_lengths=vector_lengths,
        )

    def _pieces(self, texts: Sequence[str]) -> Ragged:
        """The pieces of each text, int32."""
        tokenizer = self.encoder.tokenizer
        if self.getWordSplitting() == _BASIC_WORDS:
            # No word has a space in it, and what stands between spaces is remembered.
            stretches, ends = end_to_end(text.split(" ") for text in texts)
            pieces = self.word_splitter(_CUTS[self.getCaseSensitive()]).split(stretches)
            return Ragged(pieces.values, pieces.offsets[ends])
        folds = self._model_is_cased and not self.getCaseSensitive()
        listed = [text.lower() for text in texts] if folds else list(texts)
        put = self.encoder.prompts.of_every_text()
        return tokenizer.text_pieces([put + text for text in listed] if put else listed)

    def _pooled(self, pieces: Ragged, parts: Parts) -> Float32:
        """One vector per sentence (sentences, dimension)."""
        sequences = self.join(pieces, parts)
        windows = np.bincount(parts.sentences, minlength=len(pieces))
        several = windows[parts.sentences] > 1  # (parts,)
        vectors = np.empty((len(pieces), self._size()), dtype=np.float32)
        single = parts.sentences[~several]
        if single.size:
            vectors[single] = self.encoder.encode_pieces(
                _chosen(sequences.pieces, ~several),
                pooling=self._pooling(),
                normalize=self._asked_normalize(),
            )
        if several.any():
            means = self._means_of_windows(parts, _chosen(sequences.pieces, several), several)
            vectors[np.flatnonzero(windows > 1)] = means
        return vectors

    def _means_of_windows(
        self, parts: Parts, pieces: Ragged, several: npt.NDArray[np.bool_]
    ) -> Float32:
        """The mean vector of each sentence that has several windows, over all of its pieces."""
        sentences = parts.sentences[several]
        hidden = self.encoder.hidden_states(pieces)
        shift = 1 - parts.begins[several]
        begins, ends = parts.own_begins[several] + shift, parts.own_ends[several] + shift
        begins[np.flatnonzero(np.diff(sentences, prepend=-1))] = 0  # [CLS] of the first window
        ends[np.flatnonzero(np.diff(sentences, append=-1))] += 1  # [SEP] of the last one
        own = [h[b:e] for h, b, e in zip(hidden, begins, ends, strict=True)]
        totals = np.bincount(sentences, ends - begins)
        offsets = offsets_of(totals[totals > 0].astype(np.int64))
        means: Float32 = pool(np.concatenate(own), offsets, "mean")
        return self.encoder.finished(means, normalize=self._asked_normalize())

    def _asked_normalize(self) -> bool | None:
        """None for the model's own way: vectors that it shortens have length 1 before that."""
        return self.getNormalize() if self.isSet("normalize") else None

    def _size(self) -> int:
        """Length of a vector, in the pooling in use."""
        return self.encoder.dimension_of(self._pooling())

    def _pooling(self) -> Pooling:
        return check_pooling(self.getPooling(), has_pooler=self.encoder.has_pooler)

    def fitted(self) -> Stage:
        """A copy that shares the encoder; ParameterError for what its tokenizer cannot do."""
        encoder = self.encoder
        if self.getWordSplitting() == _BASIC_WORDS:
            if not encoder.tokenizer.is_wordpiece:
                raise ParameterError(
                    f"{self.label}: wordSplitting={_BASIC_WORDS!r} needs WordPiece, and "
                    f"{encoder.name!r} has another tokenizer; leave wordSplitting at {_MODEL!r}, "
                    "and compatibility at 'none'"
                )
        elif self.getCaseSensitive() and not self._model_is_cased:
            raise ParameterError(
                f"{self.label}: caseSensitive=True, but the tokenizer of {encoder.name!r} does not "
                f"tell upper from lower case; leave it out, or set wordSplitting={_BASIC_WORDS!r} "
                "to look words up as they stand"
            )
        else:
            encoder.prompts.of_every_text()  # which refuses what only Encoder.encode can do
        return super().fitted()

    def recorded_defaults(self) -> dict[str, Any]:
        """Spark NLP's own words."""
        return {**super().recorded_defaults(), "wordSplitting": _BASIC_WORDS}

    @property
    def _model_is_cased(self) -> bool:
        return bool(self._defaults["caseSensitive"])  # the model's, whatever is set

    def _adopt(self, encoder: Encoder) -> None:
        super()._adopt(encoder)
        self._set_defaults(
            pooling=encoder.pooling, normalize=encoder.normalize, dimension=encoder.dimension
        )

    def _check_together(self) -> None:
        super()._check_together()
        self._check_recorded("wordSplitting")
        pooling = self.getPooling() if self.isDefined("pooling") else None
        if pooling == _FLATTENED:
            self._check_flattened()
        elif self._encoder is not None:
            self._pooling()
        if self.getLengthPolicy() == "window" and pooling not in ("mean", None):
            raise ParameterError(
                f"{self.label}: lengthPolicy='window' allows pooling='mean' only, got {pooling!r}, "
                "which looks at one window only; set pooling='mean' or another lengthPolicy"
            )

    def _check_flattened(self) -> None:
        if not self.as_recorded:
            raise ParameterError(
                f"{self.label}: pooling={_FLATTENED!r} repeats a mistake of Spark NLP and needs "
                f"compatibility={SPARK_NLP!r}; set that, or one of {', '.join(POOLINGS)}"
            )
        if self.isSet("normalize") and self.getNormalize():
            raise ParameterError(
                f"{self.label}: pooling={_FLATTENED!r} is never normalized, got normalize=True; "
                "set normalize=False or another pooling"
            )


def _chosen(sequences: Ragged, chosen: npt.NDArray[np.bool_]) -> Ragged:
    """Some of the sequences (n,)."""
    if chosen.all():
        return sequences
    lengths = sequences.lengths
    return Ragged(sequences.values[np.repeat(chosen, lengths)], offsets_of(lengths[chosen]))
