"""What all engines are given, and the vectors that every one of them must give for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from embedpipe_bench.peers.common import EngineError, Floats, Work

__all__ = ["LEAST_COSINE", "Workload"]

LEAST_COSINE = 0.999
"""Of any sequence's mean-pooled float32 vector to ours; who is below it is not timed."""


class Workload:
    """Input of all engines, in the file at `path` for their processes.

    standard: our float32 vectors of it, mean-pooled, (n, D).
    """

    def __init__(self, work: Work, standard: Floats, path: Path) -> None:
        self.lengths = [len(sequence) for sequence in work.sequences]
        self.standard = standard
        self.path = path
        path.write_text(json.dumps(asdict(work)), encoding="utf-8")

    def cosines(self, vectors: Floats, *, is_exact: bool) -> Floats:
        """Cosine by sequence of mean-pooled vectors (n, D) to ours, (n,).

        Raises EngineError where one is not a number, or below LEAST_COSINE if `is_exact`.
        """
        if vectors.shape != self.standard.shape:
            raise EngineError(
                f"wrong results: vectors of shape {vectors.shape}, expected {self.standard.shape}"
            )
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(self.standard, axis=1)
        cosines: Floats = (vectors * self.standard).sum(axis=1) / norms
        least = LEAST_COSINE if is_exact else -np.inf
        wrong = np.flatnonzero(~(cosines >= least))
        if wrong.size:
            raise EngineError(
                f"wrong results: {wrong.size} of {len(cosines)} vectors differ from ours; that of "
                f"sequence {wrong[0]} has a cosine of {cosines[wrong[0]]:.6f}, expected at least "
                f"{least}"
            )
        return cosines
