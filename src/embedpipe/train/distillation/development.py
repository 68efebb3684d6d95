"""Pairs of texts with scores that people gave, by which the best student is chosen."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe.evaluation.examples import Examples, read_examples
from embedpipe.evaluation.metrics import check_scores, similarity

__all__ = ["Development", "read_development"]


@dataclass(frozen=True)
class Development:
    """n pairs of a file: `texts` are the first of each, then the second ones."""

    source: str
    examples: Examples

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def texts(self) -> list[str]:
        """2 n of them."""
        return [*self.examples.texts[0], *self.examples.texts[1]]

    @property
    def digest(self) -> str:
        """Of all that is in it."""
        content = "\0".join([*self.texts, *map(repr, self.examples.scores)])
        return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def score(self, vectors: npt.NDArray[np.float32]) -> float:
        """Spearman's correlation of cosines with the scores, times 100; vectors of `texts`."""
        first, second = vectors[: len(self)], vectors[len(self) :]
        return 100 * similarity(first, second, self.examples.scores)["spearman"]


def read_development(path: str | os.PathLike[str]) -> Development:
    """Read a file that `embedpipe evaluate` takes for the task similarity, and raise its errors."""
    examples = read_examples(path, task="similarity")
    check_scores(examples.scores, examples.source)
    return Development(Path(path).name, examples)
