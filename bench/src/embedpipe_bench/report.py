"""Results as Markdown for people and as JSON for programs; `chart` draws them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embedpipe.output import AtomicFile
from embedpipe_bench import OURS
from embedpipe_bench.results import Comparison, Latency, Report, Result, Row

__all__ = [
    "as_json",
    "beginning_markdown",
    "heading",
    "markdown_table",
    "missing_lines",
    "result_markdown",
    "save_json",
]

BUSY = 0.05
"""Cores kept busy by other programs, from which on the report warns."""

UNKNOWN = "-"


def beginning_markdown(report: Report) -> str:
    """What is known before anything is measured: the machine, and who does not take part."""
    return "\n\n".join([heading(report.machine), *missing_lines(report.missing)])


def heading(machine: Mapping[str, str | int]) -> str:
    """The machine and the day in one line."""
    return f"{machine['processor']}, {machine['cores']} cores, {machine['date']}"


def missing_lines(missing: Mapping[str, Sequence[str]]) -> list[str]:
    """Engines that are not installed, and what would install them.

    >>> missing_lines({"openvino": ["openvino", "torch"]})
    ['Not measured: openvino, which is not installed; run: pip install openvino torch']
    """
    return [
        f"Not measured: {engine}, which is not installed; run: pip install {' '.join(packages)}"
        for engine, packages in missing.items()
    ]


def result_markdown(result: Result) -> str:
    """Two tables, how ours stands to the best of the others, and who was left out and why."""
    parts = [
        f"### {result.model}, {result.isa}, {_threads(result.threads)}",
        f"{result.corpus}; cosines are to our float32.",
        _throughput(result),
        " ".join(_conclusions(result)),
        _latencies(result),
        "\n".join(_ratio(each, result.short_pieces) for each in result.comparisons),
        "\n".join(f"- Not measured: {who}: {why:.200}" for who, why in result.left_out.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _throughput(result: Result) -> str:
    header = ["engine", "precision", "from", "setting", "sentences/s", "pieces/s", "GFLOP/s"]
    header += ["of peak", "cosine mean", "least"]
    lines = [
        [
            f"{row.engine} {row.version}",
            row.precision,
            row.source,
            "; ".join(filter(None, (row.setting, row.isa_reservation))),
            f"{row.sequences_per_second:,.0f}",
            f"{row.pieces_per_second:,.0f}",
            f"{row.gflop_per_second:.1f}",
            UNKNOWN if row.share_of_peak is None else f"{row.share_of_peak:.0%}",
            f"{row.cosine_mean:.6f}",
            f"{row.cosine_least:.6f}",
        ]
        for row in result.rows
    ]
    return markdown_table(header, lines)


def _latencies(result: Result) -> str:
    """On one thread; empty if no engine's latency was measured."""
    short, long = (f"{count} pieces" for count in (result.short_pieces, result.long_pieces))
    header = ["one thread", "precision", "from", f"{short}, p50 ms", "p99", f"{long}, p50 ms"]
    header += ["p99", "first vector s", "resident MB", "peak MB", "installed MB"]
    lines = [_latency(row, row.latency) for row in result.rows if row.latency]
    return markdown_table(header, lines) if lines else ""


def _latency(row: Row, of: Latency) -> list[str]:
    calls = (of.short_p50, of.short_p99, of.long_p50, of.long_p99)
    memory = (of.resident_megabytes, of.highest_megabytes, row.installed_megabytes)
    return [
        f"{row.engine} {row.version}",
        row.precision,
        row.source,
        *(UNKNOWN if seconds is None else f"{1000 * seconds:.2f}" for seconds in calls),
        f"{of.first_vector:.2f}",
        *(UNKNOWN if size is None else f"{size:,.0f}" for size in memory),
    ]


def _ratio(comparison: Comparison, short_pieces: int) -> str:
    said = (
        f"- {OURS} in {comparison.precision}: {comparison.ratio:.2f} times the sentences/s of the "
        f"best peer ({comparison.best_peer})"
    )
    if comparison.short_ratio is not None:
        said += (
            f"; {comparison.short_ratio:.2f} times the p50 of the best peer "
            f"({comparison.quickest_peer}) for {short_pieces} pieces"
        )
    return said


def _conclusions(result: Result) -> list[str]:
    found = [
        f"Peak of these threads in {precision}: {peak:.0f} GFLOP/s."
        for precision, peak in result.peaks.items()
    ]
    if result.other_cores is not None and result.other_cores > BUSY:
        found.append(
            f"**Not to be trusted: other programs kept {result.other_cores:.2f} cores busy.**"
        )
    return found


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns padded to one width; those of numbers are set to the right."""
    rows = [list(header), *map(list, lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    right = [
        all(row[column][:1].isdigit() or row[column] == "-" for row in rows[1:])
        for column in range(len(header))
    ]
    rule = [
        "-" * (width - 1) + (":" if is_right else "-")
        for width, is_right in zip(widths, right, strict=True)
    ]
    rows.insert(1, rule)
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        )
        + " |"
        for row in rows
    )


def as_json(content: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file with this content."""
    return (json.dumps(content, indent=2) + "\n").encode()


def save_json(path: Path, content: Mapping[str, Any], results: Sequence[Any]) -> None:
    """Write `content` with the dataclasses `results` under that key; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with AtomicFile(path) as file:
        file.write(as_json({**content, "results": [asdict(result) for result in results]}))
