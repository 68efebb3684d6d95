"""How alike texts are, each to each, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import ModelOptions
from embedpipe.errors import InputError
from embedpipe.output import AtomicFile
from embedpipe.plot.page import check_picture_output, floats, page
from embedpipe.plot.projection import unit_rows

__all__ = ["Likeness", "draw_heat_map", "likeness"]

_MOST = 300  # texts, that a picture still shows


@dataclass(frozen=True)
class Likeness:
    """n texts, and the cosine similarity of each to each: float32 (n, n)."""

    texts: list[str]
    cosines: npt.NDArray[np.float32]


def likeness(texts: Sequence[str], *, embedding: ModelOptions | None = None) -> Likeness:
    """The cosine similarities of the vectors of texts, at least two.

    Raises InputError for fewer.

    >>> found = likeness(["A red apple.", "A green apple.", "The night train."])
    >>> found.cosines.shape, bool(found.cosines[0, 1] > found.cosines[0, 2])
    ((3, 3), True)
    """
    if len(texts) < 2:
        raise InputError(f"texts: found {len(texts)}; expected at least two, to be compared")
    made = Embedder.load(embedding or ModelOptions()).embed(list(texts))
    rows = unit_rows(made.values.astype(np.float64))
    return Likeness(list(texts), np.clip(rows @ rows.T, -1, 1).astype(np.float32))


def draw_heat_map(
    found: Likeness, output: str | Path, *, title: str = "Similarity", overwrite: bool = False
) -> None:
    """Draw it to a page (.html) or picture (.png), of at most 300 texts.

    On the page, texts stand as given, or with like ones side by side. Raises OutputError for the
    output, InputError for too many texts, MissingDependencyError without `embedpipe[plot]`.
    """
    check_picture_output(output, overwrite=overwrite)
    if len(found.texts) > _MOST:
        raise InputError(
            f"texts: found {len(found.texts):,}; a heat map shows at most {_MOST}, so give fewer, "
            "or draw a map: embedpipe map"
        )
    if Path(output).suffix.lower() == ".png":
        from embedpipe.plot.picture import heat_picture

        content = heat_picture(found.texts, found.cosines, title)
    else:
        data = {
            "title": title,
            "texts": found.texts,
            "cosines": floats(found.cosines),
            "order": by_likeness(found.cosines),
        }
        content = page(title, "heat", data).encode("utf-8")
    with AtomicFile(Path(output), replace=overwrite) as file:
        file.write(content)


def by_likeness(cosines: npt.NDArray[np.float32]) -> list[int]:
    """The rows in an order in which like ones are side by side: leaves of a tree of averages."""
    hierarchy = require("scipy.cluster.hierarchy", "a heat map", extra="plot")
    distance = require("scipy.spatial.distance", "a heat map", extra="plot")
    apart = np.maximum(1 - (cosines + cosines.T) / 2, 0).astype(np.float64)
    np.fill_diagonal(apart, 0)
    condensed = distance.squareform(apart, checks=False)
    tree = hierarchy.linkage(condensed, "average", optimal_ordering=True)
    order: list[int] = hierarchy.leaves_list(tree).tolist()
    return order
