"""Pictures as PNG, drawn by matplotlib."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require

if TYPE_CHECKING:
    from embedpipe.plot.drawing import Drawing

__all__ = ["heat_picture", "map_picture"]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_INK, _SOFT = "#1b1f24", "#5c6670"


def map_picture(drawing: Drawing) -> bytes:
    """The map with its legend, 2,000 by 1,400 points of color."""
    figure, axes = _figure(10, 7)
    n, coloring = len(drawing.texts), drawing.coloring
    size = float(np.clip(60_000 / max(n, 1), 1.5, 40))
    style: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": 0.8 if n < 20_000 else 0.4}
    x, y = drawing.places.T
    if coloring.names:
        for code, name in enumerate(coloring.names):
            rows = coloring.codes == code
            color = drawing.colors[-1 if name == "others" else code]
            axes.scatter(x[rows], y[rows], color=color, label=_plain(name), **style)
        legend = axes.legend(
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
            title=_plain(coloring.title),
        )
        for handle in legend.legend_handles:
            handle.set_sizes([40.0])
            handle.set_alpha(1.0)
    else:
        colors = require("matplotlib.colors", "a map as PNG", extra="plot")
        scale = colors.LinearSegmentedColormap.from_list("numbers", list(drawing.colors))
        norm = colors.Normalize(coloring.low, coloring.high)
        values = coloring.low + coloring.codes * (coloring.high - coloring.low)
        points = axes.scatter(x, y, c=values, cmap=scale, norm=norm, **style)
        figure.colorbar(points, ax=axes, shrink=0.6, label=_plain(coloring.title))
    axes.set_title(_plain(drawing.title), loc="left", fontsize=14, color=_INK, pad=22)
    axes.text(0, 1.015, drawing.about, transform=axes.transAxes, fontsize=9, color=_SOFT)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return _png(figure)


def heat_picture(texts: Sequence[str], cosines: npt.NDArray[np.float32], title: str) -> bytes:
    """Cosines (n, n) as colors, with numbers where there is room, and the texts beside the rows."""
    n = len(texts)
    size = float(np.clip(n * 0.45, 4, 20))
    figure, axes = _figure(size + 3, size)
    low = float(min(cosines.min(), 0.999))
    shown = axes.imshow(cosines, cmap="Blues", vmin=low, vmax=1)
    labels = [_plain(text if len(text) < 48 else f"{text[:47]}…") for text in texts]
    axes.set_yticks(range(n), labels, fontsize=9 if n <= 40 else 5, color=_INK)
    axes.set_xticks(range(n), [str(i + 1) for i in range(n)], fontsize=9 if n <= 40 else 5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    for row, column in np.ndindex(n, n) if n <= 20 else ():
        value = cosines[row, column]
        ink = "white" if (value - low) / (1 - low) > 0.6 else _INK
        axes.text(
            column,
            row,
            f"{value:.2f}".replace("-0.00", "0.00"),
            ha="center",
            va="center",
            fontsize=8,
            color=ink,
        )
    axes.set_title(_plain(title), loc="left", fontsize=13, color=_INK)
    figure.colorbar(shown, ax=axes, shrink=0.6, label="cosine")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of its own, which needs no display, and leaves the user's pyplot alone."""
    figure = require("matplotlib.figure", "a picture as PNG", extra="plot").Figure((width, height))
    return figure, figure.subplots()


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():  # letters that the font lacks are boxes
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(out, format="png", dpi=200, bbox_inches="tight", metadata={"Software": None})
    return out.getvalue()


def _plain(text: str) -> str:
    """Without control characters and what matplotlib takes for formulas."""
    return _CONTROL.sub("", text).replace("$", r"\$")
