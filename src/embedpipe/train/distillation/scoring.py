"""How good a student is: on pairs that people have scored, or on texts that are held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedpipe.subword import SubwordTokenizer
from embedpipe.train.distillation.batches import PieceTexts
from embedpipe.train.distillation.development import Development
from embedpipe.train.distillation.student import Student

__all__ = ["Scoring"]

Floats = npt.NDArray[np.float32]


class Scoring:
    """Scores vectors of `texts`, larger for better.

    pairs: None scores by the cosine to the teacher's vectors. goal: these, float32 (n, dimension).
    """

    def __init__(self, texts: list[str], goal: Floats, pairs: Development | None) -> None:
        self.texts, self._goal, self._pairs = texts, goal, pairs
        self._pieces: PieceTexts | None = None

    @property
    def name(self) -> str:
        """What the score is, for people."""
        if self._pairs is not None:
            return f"Spearman x 100 on {len(self._pairs):,} pairs of {self._pairs.source}"
        return f"cosine to the teacher x 100 on {len(self.texts):,} texts held out"

    def tokenize(self, tokenizer: SubwordTokenizer, max_length: int) -> None:
        """With the student's tokenizer, before a student is scored."""
        self._pieces = PieceTexts(tokenizer, self.texts, max_length)

    def __call__(self, student: Student) -> float:
        """The score of a student as it is now."""
        if self._pieces is None:
            raise ValueError("tokenize comes first")
        return self.of(student.encode(self._pieces))

    def of(self, vectors: Floats) -> float:
        """The score of vectors of `texts`, of length 1."""
        return 100 * self.closeness(vectors) if self._pairs is None else self._pairs.score(vectors)

    def closeness(self, vectors: Floats) -> float:
        """The mean cosine to the teacher's vectors."""
        return float((vectors * self._goal).sum(1, dtype=np.float64).mean())
