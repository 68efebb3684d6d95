"""What is asked of a fine-tuning. Imports no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from embedpipe.errors import ParameterError
from embedpipe.train.checks import check_whole_numbers

__all__ = ["LOSSES", "TRAIN_TASKS", "Head", "TrainOptions", "TrainTask"]

TrainTask = Literal["similarity", "retrieval", "classification", "mlm"]
TRAIN_TASKS: tuple[TrainTask, ...] = get_args(TrainTask)
Head = Literal["frozen", "contrastive", "sequence"]

LOSSES: Mapping[str, TrainTask] = {
    "CoSENTLoss": "similarity",
    "CosineSimilarityLoss": "similarity",
    "MultipleNegativesRankingLoss": "retrieval",
}
"""sentence-transformers' losses, and the task whose records each takes, the usual one first."""

_RATES: Mapping[TrainTask, float] = {
    "similarity": 5e-5,
    "retrieval": 5e-5,
    "classification": 5e-5,
    "mlm": 5e-4,
}


@dataclass(frozen=True)
class TrainOptions:
    """How a model learns.

    losses: names in LOSSES, at most one for each task.
    epochs: how often each record is seen. steps: how many batches instead; None goes by `epochs`.
    batch: records in a batch. learning_rate: the highest; None takes 5e-5, for masked words 5e-4.
    layer_decay: what the rate of each layer is multiplied by, counted from the last one, which has
        the whole rate; 1 treats all alike. warmup: the share of steps in which the rate rises.
    hard_negatives: how many wrong answers to find for each pair with our search, 0 for none.
    score_range: the lowest and the highest score of CosineSimilarityLoss, which become 0 and 1;
        None takes scores as they are, which must then lie between -1 and 1.
    head: of a classification. "frozen": a logistic regression on vectors of BASE as it is.
        "contrastive": texts of one label are drawn together first (SetFit), then the same.
        "sequence": transformers' classifier with all weights learned.
    mask: the share of pieces that are hidden for `mlm`. random: begin with random weights of BASE's
        sizes (mlm).
    max_length: most pieces of a text while it learns; None for BASE's.
    seed: of the order of records and all else that is drawn.
    evaluations: how often the development score, and a checkpoint, is taken. patience: after how
        many without a better one to stop; None never stops early.
    threads: of PyTorch; None for the cores this process may use. device: "cpu", "cuda", or "auto".

    Raises ParameterError for values that cannot be.

    >>> TrainOptions(losses=("CosineSimilarityLoss",)).loss_of("similarity")
    'CosineSimilarityLoss'
    """

    losses: tuple[str, ...] = ()
    epochs: int = 3
    steps: int | None = None
    batch: int = 32
    learning_rate: float | None = None
    layer_decay: float = 1.0
    warmup: float = 0.1
    hard_negatives: int = 0
    score_range: tuple[float, float] | None = None
    head: Head = "frozen"
    mask: float = 0.15
    random: bool = False
    max_length: int | None = None
    seed: int = 0
    evaluations: int = 10
    patience: int | None = None
    threads: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        for loss in self.losses:
            if loss not in LOSSES:
                raise ParameterError(f"loss {loss!r:.80}: expected one of {', '.join(LOSSES)}")
        tasks = [LOSSES[loss] for loss in self.losses]
        if len(set(tasks)) < len(tasks):
            raise ParameterError(
                f"losses {', '.join(self.losses)}: found two for one task; expected one for each"
            )
        for name, allowed in (("head", get_args(Head)), ("device", ("auto", "cpu", "cuda"))):
            if getattr(self, name) not in allowed:
                raise ParameterError(
                    f"{name} {getattr(self, name)!r:.80}: expected one of {', '.join(allowed)}"
                )
        self._check_whole()
        self._check_shares()

    def _check_whole(self) -> None:
        least = {"epochs": 1, "batch": 2, "hard_negatives": 0, "seed": 0, "evaluations": 1}
        least |= {"steps": 1, "max_length": 8, "patience": 1, "threads": 1}
        check_whole_numbers(self, least)

    def _check_shares(self) -> None:
        rate = self.learning_rate
        if rate is not None and not 0 < rate < math.inf:
            raise ParameterError(f"learning_rate {rate!r}: expected a number above 0")
        for name, low in (("layer_decay", 0.0), ("warmup", -1.0), ("mask", 0.0)):
            value = getattr(self, name)
            if not low < value <= 1 or value < 0:
                raise ParameterError(f"{name} {value!r}: expected a share, of at most 1")
        if self.score_range is not None:
            low, high = self.score_range
            if not -math.inf < low < high < math.inf:
                raise ParameterError(
                    f"score_range {self.score_range!r}: expected the lowest and the highest score"
                )

    def loss_of(self, task: TrainTask) -> str:
        """The loss of records of the task: the one that was named, or the usual one."""
        named = [loss for loss in self.losses if LOSSES[loss] == task]
        return named[0] if named else next(loss for loss in LOSSES if LOSSES[loss] == task)

    def rate(self, task: TrainTask) -> float:
        """The highest learning rate."""
        return _RATES[task] if self.learning_rate is None else self.learning_rate

    def record(self) -> dict[str, Any]:
        """What the result depends on, in values that JSON can hold."""
        found = asdict(self)
        found["losses"] = list(self.losses)
        found["score_range"] = None if self.score_range is None else list(self.score_range)
        return found
