"""The STS benchmark: pairs of sentences, and how vectors agree with people's scores."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr


def read_pairs(path: Path) -> tuple[list[str], list[str], list[float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[5] for row in rows], [row[6] for row in rows], [float(row[4]) for row in rows]


def points(first: np.ndarray, second: np.ndarray, scores: list[float]) -> float:
    """Spearman's rank correlation of cosines with the human scores, in points of a hundred."""
    return 100 * float(spearmanr((first * second).sum(axis=1), scores).statistic)
