"""Base class of the stages that pool word vectors over stretches of text."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from embedpipe.annotation import AnnotationColumn, metadata_map
from embedpipe.arrays import offsets_of, ranges
from embedpipe.errors import InputError
from embedpipe.frames.columns import Column
from embedpipe.params import Param, choice
from embedpipe.pipeline.stage import Annotator
from embedpipe.stages.bases.shared_params import HasCompatibility

__all__ = [
    "Members",
    "PooledEmbeddings",
    "having_vectors",
    "members_between",
    "members_within",
    "row_keys",
]

_AVERAGE, _SUM = "AVERAGE", "SUM"

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


class Members(NamedTuple):
    """Which words belong to each of m stretches: k words in all, stretch after stretch.

    - `words` int64 (k,): places in the column of words
    - `owners` int64 (k,): the stretch of each
    """

    words: Int64
    owners: Int64

    def only(self, keep: npt.NDArray[np.bool_]) -> Members:
        """Those to `keep` (k,)."""
        return Members(self.words[keep], self.owners[keep])

    def counts(self, stretches: int) -> Int64:
        """How many words each stretch has, int64 (m,)."""
        return np.bincount(self.owners, minlength=stretches)


class PooledEmbeddings(HasCompatibility, Annotator):
    """Makes one vector per sentence or chunk: the mean of its words' vectors, or their sum.

    Sums are made in float64, word after word. Words without a vector of their own, `isOOV` in their
    metadata, do not count where others do.
    """

    poolingStrategy = Param(
        "how word vectors become one vector", choice(_AVERAGE, _SUM), default=_AVERAGE
    )
    setPoolingStrategy, getPoolingStrategy = poolingStrategy.accessors()

    @abstractmethod
    def members(self, stretches: AnnotationColumn, words: AnnotationColumn) -> Members:
        """Which words belong to which stretch."""

    def vector_metadata(self, inputs: Sequence[Column]) -> dict[str, Any]:
        """The dimension and storageRef of the word vectors, where they are known."""
        of_words = inputs[1].metadata
        known: dict[str, Any] = {}
        if b"dimension" in of_words:
            known["dimension"] = int(of_words[b"dimension"])
        if b"ref" in of_words:
            known["ref"] = of_words[b"ref"].decode()
        return known

    @abstractmethod
    def numbers(
        self, stretches: AnnotationColumn, words: AnnotationColumn, members: Members
    ) -> dict[str, pa.Array]:
        """The numbers in the metadata of the stretches, string (m,) by key."""

    def annotate(self, *columns: AnnotationColumn) -> AnnotationColumn:
        """The stretches with their vectors; a stretch without words has an empty one."""
        stretches, words = columns
        members = self.members(stretches, words)
        n = len(stretches)
        there = members.counts(n) > 0
        vectors = self._vectors(words, members, n)
        lengths = None if there.all() or vectors is None else there * np.int32(vectors.shape[1])
        metadata: dict[str, pa.Array | str] = {
            **self.numbers(stretches, words, members),
            "token": stretches.result,
            "pieceId": "-1",
            "isWordStart": "true",
        }
        return replace(
            stretches,
            annotator_type=self.output_annotator_type,
            embeddings=vectors,
            metadata=metadata_map(metadata, n),
            vector_lengths=lengths,
        )

    def _vectors(self, words: AnnotationColumn, members: Members, count: int) -> Float32 | None:
        if words.embeddings is None:
            return None
        totals = np.zeros((count, words.embeddings.shape[1]))
        counts = members.counts(count)
        for i, (begin, end) in enumerate(pairwise(offsets_of(counts).tolist())):
            if end > begin:
                chosen = words.embeddings[members.words[begin:end]]
                np.add.reduce(chosen, axis=0, dtype=np.float64, out=totals[i])
        if self.getPoolingStrategy() == _AVERAGE:
            totals /= np.maximum(counts, 1)[:, None]
        return totals.astype(np.float32)


def having_vectors(words: AnnotationColumn, members: Members, *, skip_oov: bool) -> Members:
    """The members that have a vector; without `isOOV` ones too, where their stretch has others."""
    if words.embeddings is None:
        return members.only(np.zeros(len(members.words), dtype=bool))
    if words.vector_lengths is not None:
        widths = np.unique(words.vector_lengths[words.vector_lengths > 0])
        if len(widths) > 1:
            raise InputError(
                f"word vectors in one column have lengths {widths.tolist()}; expected one length, "
                "as the vectors of one model have"
            )
        members = members.only(words.vector_lengths[members.words] > 0)
    if not skip_oov:
        return members
    unknown = pc.fill_null(pc.equal(words.metadata_field("isOOV"), "true"), False)
    known = ~unknown.to_numpy(zero_copy_only=False)[members.words]
    some_known = np.bincount(members.owners, known, minlength=members.owners.max(initial=0) + 1)
    return members.only(known | (some_known[members.owners] == 0))


def members_between(keys: Int64, low: Int64, high: Int64) -> Members:
    """Which of `keys` (n,) lie from `low` to `high` (m,), both inclusive, in the keys' order.

    >>> members = members_between(np.array([5, 7, 9]), np.array([0, 7]), np.array([6, 9]))
    >>> members.words.tolist(), members.owners.tolist()
    ([0, 1, 2], [0, 1, 1])
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.searchsorted(ordered, low, side="left")
    counts = np.maximum(np.searchsorted(ordered, high, side="right") - starts, 0)
    return Members(order[ranges(starts, counts)], np.repeat(np.arange(len(low)), counts))


def members_within(stretches: AnnotationColumn, words: AnnotationColumn) -> Members:
    """The words that lie wholly within each stretch of their row."""
    keys = row_keys(words, words.begin)
    low, high = (row_keys(stretches, offsets) for offsets in (stretches.begin, stretches.end))
    members = members_between(keys, low, high)
    return members.only(words.end[members.words] <= stretches.end[members.owners])


def row_keys(column: AnnotationColumn, numbers: npt.NDArray[np.integer[Any]]) -> Int64:
    """One number per annotation that orders rows first and `numbers` (n,), int32, within them."""
    keys: Int64 = (column.row_of << 32) + numbers
    return keys
