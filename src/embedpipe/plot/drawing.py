"""What a map shows, before it becomes a page or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedpipe.plot.coloring import CATEGORY_COLORS, NUMBER_COLORS, Coloring

__all__ = ["Drawing"]

_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}


@dataclass(frozen=True)
class Drawing:
    """n texts with places (n, 2) in [-1, 1] and what colors them."""

    title: str
    texts: list[str]
    places: npt.NDArray[np.float32]
    coloring: Coloring
    method: str

    @property
    def colors(self) -> Sequence[str]:
        """Of the categories, or from low to high."""
        return CATEGORY_COLORS if self.coloring.names else NUMBER_COLORS

    @property
    def about(self) -> str:
        """What stands below the title."""
        return f"{len(self.texts):,} texts by {_NAMES[self.method]}"

    def anchors(self) -> list[tuple[int, int]]:
        """The numbers of categories, and of each the point that lies in its middle."""
        found = []
        for code in range(len(self.coloring.names)):
            rows = np.flatnonzero(self.coloring.codes == code)
            if len(rows):
                middle = np.median(self.places[rows], axis=0)
                nearest = np.argmin(((self.places[rows] - middle) ** 2).sum(axis=1))
                found.append((code, int(rows[nearest])))
        return found
