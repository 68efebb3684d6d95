"""The README.md of a student: what it is, how it was made, how it compares with its teacher."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from embedpipe.formats.layout import TRAINING, TRAINING_CURVE

__all__ = ["Quality", "card_files"]

_WIDTH, _HEIGHT, _MARGIN = 640, 240, 48


class Quality(NamedTuple):
    """Measured figures of one model: its name, precision, development score, and the mean cosine
    of its vectors to the teacher's; None for the teacher itself."""

    model: str
    precision: str
    score: float
    cosine: float | None


def card_files(record: dict[str, Any], curve: Sequence[Sequence[float]]) -> dict[str, bytes]:
    """README.md, the record as JSON with what `embedpipe card` shows of it, and the curve.

    record: what `writing` gathers.
    """
    lines, rows = _lines(record), _rows(record)
    points = [[None if math.isnan(value) else value for value in row] for row in curve]
    whole = record | {"curve": points, "told": {"lines": lines, "rows": rows}}
    return {
        "README.md": _text(record, lines, rows).encode(),
        TRAINING: (json.dumps(whole, indent=2) + "\n").encode(),
        TRAINING_CURVE: _picture(curve, record["score_name"]).encode(),
    }


def _lines(record: dict[str, Any]) -> list[str]:
    """How it was trained, a sentence a line."""
    learned, data = record["learning"], record["data"]
    return [
        f"A student of {record['teacher']['name']}, made by `embedpipe distil`. It began with "
        f"{record['student']['origin']}.",
        f"Texts: {data['texts']:,} distinct ones of {', '.join(map(_name, data['sources']))} (left "
        f"out: {data['empty']:,} empty, {data['duplicates']:,} duplicates, "
        f"{data['from_development']:,} that stand in the development data). Their SHA-256: "
        f"{data['digest'][:16]}….",
        f"Labels: vectors of {record['teacher']['name']} in {record['teacher']['precision']}.",
        f"Loss: {learned['loss']} (1 - cosine x {learned['weights'][0]:g}, similarities within the "
        f"batch x {learned['weights'][1]:g} at temperature {learned['temperature']:g}).",
        f"{learned['step']:,} of {learned['steps']:,} steps of up to {learned['batch']} texts, "
        f"{learned['seen']:,} texts seen; AdamW, highest learning rate "
        f"{learned['learning_rate']:g}, seed {learned['seed']}, {learned['threads']} threads, "
        f"PyTorch {record['versions']['torch']}.",
        f"Kept: the weights after step {learned['best_step']:,}, which scored best "
        f"({record['score_name']}: {learned['best_score']:.2f}).",
    ]


def _rows(record: dict[str, Any]) -> list[list[str]]:
    """Measured figures, the names of the columns first."""
    header = ["model", "precision", record["score_name"], "mean cosine to the teacher"]
    return [header, *(_quality_row(Quality(*row)) for row in record["quality"])]


def _text(record: dict[str, Any], told: list[str], rows: list[list[str]]) -> str:
    made = record["student"]
    table = [f"| {' | '.join(row)} |" for row in rows]
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [sentence-transformers, feature-extraction, distilled, embedpipe]",
        "---",
        f"# {record['name']}",
        "",
        f"{made['layers']} layers of {made['hidden']}, {made['pieces']:,} pieces, "
        f"{made['parameters']:,} weights, at most {made['max_length']} pieces of a text, vectors "
        f"of {made['dimension']} with length 1 in the space of {record['teacher']['name']}.",
        "",
        "```python",
        "from embedpipe import Encoder  # or sentence_transformers' SentenceTransformer",
        "",
        'vectors = Encoder("PATH OF THIS FOLDER").encode(["one text", "another"])',
        "```",
        "",
        "## How good it is",
        "",
        table[0],
        "|---|---|---|---|",
        *table[1:],
        "",
        "## How it was trained",
        "",
        *(f"- {line}" for line in told),
        "",
        f"![{record['score_name']} by step]({TRAINING_CURVE})",
        "",
        f"All of this for programs: `{TRAINING}`.",
    ]
    return "\n".join(lines) + "\n"


def _quality_row(row: Quality) -> list[str]:
    cosine = "" if row.cosine is None else f"{row.cosine:.4f}"
    return [row.model, row.precision, f"{row.score:.2f}", cosine]


def _name(path: str) -> str:
    return f"`{Path(path).name}`"


def _picture(curve: Sequence[Sequence[float]], title: str) -> str:
    """The score by step as an SVG that stands on light and dark pages alike."""
    steps = [row[0] for row in curve]
    scores = [row[3] for row in curve]
    low, high = min(scores), max(scores)
    span, last = (high - low) or 1.0, max(steps) or 1

    def at(step: float, score: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * step / last
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (score - low) / span
        return f"{x:.1f},{y:.1f}"

    points = " ".join(at(step, score) for step, score in zip(steps, scores, strict=True))
    bottom, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    text = 'font-family="sans-serif" font-size="12" fill="#777"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)} by step">\n'
        f'<path d="M{_MARGIN},{_MARGIN} V{bottom} H{right}" fill="none" stroke="#777"/>\n'
        f'<polyline points="{points}" fill="none" stroke="#2a7ab9" stroke-width="2"/>\n'
        f'<text x="{_MARGIN}" y="{_MARGIN - 12}" {text}>{escape(title)}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{_MARGIN + 4}" text-anchor="end" {text}>{high:.1f}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{bottom}" text-anchor="end" {text}>{low:.1f}</text>\n'
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end" {text}>{last:,} steps</text>\n'
        "</svg>\n"
    )
