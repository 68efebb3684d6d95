"""What a model's `training.json` tells of how it was made, as `embedpipe train` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedpipe.files.fields import Field, check_fields
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.layout import TRAINING, TRAINING_CURVE

__all__ = ["Training", "read_training"]

_TOLD = "told"


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_LINES = Field("a list of texts", _texts)
_ROWS = Field("a list of lists of texts", lambda v: isinstance(v, list) and all(map(_texts, v)))


@dataclass(frozen=True)
class Training:
    """How a model was trained, a sentence a line.

    rows: measured quality, the first row naming the columns; none where nothing was measured.
    curve: the picture of a score or loss by step, as SVG; None without one.
    """

    lines: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    curve: bytes | None


def read_training(tree: FileTree) -> Training | None:
    """None for a model without such a record; ModelFormatError for a damaged one."""
    if TRAINING not in tree:
        return None
    told = tree.read_json(TRAINING, dict).get(_TOLD)
    if not isinstance(told, dict):
        return None
    fields = {"lines": _LINES, "rows": _ROWS}
    remedy = "Leave the file out, or train it again"
    check_fields(told, fields, f"{tree.where(TRAINING)}, {_TOLD}", remedy=remedy)
    width = len(told["rows"][0]) if told["rows"] else 0
    rows = tuple(tuple(row) for row in told["rows"] if len(row) == width)
    curve = tree.read_small(TRAINING_CURVE) if TRAINING_CURVE in tree else None
    return Training(tuple(told["lines"]), rows, curve)
