"""The tables and the chart of `server.py`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from embedpipe_bench.report import heading, markdown_table

__all__ = ["drawn", "print_report"]

OURS, THEIRS, TEXT = "#2f81f7", "#9aa0a8", "#777b82"
OUR_NAME = "embedpipe"
TITLES = (
    *("server", "model", "texts", "form", "per request", "clients", "load"),
    *("sentences/s", "of encode", "of encode per CPU s", "p50 ms", "p99 ms"),
)


def print_report(rows: Sequence[Any], facts: Mapping[str, Any]) -> None:
    """Markdown."""
    print("\n" + heading(facts["machine"]), end="\n\n")
    if facts["busy"] is not None:
        print(f"Other programs and the load kept {facts['busy']:.2f} cores busy.", end="\n\n")
    print(markdown_table(TITLES, [_cells(row) for row in rows]), end="\n\n")
    for row in rows:
        if row.own is not None:
            print(
                f"{row.server}, {row.model}, {row.form}: one short text with one client: p50 "
                f"{row.p50:.2f} ms; `encode` itself {row.own:.2f} ms"
            )
    for model, start in facts["start"].items():
        print(
            f"{model}: from the shell to the first answer {start['seconds']:.2f} s, of the "
            f"processor {start['cpu']:.2f} s"
        )
    for line in facts["missing"]:
        print(f"Not measured: {line}")


def _cells(row: Any) -> list[str]:
    return [
        *(row.server, row.model, row.texts, row.form, str(row.per_request), str(row.clients)),
        *(row.load, f"{row.rate:,.0f}", f"{row.ratio:.0%}", f"{row.cpu_ratio:.0%}"),
        *(f"{row.p50:.2f}", f"{row.p99:.2f}"),
    ]


def drawn(rows: Sequence[Mapping[str, Any]], machine: Mapping[str, str | int]) -> bytes:
    """An SVG: sentences a second of 64 clients in JSON, a column for each model.

    A load has a panel if all servers had it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    chosen = [r for r in rows if (r["form"], r["clients"], r["load"]) == ("JSON", 64, "full")]
    models = list(dict.fromkeys(r["model"] for r in chosen))
    servers = {r["server"] for r in chosen}
    loads = [
        load
        for load in dict.fromkeys((r["texts"], r["per_request"]) for r in chosen)
        if {r["server"] for r in chosen if (r["texts"], r["per_request"]) == load} == servers
    ]
    with mpl.rc_context({"font.size": 8, "text.color": TEXT, "svg.hashsalt": "embedpipe"}):
        figure = Figure(figsize=(8, 0.85 * len(loads) + 0.6))
        for row, (texts, size) in enumerate(loads):
            for column, model in enumerate(models):
                panel = (model, texts, size)
                found = [r for r in chosen if (r["model"], r["texts"], r["per_request"]) == panel]
                place = row * len(models) + column + 1
                axes = figure.add_subplot(len(loads), len(models), place)
                _panel(axes, panel, found, named=column == 0)
        caption = f"Sentences a second of 64 clients, JSON. {heading(machine)}, shared with wrk"
        figure.text(0.01, 0.01, caption, fontsize=7)
        figure.subplots_adjust(left=0.245, right=0.93, top=0.93, bottom=0.1, hspace=0.8, wspace=0.3)
        sink = io.BytesIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None})
    return sink.getvalue()


def _panel(
    axes: Any, panel: tuple[str, str, int], rows: Sequence[Mapping[str, Any]], *, named: bool
) -> None:
    model, texts, size = panel
    ordered = sorted(rows, key=lambda row: row["server"], reverse=True)
    ordered.sort(key=lambda row: row["server"] == OUR_NAME)  # ours above, the others by name
    names = [row["server"] for row in ordered]
    colors = [OURS if name == OUR_NAME else THEIRS for name in names]
    bars = axes.barh(names, [row["rate"] for row in ordered], color=colors, height=0.7)
    axes.bar_label(bars, labels=[f"{row['rate']:,.0f}" for row in ordered], padding=3, color=TEXT)
    many = "1 text" if size == 1 else f"{size} texts"
    axes.set_title(f"{model}, {texts} texts, {many} a request", loc="left", color=TEXT, fontsize=8)
    axes.set_axis_off()
    for name, bar in zip(names, bars, strict=True):
        if not named:
            break
        height = bar.get_y() + bar.get_height() / 2
        axes.text(
            -0.02, height, name, transform=axes.get_yaxis_transform(), ha="right", va="center"
        )
