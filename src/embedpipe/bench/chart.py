"""A chart of sentences a second, as an image that is legible on light and dark pages.

matplotlib draws it; it is imported when a chart is asked for.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from embedpipe._dependencies import require
from embedpipe.bench import OURS
from embedpipe.bench.report import heading
from embedpipe.bench.results import Report, Result, Row

__all__ = ["caption", "draw"]

WIDTH, DOTS = 8.0, 200
"""Inches, and dots of an inch where the image is of dots: sharp at 800 pixels across."""

ROW, PANEL, CAPTION_LINE = 0.26, 0.75, 0.19
"""Inches of height of a bar, of what stands around the bars of a model, of a line of text."""

CAPTION_WIDTH = 112
"""Characters of a line of the caption."""

TEXT = "#777b82"
"""As far from white as from black: contrast 4.2 to white, 4.5 to GitHub's dark page."""

OUR_COLOR, PEER_COLOR = "#2f81f7", "#9aa0a8"


def draw(report: Report, file_format: str) -> bytes:
    """An image, "svg" or "png", with a panel for each model and instruction set.

    The fastest way of an engine in each precision stands for it; the background is transparent.
    """
    matplotlib = require("matplotlib", "embedpipe bench --chart")
    figure_module = require("matplotlib.figure", "embedpipe bench --chart")
    panels = [_shown(result) for result in report.results]
    lines = textwrap.wrap(caption(report), CAPTION_WIDTH)
    heights = [len(rows) * ROW + PANEL for rows in panels]
    total = sum(heights) + CAPTION_LINE * (len(lines) + 1)
    settings = {
        "font.size": 9,
        "text.color": TEXT,
        "axes.labelcolor": TEXT,
        "ytick.color": TEXT,
        "svg.hashsalt": OURS,  # the same figures give the same file
    }
    with matplotlib.rc_context(settings):
        figure = figure_module.Figure(figsize=(WIDTH, total))
        top = total
        for result, rows, height in zip(report.results, panels, heights, strict=True):
            place = (0.3, (top - height + 0.2) / total, 0.6, (height - PANEL + 0.1) / total)
            _panel(figure.add_axes(place), result, rows)
            top -= height
        figure.text(0.01, CAPTION_LINE / 2 / total, "\n".join(lines), fontsize=7.5, va="bottom")
        image = io.BytesIO()
        metadata = {"Date": None} if file_format == "svg" else {}
        figure.savefig(image, format=file_format, dpi=DOTS, transparent=True, metadata=metadata)
    return image.getvalue()


def caption(report: Report) -> str:
    """What the figures depend on: machine, threads, texts, versions."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    threads = sorted({result.threads for result in report.results})
    corpora = list(dict.fromkeys(result.corpus for result in report.results))
    return (
        f"{heading(report.machine)}. Threads: {', '.join(map(str, threads))}. "
        f"{'; '.join(corpora)}. {versions}."
    )


def _shown(result: Result) -> list[Row]:
    """The fastest row of each engine, precision and kind of input, the fastest first."""
    best: dict[tuple[str, str, str], Row] = {}
    for row in sorted(result.rows, key=lambda row: -row.sequences_per_second):
        best.setdefault((row.engine, row.precision, row.source), row)
    return list(best.values())


def _panel(axes: Any, result: Result, rows: Sequence[Row]) -> None:
    places = range(len(rows))
    rates = [row.sequences_per_second for row in rows]
    colors = [OUR_COLOR if row.engine == OURS else PEER_COLOR for row in rows]
    bars = axes.barh(places, rates, height=0.72, color=colors)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=4)
    axes.set_yticks(places, [_label(row) for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(rates) * 1.12)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    title = f"{result.model}, {result.isa}: sentences per second"
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", x=-0.48)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.engine == OURS else "normal")


def _label(row: Row) -> str:
    return f"{row.engine} {row.precision}" + (", from text" if row.source == "text" else "")
