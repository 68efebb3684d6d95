"""What all training here has on top of transformers' Trainer: progress, checks, whole checkpoints.

sentence-transformers' trainer for vectors and transformers' own, for masked words and classifiers,
are one family: `Careful` goes before either of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback

from embedpipe.errors import EmbedpipeError, OutputError, TrainingError
from embedpipe.progress import Progress
from embedpipe.train.checks import chosen_device
from embedpipe.train.tuning.options import TrainOptions
from embedpipe.train.tuning.work import COMPLETE, Work, last_whole

__all__ = ["Careful", "arguments", "learn", "prepared", "writing"]

_LOGS = 50  # of the loss, in a run
_OF_THE_CLOCK = ("_runtime", "_per_second")  # what differs between runs that are the same


def prepared(options: TrainOptions) -> None:
    """Set threads and seeds, and keep the libraries from printing what our progress shows."""
    chosen_device(options.device)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)
    for name in ("transformers", "sentence_transformers", "datasets", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()


def arguments(
    options: TrainOptions, work: Work, *, rate: float, records: int, metric: str | None
) -> dict[str, Any]:
    """The Trainer's arguments. metric: what its evaluation calls the score that chooses."""
    total = options.steps or options.epochs * -(-records // options.batch)
    logs = max(total // _LOGS, 1)
    every = max(total // options.evaluations // logs, 1) * logs  # the loss since then is told next
    found: dict[str, Any] = {
        "output_dir": str(work.checkpoints),
        "num_train_epochs": options.epochs,
        "max_steps": options.steps or -1,
        "per_device_train_batch_size": options.batch,
        "per_device_eval_batch_size": options.batch,
        "learning_rate": rate,
        "warmup_steps": max(round(options.warmup * total), 0),
        "weight_decay": 0.01,
        "seed": options.seed,
        "data_seed": options.seed,
        "use_cpu": chosen_device(options.device) == "cpu",
        "logging_steps": logs,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
    }
    if metric is not None:
        found |= {
            "eval_strategy": "steps",
            "eval_steps": every,
            "load_best_model_at_end": True,
            "metric_for_best_model": metric,
            "greater_is_better": not metric.endswith("loss"),
        }
    return found


@contextmanager
def writing(path: Path, remedy: str) -> Iterator[None]:
    """Whatever the libraries raise where nothing can be written, as an OutputError."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        is_of_files = not isinstance(error, RuntimeError) or "StreamWriter" in str(error)
        if isinstance(error, EmbedpipeError) or not (is_of_files or "inline_cont" in str(error)):
            raise
        raise OutputError(f"cannot write {path}: {error}; free some space, {remedy}") from error


class Careful:
    """Stops at a loss or weight that is no finite number, and writes whole checkpoints."""

    def compute_loss(self, *given: Any, **named: Any) -> Any:
        """The loss; TrainingError where it is no finite number, before anything is changed.

        Of a development batch without a known label it is none, and nothing is learned from it.
        """
        found = super().compute_loss(*given, **named)  # type: ignore[misc]
        loss = found[0] if isinstance(found, tuple) else found
        learns = self.model.training  # type: ignore[attr-defined]
        if learns and not bool(torch.isfinite(loss).all()):
            self._stop(f"the loss is {float(loss.detach().sum())}")
        return found

    def _save_checkpoint(self, *given: Any, **named: Any) -> None:
        """Raise TrainingError for weights that are not finite, OutputError for a full disk."""
        model: torch.nn.Module = self.model  # type: ignore[attr-defined]
        odd = next((n for n, p in model.named_parameters() if not torch.isfinite(p).all()), None)
        if odd is not None:
            self._stop(f"{odd} holds numbers that are not finite")
        again = "then give the same command again, which goes on from the checkpoint before"
        with writing(self._checkpoint(), again):
            super()._save_checkpoint(*given, **named)  # type: ignore[misc]
            (self._checkpoint() / COMPLETE).touch()

    def _checkpoint(self) -> Path:
        state, args = self.state, self.args  # type: ignore[attr-defined]
        return Path(args.output_dir) / f"checkpoint-{state.global_step}"

    def _stop(self, what: str) -> None:
        step = self.state.global_step  # type: ignore[attr-defined]
        last = last_whole(Path(self.args.output_dir))  # type: ignore[attr-defined]
        kept = "nothing was kept" if last is None else f"the last good state is {last}"
        raise TrainingError(
            f"{what} after step {step}: {kept}. Begin anew with a lower --learning-rate, and "
            "--restart"
        )


class _Shown(TrainerCallback):  # type: ignore[misc]
    """Moves our progress bar, with the loss and the development score beside it."""

    def __init__(self, bar: Progress, metric: str | None) -> None:
        self._bar = bar
        self._metric = metric
        self._said: dict[str, str] = {}
        self.began = 0
        """After which step: 0 unless it went on."""

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self.began = state.global_step
        self._bar.advance(self.began)

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._bar.advance(state.global_step - self._bar.done)

    def on_log(
        self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        found = logs or {}
        if "loss" in found:
            self._said["loss"] = f"loss {float(found['loss']):.4f}"
        if self._metric in found:
            self._said["dev"] = f"dev {float(found[str(self._metric)]):.4f}"
        self._bar.note(", ".join(self._said.values()))


def learn(trainer: Any, options: TrainOptions, work: Work, *, progress: bool) -> dict[str, Any]:
    """Train from the last checkpoint on, or from the beginning; what is told of it afterwards."""
    metric = trainer.args.metric_for_best_model
    trainer.remove_callback(PrinterCallback)
    if options.patience is not None and metric is not None:
        trainer.add_callback(EarlyStoppingCallback(options.patience))
    last = work.last()
    with Progress(_steps(trainer, options), unit="steps", label="training", shown=progress) as bar:
        shown = _Shown(bar, metric)
        trainer.add_callback(shown)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    state = trainer.state
    decay = f", times {options.layer_decay:g} for each layer below the last"
    best = state.best_global_step
    return {
        "lines": [
            f"{state.global_step:,} steps of up to {options.batch} records; AdamW, learning rate "
            f"at most {trainer.args.learning_rate:g}{decay * (options.layer_decay != 1)}; the "
            f"weights are {'the last' if best is None else f'those of step {best:,}'}."
        ],
        "curve_name": metric or "loss",
        "step": state.global_step,
        "resumed": shown.began,
        "best_score": state.best_metric,
        "best_step": state.best_global_step,
        "curve": [
            {
                k: v
                for k, v in sorted(entry.items())
                if isinstance(v, (int, float))
                and math.isfinite(v)
                and not k.endswith(_OF_THE_CLOCK)
            }
            for entry in state.log_history
            if "loss" in entry or (metric is not None and metric in entry)
        ],
    }


def _steps(trainer: Any, options: TrainOptions) -> int:
    return options.steps or options.epochs * len(trainer.get_train_dataloader())
