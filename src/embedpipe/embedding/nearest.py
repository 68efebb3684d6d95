"""Nearest-neighbor search over batches of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from embedpipe.frames.files.vectors import Vectors

__all__ = ["Nearest"]

Record = TypeVar("Record")


class Nearest(Generic[Record]):
    """Keeps the k records with the largest cosine to `query`, float (D,), among all that are added.

    >>> nearest = Nearest(np.array([1.0, 0.0]), 1)
    >>> rows = np.array([[0.0, 2.0], [3.0, 3.0]], np.float32)
    >>> nearest.add(Vectors(rows, np.array([True, True])), ["up", "diagonal"].__getitem__)
    >>> [record for _, record in nearest.found()]
    ['diagonal']
    """

    def __init__(self, query: npt.NDArray[np.floating], k: int) -> None:
        self._query = _unit(query.astype(np.float64)[None, :])[0]
        self._k = k
        self._best: list[tuple[float, Record]] = []

    def add(self, vectors: Vectors, record: Callable[[int], Record]) -> None:
        """Add the next n records; those without a vector are ignored.

        record: gives the one of a row of `vectors`, and is called for few.
        """
        scores = _unit(vectors.values.astype(np.float64)) @ self._query
        scores[~vectors.present] = -np.inf
        least = self._best[-1][0] if len(self._best) == self._k else -np.inf
        for i in np.argsort(-scores, kind="stable")[: self._k].tolist():
            if scores[i] > least:
                self._best.append((float(scores[i]), record(i)))
        self._best.sort(key=lambda found: -found[0])  # stable: equals stay in the order added
        del self._best[self._k :]

    def offer(self, score: float, record: Callable[[], Record]) -> None:
        """Add one record whose cosine is known."""
        if len(self._best) < self._k or score > self._best[-1][0]:
            self._best.append((score, record()))
            self._best.sort(key=lambda found: -found[0])
            del self._best[self._k :]

    def found(self) -> list[tuple[float, Record]]:
        """(cosine, record) of the nearest so far, best first, equals in the order added."""
        return list(self._best)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, D) scaled to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
