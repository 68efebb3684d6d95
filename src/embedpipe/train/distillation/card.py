"""The README.md of a student: what it is, how it was made, how it compares with its teacher."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embedpipe.formats.layout import TRAINING, TRAINING_CURVE
from embedpipe.train.model_card import ModelCard, curve_picture

__all__ = ["Quality", "card_files"]


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
        "README.md": _card(record, lines, rows).text().encode(),
        TRAINING: (json.dumps(whole, indent=2) + "\n").encode(),
        TRAINING_CURVE: curve_picture(
            [(row[0], row[3]) for row in curve], record["score_name"]
        ).encode(),
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


def _card(record: dict[str, Any], told: list[str], rows: list[list[str]]) -> ModelCard:
    made = record["student"]
    table = [f"| {' | '.join(row)} |" for row in rows]
    return ModelCard(
        name=record["name"],
        about=f"{made['layers']} layers of {made['hidden']}, {made['pieces']:,} pieces, "
        f"{made['parameters']:,} weights, at most {made['max_length']} pieces of a text, vectors "
        f"of {made['dimension']} with length 1 in the space of {record['teacher']['name']}.",
        quality="\n".join([table[0], "|---|---|---|---|", *table[1:]]),
        told=told,
        tags=("distilled",),
        curve_name=record["score_name"],
    )


def _quality_row(row: Quality) -> list[str]:
    cosine = "" if row.cosine is None else f"{row.cosine:.4f}"
    return [row.model, row.precision, f"{row.score:.2f}", cosine]


def _name(path: str) -> str:
    return f"`{Path(path).name}`"
