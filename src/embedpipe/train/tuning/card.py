"""The README.md of a model that was fine-tuned: how, on what, and what it gained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from embedpipe.evaluation import Evaluation
from embedpipe.evaluation.table import markdown
from embedpipe.formats.layout import TRAINING, TRAINING_CURVE

__all__ = ["card_files"]

_WIDTH, _HEIGHT, _MARGIN = 640, 240, 48


def card_files(record: Mapping[str, Any], measured: Sequence[Evaluation]) -> dict[str, bytes]:
    """README.md, the record as JSON, and the curve as a picture where there is one.

    record: what `training` gathers, see `_text`. measured: the base, then what was made of it.
    """
    record = {**record, "told": _told(record, measured)}
    curve = record["learning"]["curve"]
    name = record["learning"]["curve_name"]
    points = [(entry["step"], entry[name]) for entry in curve if name in entry]
    files = {
        "README.md": "\n".join(_text(record, measured, has_curve=len(points) > 1)) + "\n",
        TRAINING: json.dumps(record, indent=2) + "\n",
    }
    if len(points) > 1:
        files[TRAINING_CURVE] = _picture(points, name.removeprefix("eval_"))
    return {name: text.encode() for name, text in files.items()}


def _text(
    record: Mapping[str, Any], measured: Sequence[Evaluation], *, has_curve: bool
) -> Iterator[str]:
    yield from (
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [sentence-transformers, feature-extraction, embedpipe]",
        "---",
        f"# {record['name']}",
        "",
        f"{record['base']['name']}, fine-tuned by `embedpipe train` ({record['task']}).",
        "",
        "```python",
        "from embedpipe import Encoder  # or sentence_transformers' SentenceTransformer",
        "",
        'vectors = Encoder("PATH OF THIS FOLDER").encode(["one text", "another"])',
        "```",
        "",
        *_use(record),
        "## How good it is",
        "",
        markdown(measured) if measured else "It was not measured: no development data was given.",
        "",
        "## How it was trained",
        "",
        *(f"- {line}" for line in record["told"]["lines"]),
    )
    if has_curve:
        name = record["learning"]["curve_name"].removeprefix("eval_")
        yield from ("", f"![{name} by step]({TRAINING_CURVE})")
    yield from ("", f"All of this for programs: `{TRAINING}`.")


def _told(record: Mapping[str, Any], measured: Sequence[Evaluation]) -> dict[str, Any]:
    """What `embedpipe card` tells of it, too."""
    data = record["data"]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    lines = [
        f"{data['records']:,} records of {', '.join(data['sources'])} ({data['passed_over']:,} "
        f"without text or answer, {data['duplicates']:,} duplicates and {data['left_out']:,} that "
        f"stand in the development data were left out). Their SHA-256: {data['digest'][:16]}…",
        *record["learning"]["lines"],
        f"Seed {record['options']['seed']}; {versions}.",
    ]
    rows = [[each.model, each.precision, *_points(each)] for each in measured]
    header = ["model", "precision", *measured[0].metrics] if measured else []
    return {"lines": lines, "rows": [header, *rows] if rows else []}


def _points(evaluation: Evaluation) -> list[str]:
    return [f"{100 * value:.2f}" for value in evaluation.metrics.values()]


def _use(record: Mapping[str, Any]) -> Iterator[str]:
    """How labels are told."""
    if record["task"] != "classification":
        return
    yield from (
        "```python",
        "from embedpipe.sklearn import load_classifier",
        "",
        'labels = load_classifier("PATH OF THIS FOLDER").predict(["one text", "another"])',
        "```",
        "",
    )
    if record["options"]["head"] == "sequence":
        yield from ('transformers\' `pipeline("text-classification")` opens it, too.', "")


def _picture(points: Sequence[tuple[float, float]], title: str) -> str:
    """A line by step, as an SVG that stands on light and dark pages alike."""
    low, high = min(value for _, value in points), max(value for _, value in points)
    span, last = (high - low) or 1.0, max(step for step, _ in points) or 1

    def at(step: float, value: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * step / last
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / span
        return f"{x:.1f},{y:.1f}"

    line = " ".join(at(*point) for point in points)
    bottom, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    text = 'font-family="sans-serif" font-size="12" fill="#777"'
    end = f'{text} text-anchor="end"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)} by step">\n'
        f'<path d="M{_MARGIN},{_MARGIN} V{bottom} H{right}" fill="none" stroke="#777"/>\n'
        f'<polyline points="{line}" fill="none" stroke="#2a7ab9" stroke-width="2"/>\n'
        f'<text x="{_MARGIN}" y="{_MARGIN - 12}" {text}>{escape(title)}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{_MARGIN + 4}" {end}>{high:.4g}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{bottom}" {end}>{low:.4g}</text>\n'
        f'<text x="{right}" y="{bottom + 18}" {end}>{last:,} steps</text>\n'
        "</svg>\n"
    )
