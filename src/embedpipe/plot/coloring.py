"""What the points of a map are colored by: clusters, a column of categories, or one of numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CATEGORY_COLORS", "NUMBER_COLORS", "Coloring", "by_clusters", "by_column"]

CATEGORY_COLORS = (
    *("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#ff8ab7", "#9c6b4e"),
    *("#38b2e8", "#c5ae27", "#d1495b", "#6b7fd7", "#9498a0"),
)
"""Told apart on white and on black; the last one is for whatever is rare, or null."""

NUMBER_COLORS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39")
"""From low to high, told apart by lightness as well."""

_MOST = len(CATEGORY_COLORS) - 1
_OTHERS = "others"


@dataclass(frozen=True)
class Coloring:
    """What colors n points.

    title: what it is. names: of categories, none for numbers. codes: of each point, the number of
    its category, or for numbers from 0 (lowest) to 1. labels: what is shown for each point.
    """

    title: str
    names: list[str]
    codes: npt.NDArray[np.float32]
    labels: list[str]
    low: float = 0.0
    high: float = 0.0


def by_clusters(labels: npt.NDArray[np.int_], names: Sequence[str]) -> Coloring:
    """By clusters with names; those beyond the colors are shown as others."""
    shown = [names[label] for label in labels.tolist()]
    return _by_categories("cluster", shown, list(dict.fromkeys(names)))


def by_column(title: str, values: Sequence[Any]) -> Coloring:
    """By values: numbers (more than twelve different ones) continuously, all others by name."""
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    finite = [float(v) for v in numbers if math.isfinite(v)]
    is_numeric = len(numbers) == len([v for v in values if v is not None])
    if is_numeric and len(set(finite)) > _MOST:
        low, high = min(finite), max(finite)
        given = np.array([low if v is None or not math.isfinite(v) else v for v in values])
        codes = ((given - low) / (high - low)).astype(np.float32)
        return Coloring(
            title, [], codes, ["" if v is None else f"{v:g}" for v in values], low, high
        )
    shown = ["(none)" if value is None else str(value) for value in values]
    return _by_categories(title, shown, [name for name, _ in Counter(shown).most_common()])


def _by_categories(title: str, shown: list[str], names: list[str]) -> Coloring:
    """names: the different ones of `shown`, the most frequent first."""
    kept = names if len(names) <= _MOST else names[:_MOST]
    number = {name: code for code, name in enumerate(kept)}
    codes = np.array([number.get(name, len(kept)) for name in shown], np.float32)
    return Coloring(title, kept + ([_OTHERS] if len(names) > len(kept) else []), codes, shown)
