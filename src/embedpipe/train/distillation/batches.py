"""Piece ids of many texts, and the order in which batches of them come."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from embedpipe.subword import SubwordTokenizer

__all__ = ["Batches", "PieceTexts"]

Positions = npt.NDArray[np.int64]

_AT_ONCE = 20_000
_BLOCK = 32  # batches whose texts are sorted by length together
_MOST_PIECES = 8192  # of a batch, padding included, so that memory is bounded where texts are long


class PieceTexts:
    """Piece ids of n texts end to end: values int32, lengths int64 (n,)."""

    def __init__(self, tokenizer: SubwordTokenizer, texts: list[str], max_length: int) -> None:
        parts, lengths, self.cut = [], [], 0
        for begin in range(0, len(texts), _AT_ONCE):
            batch = tokenizer.encode(texts[begin : begin + _AT_ONCE], max_length=max_length)
            parts.append(batch.ids.values)
            lengths.append(batch.ids.lengths)
            self.cut += int(batch.truncated.sum())
        self.values = np.concatenate(parts)
        self.lengths = np.concatenate(lengths).astype(np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])

    def __len__(self) -> int:
        return len(self.lengths)

    def part(self, rows: Positions) -> PieceTexts:
        """Some of the texts."""
        made = object.__new__(PieceTexts)
        made.lengths, made.cut = self.lengths[rows], 0
        made._starts = np.concatenate([[0], np.cumsum(made.lengths)])
        made.values = np.concatenate(
            [self.values[self._starts[row] : self._starts[row + 1]] for row in rows]
        )
        return made

    def padded(self, rows: Positions) -> tuple[Positions, Positions]:
        """Ids and mask of some texts, int64 (texts, longest of them); padding is piece 0."""
        lengths = self.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = np.concatenate(
            [self.values[self._starts[row] : self._starts[row + 1]] for row in rows]
        )
        return ids, mask.astype(np.int64)

    def sorted_runs(self, most_pieces: int = 2 * _MOST_PIECES) -> list[Positions]:
        """All texts in runs of like lengths, for when nothing is learned."""
        return _runs(np.argsort(self.lengths, kind="stable"), self.lengths, 512, most_pieces)


class Batches:
    """The batch of each step: the same for the same lengths, size and seed, whoever asks.

    An epoch shows every text of `rows` once. Texts are shuffled, then sorted by length within
    blocks, so that little is padding; a batch holds at most `size` texts and 8,192 pieces.

    >>> batches = Batches(np.array([5, 3, 4, 9]), np.arange(4), size=2, seed=0)
    >>> batches.per_epoch(0), sorted(np.concatenate([batches[0], batches[1]]).tolist())
    (2, [0, 1, 2, 3])
    """

    def __init__(
        self, lengths: npt.NDArray[np.int64], rows: Positions, *, size: int, seed: int
    ) -> None:
        self._lengths, self._rows, self._size, self._seed = lengths, rows, size, seed
        self._ends: list[int] = []  # the first step after each epoch
        self._epoch = lru_cache(maxsize=1)(self._made)

    def per_epoch(self, epoch: int) -> int:
        """How many batches an epoch has."""
        return len(self._epoch(epoch))

    def steps(self, epochs: int) -> int:
        """How many batches so many epochs have."""
        while len(self._ends) < epochs:
            begin = self._ends[-1] if self._ends else 0
            self._ends.append(begin + self.per_epoch(len(self._ends)))
        return self._ends[epochs - 1]

    def epoch_of(self, step: int) -> int:
        """In which epoch a step is, both from 0."""
        epoch = 0
        while self.steps(epoch + 1) <= step:
            epoch += 1
        return epoch

    def rows_until(self, steps: int) -> Positions:
        """All texts that so many steps show, in rising order."""
        return np.unique(np.concatenate([self[step] for step in range(steps)]))

    def __getitem__(self, step: int) -> Positions:
        epoch = self.epoch_of(step)
        return self._epoch(epoch)[step - (self.steps(epoch) if epoch else 0)]

    def _made(self, epoch: int) -> list[Positions]:
        random = np.random.default_rng((self._seed, epoch))
        order = self._rows[random.permutation(len(self._rows))]
        found: list[Positions] = []
        for begin in range(0, len(order), _BLOCK * self._size):
            block = order[begin : begin + _BLOCK * self._size]
            block = block[np.argsort(self._lengths[block], kind="stable")]
            found += _runs(block, self._lengths, self._size, _MOST_PIECES)
        if len(found) > 1:  # a text alone has nothing to be compared with
            found = [run for run in found if len(run) > 1]
        return [found[i] for i in random.permutation(len(found))]


def _runs(
    order: Positions, lengths: npt.NDArray[np.int64], size: int, most_pieces: int
) -> list[Positions]:
    """An order by rising length, cut into runs of at most so many texts and padded pieces."""
    found, begin = [], 0
    while begin < len(order):
        end = min(begin + size, len(order))
        while end - begin > 2 and (end - begin) * lengths[order[end - 1]] > most_pieces:
            end -= 1
        found.append(order[begin:end])
        begin = end
    return found
