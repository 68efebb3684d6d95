"""Pairs of texts with scores that people gave, by which the best student is chosen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs

__all__ = ["Development", "read_development", "spearman"]

_COLUMNS = ("sentence1", "sentence2", "score")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Development:
    """Pairs with scores: first and second are n texts each, scores float64 (n,)."""

    source: str
    first: list[str]
    second: list[str]
    scores: npt.NDArray[np.float64]

    @property
    def texts(self) -> list[str]:
        """First, then second ones."""
        return [*self.first, *self.second]

    @property
    def digest(self) -> str:
        """Of all that is in it."""
        content = "\0".join([*self.texts, *map(repr, self.scores.tolist())])
        return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def score(self, vectors: Floats) -> float:
        """Spearman's correlation of cosines with the scores, times 100; vectors of length 1."""
        half = len(self.scores)
        return 100 * spearman((vectors[:half] * vectors[half:]).sum(1), self.scores)


def read_development(path: str | os.PathLike[str]) -> Development:
    """Pairs of a file with the columns sentence1, sentence2 and score."""
    first: list[str] = []
    second: list[str] = []
    scores: list[float] = []
    options = InputOptions(column=_COLUMNS[0])
    for batch in Inputs([os.fspath(path)], options).batches():
        names = batch.records.schema.names
        if missing := [name for name in _COLUMNS if name not in names]:
            raise ColumnError(f"{path}: no column is named {missing[0]!r}; found {names}")
        for one, other, score in zip(
            *(batch.records[n].to_pylist() for n in _COLUMNS), strict=True
        ):
            first.append(one)
            second.append(other)
            scores.append(float(score))
    return Development(Path(path).name, first, second, np.array(scores))


def spearman(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> float:
    """Rank correlation, equal values at the mean of their ranks.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0, 6.0]))
    0.5
    """
    a, b = (ranks - ranks.mean() for ranks in (_ranks(left), _ranks(right)))
    size = float(np.sqrt((a @ a) * (b @ b)))
    if size == 0:
        raise InputError("all scores are equal; expected pairs that differ in similarity")
    return float(a @ b) / size


def _ranks(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: npt.NDArray[np.float64] = (ends - (counts - 1) / 2)[places]
    return means
