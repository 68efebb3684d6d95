"""A static model as model2vec makes one, to compare with: each piece by itself through the teacher.

The vector of a piece is the mean of the teacher's last layer over [CLS], the piece and [SEP], then
the first 256 principal components, weighted by a / (a + p), where p is the piece's probability by
Zipf's law and its place in the vocabulary. A text's vector is the mean of its pieces' vectors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedpipe import Encoder

__all__ = ["StaticModel"]

Vectors = npt.NDArray[np.float32]

_DIMENSION = 256
_SIF = 1e-4


class StaticModel:
    """One vector for each piece of the teacher's vocabulary."""

    def __init__(self, teacher: Encoder) -> None:
        self._tokenizer = teacher.tokenizer
        count = teacher.config.vocab_size
        sequences = [[101, piece, 102] for piece in range(count)]
        hidden = teacher.hidden_states(sequences).values
        means = hidden.reshape(count, 3, -1).mean(axis=1)
        centered = means - means.mean(axis=0)
        _, vectors = np.linalg.eigh(centered.T @ centered)
        components = centered @ vectors[:, ::-1][:, :_DIMENSION]
        rank = np.arange(2, count + 2)
        probability = (1 / rank) / (1 / rank).sum()
        weights = _SIF / (_SIF + probability)
        self.table: Vectors = (components * weights[:, np.newaxis]).astype(np.float32)

    @property
    def size(self) -> int:
        """Bytes of the table in float32."""
        return self.table.nbytes

    def encode(self, texts: list[str]) -> Vectors:
        """The mean vector of each text's pieces, without the special ones; zeros for none."""
        found = np.zeros((len(texts), _DIMENSION), np.float32)
        for row, ids in enumerate(self._tokenizer.encode(texts).ids):
            if len(ids) > 2:
                found[row] = self.table[ids[1:-1]].mean(axis=0)
        return found
