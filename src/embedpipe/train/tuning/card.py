"""The README.md of a model that was fine-tuned: how, on what, and what it gained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedpipe.evaluation import Evaluation
from embedpipe.evaluation.table import markdown
from embedpipe.formats.layout import TRAINING, TRAINING_CURVE
from embedpipe.train.model_card import ModelCard, curve_picture

__all__ = ["card_files"]


def card_files(record: Mapping[str, Any], measured: Sequence[Evaluation]) -> dict[str, bytes]:
    """README.md, the record as JSON, and the curve as a picture where there is one.

    record: what `training` gathers, see `_told`. measured: the base, then what was made of it.
    """
    record = {**record, "told": _told(record, measured)}
    key = record["learning"]["curve_name"]
    points = [(each["step"], each[key]) for each in record["learning"]["curve"] if key in each]
    name = key.removeprefix("eval_") if len(points) > 1 else None
    files = {
        "README.md": _card(record, measured, name).text(),
        TRAINING: json.dumps(record, indent=2) + "\n",
    }
    if name is not None:
        files[TRAINING_CURVE] = curve_picture(points, name)
    return {path: text.encode() for path, text in files.items()}


def _card(
    record: Mapping[str, Any], measured: Sequence[Evaluation], curve_name: str | None
) -> ModelCard:
    return ModelCard(
        name=record["name"],
        about=f"{record['base']['name']}, fine-tuned by `embedpipe train` ({record['task']}).",
        quality=(
            markdown(measured)
            if measured
            else "It was not measured: no development data was given."
        ),
        told=record["told"]["lines"],
        use=list(_use(record)),
        curve_name=curve_name,
    )


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
