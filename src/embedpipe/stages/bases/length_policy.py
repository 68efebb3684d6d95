"""Sentences longer than `maxSentenceLength`: cut, refused, or read in windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import InputError, ParameterError
from embedpipe.params import Param, choice, integer
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.spans import sentence_numbers
from embedpipe.subword.sequences import Parts, truncated, windows

__all__ = ["HasLengthPolicy"]

_SPECIAL_PIECES = 2  # [CLS] and [SEP] stand in every sequence
_FEWEST = _SPECIAL_PIECES + 1
_TOTAL = "piecesTotal"
_SEEN = 40  # characters of a sentence in a message

Int64 = npt.NDArray[np.int64]


class _SentenceTooLongError(InputError):
    """`row` is the row's place in its batch."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def _cut_sentences(column: AnnotationColumn) -> int:
    """The number of sentences that were cut, by the metadata of the annotations."""
    if pc.index(column.metadata.keys, _TOTAL).as_py() < 0:
        return 0
    cut = column.metadata_field(_TOTAL).is_valid().to_numpy(zero_copy_only=False)
    sentences = (column.row_of[cut] << 32) + sentence_numbers(column)[cut]
    return len(np.unique(sentences))


class HasLengthPolicy(Annotator):
    """A stage that reads at most `maxSentenceLength` pieces of a sentence at once.

    `lengthPolicy` says what happens to longer ones:

    - `truncate`: what is beyond is not read; `piecesUsed` and `piecesTotal`, [CLS] and [SEP]
      included, join the metadata of such a sentence's annotations
    - `error`: InputError that names the row, the sentence and its length
    - `window`: it is read in windows that overlap by half; each piece has the vector from the
      window in which it stands farthest from the nearer end
    """

    maxSentenceLength = Param(
        "most pieces of a sentence, [CLS] and [SEP] included; those that the model reads",
        integer(),
        default=128,
    )
    setMaxSentenceLength, getMaxSentenceLength = maxSentenceLength.accessors()
    lengthPolicy = Param(
        "how sentences of more than maxSentenceLength pieces are treated",
        choice("truncate", "error", "window"),
        default="truncate",
    )
    setLengthPolicy, getLengthPolicy = lengthPolicy.accessors()

    @property
    def piece_limit(self) -> int:
        """Most pieces of a sentence beside [CLS] and [SEP]."""
        return max(self.getMaxSentenceLength() - _SPECIAL_PIECES, 0)

    def parts(
        self, offsets: Int64, sentences: AnnotationColumn, *, keep_empty: bool = False
    ) -> Parts:
        """The parts to read of sentences with these offsets (n + 1,) into their pieces."""
        limit, policy = self.piece_limit, self.getLengthPolicy()
        if policy == "window":
            return windows(offsets, limit, keep_empty=keep_empty)
        long = np.flatnonzero(np.diff(offsets) > limit)
        if policy == "error" and long.size:
            self._refuse(sentences, long, int(np.diff(offsets)[long[0]]))
        return truncated(offsets, limit, keep_empty=keep_empty)

    def cut_metadata(self, offsets: Int64, sentence_of: Int64) -> dict[str, pa.StringArray]:
        """`piecesUsed` and `piecesTotal` by annotation, null where nothing was cut off.

        `sentence_of` (annotations,): the sentence of each, or -1. Nothing where all are null.
        """
        totals = np.diff(offsets)
        long = totals > self.piece_limit
        if self.getLengthPolicy() == "window" or not long.any():
            return {}
        cut = (sentence_of >= 0) & long[sentence_of]
        numbers = {
            "piecesUsed": np.full(len(sentence_of), self.piece_limit + _SPECIAL_PIECES),
            _TOTAL: totals[sentence_of] + _SPECIAL_PIECES,
        }
        return {name: pa.array(n, mask=~cut).cast(pa.string()) for name, n in numbers.items()}

    def apply(self, batch: Batch, inputs: Sequence[str]) -> Batch:
        """Annotate the batch, and count the sentences that were cut.

        An error about a sentence names its row among all that came in.
        """
        try:
            made = super().apply(batch, inputs)
            count = _cut_sentences(made.annotations(self.getOutputCol()))
            return made.counting_cut(self.label, self.getMaxSentenceLength(), count)
        except _SentenceTooLongError as error:
            row = batch.row_numbers[error.row]
            raise InputError(f"{self.label}: row {row}, {error}") from None

    def _refuse(self, sentences: AnnotationColumn, long: Int64, total: int) -> NoReturn:
        place = int(long[0])
        number, text = sentence_numbers(sentences)[place], sentences.result[place].as_py() or ""
        raise _SentenceTooLongError(
            int(sentences.row_of[place]),
            f"sentence {number} ({text[:_SEEN]!r}...) has {total + _SPECIAL_PIECES} pieces, [CLS] "
            f"and [SEP] included, and maxSentenceLength allows {self.getMaxSentenceLength()} "
            f"({long.size} such sentences in this batch); raise maxSentenceLength if the model has "
            "more positions, cut the text into shorter sentences, or set lengthPolicy to 'window' "
            "or 'truncate'",
        )

    def _check_together(self) -> None:
        super()._check_together()
        policy, most = self.getLengthPolicy(), self.getMaxSentenceLength()
        if policy != "truncate" and most < _FEWEST:
            raise ParameterError(
                f"{self.label}: lengthPolicy={policy!r} needs a maxSentenceLength of at least "
                f"{_FEWEST}, which leaves room beside [CLS] and [SEP], got {most}; "
                "set lengthPolicy='truncate' or a larger maxSentenceLength"
            )
