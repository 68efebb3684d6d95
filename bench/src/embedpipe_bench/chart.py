"""A chart of sentences a second, as an image that is legible on light and dark pages.

matplotlib draws it; it is imported when a chart is asked for.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from embedpipe._dependencies import require
from embedpipe_bench import OURS, PRECISIONS
from embedpipe_bench.report import heading
from embedpipe_bench.results import Report, Result, Row

__all__ = ["caption", "draw"]

WIDTH, DOTS = 8.0, 200
"""Inches, and dots of an inch where the image is of dots: sharp at 800 pixels across."""

LINE, CAPTION_LINE = 0.25, 0.17
"""Inches of height of a bar or heading, and of a line of the caption."""

LEFT, RIGHT = 0.27, 0.9
"""Where bars begin, and where the longest ends, as shares of the width."""

CAPTION_WIDTH = 128
"""Characters of a line of the caption."""

TEXT = "#777b82"
"""As far from white as from black: contrast 4.2 to white, 4.4 to GitHub's dark page."""

OUR_COLOR, PEER_COLOR = "#2f81f7", "#9aa0a8"


def draw(report: Report, file_format: str) -> bytes:
    """An image, "svg" or "png", with a panel for each model and instruction set.

    In a panel, engines stand by precision, then those that were given texts; the fastest way of an
    engine stands for it. The background is transparent.
    """
    matplotlib = require("matplotlib", "embedpipe bench --chart")
    figures = require("matplotlib.figure", "embedpipe bench --chart")
    lines = textwrap.wrap(caption(report), CAPTION_WIDTH)
    panels = [(_title(result), _groups(result)) for result in report.results]
    heights = [
        LINE * (2 + sum(1.5 + len(rows) for rows in groups.values())) for _, groups in panels
    ]
    total = sum(heights) + CAPTION_LINE * (len(lines) + 1)
    settings = {"font.size": 9, "text.color": TEXT, "svg.hashsalt": OURS}  # the same file each time
    with matplotlib.rc_context(settings):
        figure = figures.Figure(figsize=(WIDTH, total))
        top = total
        for (title, groups), height in zip(panels, heights, strict=True):
            axes = figure.add_axes((0, (top - height) / total, 1, height / total))
            _panel(axes, title, groups, height / LINE)
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
    is_marked = any(row.isa_reservation for result in report.results for row in result.rows)
    return (
        f"{heading(report.machine)}. Threads: {', '.join(map(str, threads))}. "
        f"{'; '.join(corpora)}. {versions}."
        + (" * uses a faster instruction set, as it cannot be held to this one." * is_marked)
    )


def _title(result: Result) -> str:
    return f"{result.model}, {result.isa}: sentences per second"


def _groups(result: Result) -> dict[str, list[Row]]:
    """The fastest row of each engine by precision, then from text; the fastest first."""
    found: dict[str, list[Row]] = {}
    names = [*PRECISIONS, *(f"{precision}, from text" for precision in PRECISIONS)]
    for row in sorted(result.rows, key=lambda row: -row.sequences_per_second):
        rows = found.setdefault(row.precision + ", from text" * (row.source == "text"), [])
        if row.engine not in (other.engine for other in rows):
            rows.append(row)
    return {name: found[name] for name in names if name in found}


def _panel(axes: Any, title: str, groups: Mapping[str, Sequence[Row]], lines: float) -> None:
    """Coordinates: lines from the top, shares of the width."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(lines, 0)
    axes.text(0.01, 1, title, fontsize=10, fontweight="bold", va="center")
    longest = max(row.sequences_per_second for rows in groups.values() for row in rows)
    line = 2.0
    for name, rows in groups.items():
        axes.text(0.01, line + 0.5, name, va="center", style="italic")
        line += 1
        for row in rows:
            _bar(axes, row, line + 0.5, (RIGHT - LEFT) * row.sequences_per_second / longest)
            line += 1
        line += 0.5


def _bar(axes: Any, row: Row, line: float, length: float) -> None:
    is_ours = row.engine == OURS
    weight = "bold" if is_ours else "normal"
    label = row.engine + " *" * bool(row.isa_reservation)
    axes.barh(line, length, height=0.74, left=LEFT, color=OUR_COLOR if is_ours else PEER_COLOR)
    axes.text(LEFT - 0.01, line, label, ha="right", va="center", fontweight=weight)
    rate = f"{row.sequences_per_second:,.0f}"
    axes.text(LEFT + length + 0.01, line, rate, va="center", fontweight=weight)
