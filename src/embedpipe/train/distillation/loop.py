"""Learning, step by step: the same bits for the same settings, also across a killed process."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from embedpipe.errors import TrainingError
from embedpipe.progress import Progress
from embedpipe.train.distillation.batches import Batches, PieceTexts
from embedpipe.train.distillation.checkpoint import Checkpoint
from embedpipe.train.distillation.losses import distillation_loss
from embedpipe.train.distillation.options import DistilOptions
from embedpipe.train.distillation.student import Student

__all__ = ["Curve", "Learning", "Scoring", "learning_rate"]

Curve = list[tuple[int, int, float, float]]
"""Step, texts seen, mean of 1 - cosine to the teacher, development score."""

_WARM_UP, _LEAST_SHARE = 100, 0.02
_SMOOTHING = 0.98
_MOST_NORM = 1.0
_DECAY = 0.01


class Scoring(Protocol):
    """Gives a student's development score, larger for better."""

    def __call__(self, student: Student) -> float:
        """The score now."""


class Targets(Protocol):
    """The teacher's vectors by text."""

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Those of some texts."""


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Rises for 100 steps or a tenth of all, then falls by a cosine to a fiftieth.

    >>> [round(learning_rate(step, 1000, 1.0), 2) for step in (0, 99, 500, 999)]
    [0.01, 1.0, 0.6, 0.02]
    """
    warm_up = max(1, min(_WARM_UP, steps // 10))
    rising = min(1.0, (step + 1) / warm_up)
    past = max(0.0, (step - warm_up) / max(1, steps - warm_up))
    return (
        highest * rising * (_LEAST_SHARE + (1 - _LEAST_SHARE) * (1 + math.cos(math.pi * past)) / 2)
    )


@dataclass
class Learning:
    """One run. `state` holds all that decides what comes next, and a checkpoint is that.

    student, texts, targets, batches: what learns, from what, in which order. scoring: called after
    every `interval` steps. steps: how many there are. rate: the highest learning rate.
    layers: those that the student began with, for the checkpoint.
    """

    student: Student
    texts: PieceTexts
    targets: Targets
    batches: Batches
    scoring: Scoring
    options: DistilOptions
    steps: int
    rate: float
    checkpoint: Checkpoint
    layers: list[int]
    shown: bool = False
    step: int = 0
    seen: int = 0
    away: float = math.nan
    score: float = math.nan
    best_score: float = -math.inf
    best_step: int = 0
    without_better: int = 0
    curve: Curve = field(default_factory=list)

    def __post_init__(self) -> None:
        self._best: dict[str, Any] = {}
        parameters = [p for p in self.student.module.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": _DECAY},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self._parameters = parameters
        self._optimizer: Any = torch.optim.AdamW(
            groups, lr=self.rate, betas=(0.9, 0.98), eps=1e-7, fused=True
        )
        self.interval = max(1, self.steps // self.options.evaluations)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to learn: all steps taken, or no better score for too long."""
        patience = self.options.patience
        return self.step >= self.steps or (patience is not None and self.without_better >= patience)

    def run(self) -> None:
        """Learn to the end, and leave the best student's weights in `student`.

        Raises TrainingError where the loss is no finite number; the checkpoint stays.
        """
        if not self._resumed():
            self._evaluate()
            self.checkpoint.save(self._state())
        saved = time.monotonic()
        with Progress(self.steps, unit="steps", label="training", shown=self.shown) as bar:
            bar.advance(self.step)
            while not self.is_over:
                self._learn()
                if self.step % self.interval == 0 or self.step == self.steps:
                    self._evaluate()
                bar.note(f"1-cos {self.away:.4f}, dev {self.score:.2f}")
                bar.advance(1)
                due = time.monotonic() - saved >= self.options.checkpoint_seconds
                if due or self.is_over:
                    self._check_weights()
                    self.checkpoint.save(self._state())
                    saved = time.monotonic()
        self.student.load(self._best)

    def finish(self) -> None:
        """Take the best weights of the checkpoint, which is there, and learn no more."""
        self._resumed()
        self.student.load(self._best)

    def _learn(self) -> None:
        rows = self.batches[self.step]
        rate = learning_rate(self.step, self.steps, self.rate)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        device = self.student.device
        goal = torch.nn.functional.normalize(
            torch.from_numpy(self.targets[rows]).to(device), dim=-1
        )
        kind = "cpu" if device == "cpu" else "cuda"
        with torch.autocast(kind, torch.bfloat16, enabled=self.options.bfloat16):
            made = self.student(*self.texts.padded(rows))
        weights = self.options.weights
        loss, away = distillation_loss(made, goal, weights, self.options.temperature)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, _MOST_NORM)
        found = (loss.item(), norm.item())
        if not all(map(math.isfinite, found)):
            self._stop(f"the loss is {found[0]} and the gradient's length {found[1]}", rate)
        self._optimizer.step()
        self.step += 1
        self.seen += len(rows)
        now = away.item()
        self.away = (
            now if math.isnan(self.away) else _SMOOTHING * self.away + (1 - _SMOOTHING) * now
        )

    def _evaluate(self) -> None:
        self.score = self.scoring(self.student)
        self.curve.append((self.step, self.seen, self.away, self.score))
        if self.score > self.best_score:
            self.best_score, self.best_step, self.without_better = self.score, self.step, 0
            self._best = self.student.state()
        else:
            self.without_better += 1

    def _check_weights(self) -> None:
        """A step may have spoiled what the next loss would tell; such a state is never kept."""
        if not all(bool(torch.isfinite(p).all()) for p in self._parameters):
            self._stop("a weight is no finite number", self._optimizer.param_groups[0]["lr"])

    def _stop(self, found: str, rate: float) -> None:
        kept = self.checkpoint.load() or {"step": 0}
        raise TrainingError(
            f"training stopped at step {self.step + 1:,} of {self.steps:,} (learning rate "
            f"{rate:.2g}): {found}. The state after step {kept['step']:,} is kept in "
            f"{self.checkpoint.folder}: write its best student with --finish, or begin anew with "
            "--restart and a smaller --learning-rate"
        )

    def _state(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "layers": self.layers,
            "curve": [list(row) for row in self.curve],
            "student": self.student.module.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }

    def _resumed(self) -> bool:
        state = self.checkpoint.load()
        if state is None:
            return False
        for name in _NUMBERS:
            setattr(self, name, state[name])
        self.curve = [(int(a), int(b), float(c), float(d)) for a, b, c, d in state["curve"]]
        self.student.load(state["student"])
        self._best = state["best"]
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        return True


_NUMBERS = ("step", "seen", "away", "score", "best_score", "best_step", "without_better")
