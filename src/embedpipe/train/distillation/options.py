"""What is asked of a distillation: the student, its texts and how it learns. Imports no PyTorch."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from embedpipe.errors import ParameterError
from embedpipe.train.checks import check_whole_numbers

__all__ = ["LOSSES", "DistilOptions", "LossName", "LossWeights", "StudentShape"]

LossName = Literal["cosine", "similarity", "both"]


class LossWeights(NamedTuple):
    """What each part of the loss counts: `losses.distillation_loss` tells what they are."""

    cosine: float
    similarity: float


LOSSES: dict[str, LossWeights] = {
    "cosine": LossWeights(1.0, 0.0),
    "similarity": LossWeights(0.0, 1.0),
    "both": LossWeights(1.0, 0.5),
}
"""The losses, by the names that `--loss` takes."""

_SHAPE = re.compile(r"L([1-9][0-9]{0,2})_?H([1-9][0-9]{0,4})", re.IGNORECASE)
_STATIC = re.compile(r"static(?:_?H([1-9][0-9]{0,4}))?", re.IGNORECASE)
_STATIC_WIDTH = 256
_LAYERS = re.compile(r"[0-9]+(,[0-9]+)*")


class StudentShape(NamedTuple):
    """layers and hidden of a student; no layers are a table, LayerNorm and mean.

    >>> StudentShape.parse("L2_H128"), StudentShape.parse("static").hidden
    (StudentShape(layers=2, hidden=128), 256)
    >>> StudentShape.parse("small_bert_L2_128") is None
    True
    """

    layers: int
    hidden: int

    @classmethod
    def parse(cls, text: str) -> StudentShape | None:
        """The shape that a text names; None where it must be a model's name or folder."""
        if found := _SHAPE.fullmatch(text):
            return cls(int(found[1]), int(found[2]))
        if found := _STATIC.fullmatch(text):
            return cls(0, int(found[1] or _STATIC_WIDTH))
        return None


@dataclass(frozen=True)
class DistilOptions:
    """How a student is made and learns.

    student: `L3_H384` (layers and hidden size), `static` or `static_H256` (a table, LayerNorm and
        mean), or the name or folder of a model to begin with. None: the teacher's width, and the
        layers that `layers` names.
    layers: which of the teacher's layers to begin with, as "0,3,5" from 0, or "search", which finds
        them on the development pairs. None: evenly spread ones where the widths agree.
    vocabulary: how many pieces to keep, the most used in the texts; None for all.
    max_length: most pieces of a text; None for the teacher's.
    loss: a name in LOSSES. temperature: of the similarities within a batch.
    epochs: how often each text is seen. steps: how many batches instead; None goes by `epochs`.
    batch: texts in a batch. learning_rate: the highest; None takes 3e-4 for a student that begins
        with trained layers, and 1e-3 for others.
    seed: of the order of texts, and of what begins at random.
    evaluations: how often the development score is taken on the way, evenly spread. patience: after
        how many without a better one to stop; None never stops early.
    teacher_precision: in which the teacher's vectors are computed.
    threads: of PyTorch; None for the cores this process may use. The same number, seed and machine
        give the same bits. device: "cpu", "cuda", or "auto", which takes a GPU where there is one.
    bfloat16: compute products in bfloat16, which pays where the processor has AMX or AVX-512 BF16.
    checkpoint_seconds: how much work a killed process may lose.

    Raises ParameterError for values that cannot be.
    """

    student: str | None = None
    layers: str | None = None
    vocabulary: int | None = None
    max_length: int | None = None
    loss: LossName = "both"
    temperature: float = 0.05
    epochs: int = 3
    steps: int | None = None
    batch: int = 128
    learning_rate: float | None = None
    seed: int = 0
    evaluations: int = 20
    patience: int | None = None
    teacher_precision: Literal["float32", "bfloat16", "int8"] = "int8"
    threads: int | None = None
    device: str = "auto"
    bfloat16: bool = False
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.student is None and self.layers is None:
            raise ParameterError(
                "student: found none; expected its size, such as L2_H128, or the layers to take "
                "over, such as --layers 0,3,5"
            )
        if self.layers not in (None, "search") and not _LAYERS.fullmatch(self.layers or ""):
            raise ParameterError(
                f"layers {self.layers!r:.80}: expected numbers from 0, as in 0,3,5, or search"
            )
        if self.layers == "search" and self.shape is None:
            raise ParameterError(
                "layers search: found no number of layers; say it too, as in --student L3_H384"
            )
        if self.loss not in LOSSES:
            raise ParameterError(f"loss {self.loss!r:.80}: expected one of {', '.join(LOSSES)}")
        if self.teacher_precision not in ("float32", "bfloat16", "int8"):
            raise ParameterError(
                f"teacher_precision {self.teacher_precision!r:.80}: expected float32, bfloat16 or "
                "int8"
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        least = {"epochs": 1, "batch": 2, "evaluations": 1, "seed": 0}
        least |= dict.fromkeys(("steps", "patience", "threads", "vocabulary"), 1)
        least["max_length"] = 8
        check_whole_numbers(self, least)
        for name in ("temperature", "learning_rate", "checkpoint_seconds"):
            value = getattr(self, name)
            zero = name == "checkpoint_seconds"
            if value is not None and not (0 < value < math.inf or (zero and value == 0)):
                raise ParameterError(f"{name} {value!r:.80}: expected a number above 0")

    @property
    def shape(self) -> StudentShape | None:
        """The size that `student` names; None where it names a model, or nothing."""
        return None if self.student is None else StudentShape.parse(self.student)

    @property
    def base(self) -> str | None:
        """The model that `student` names to begin with; None where it names a size, or nothing."""
        return self.student if self.shape is None else None

    @property
    def chosen_layers(self) -> tuple[int, ...] | None:
        """The numbers of `layers`; None where it has none."""
        if self.layers in (None, "search"):
            return None
        return tuple(map(int, str(self.layers).split(",")))

    @property
    def weights(self) -> LossWeights:
        """Of the loss."""
        return LOSSES[self.loss]

    def record(self) -> dict[str, Any]:
        """What the result depends on, in values that JSON can hold."""
        without = ("checkpoint_seconds",)
        return {name: value for name, value in asdict(self).items() if name not in without}


assert set(get_args(LossName)) == set(LOSSES)  # noqa: S101 - the type and the table say the same


def checkpoint_folder(output: Path) -> Path:
    """Where an unfinished run keeps its state: beside what it is to make."""
    return output.with_name(output.name + ".training")
