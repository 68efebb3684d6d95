"""Reads what is learned from: files with answers or of plain text, without what the test holds."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedpipe.errors import ColumnError, InputError, ParameterError, TrainingDataWarning
from embedpipe.evaluation import Examples, read_examples
from embedpipe.evaluation.columns import Task
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs
from embedpipe.train.checks import folded
from embedpipe.train.tuning.options import LOSSES, TRAIN_TASKS, TrainOptions, TrainTask

__all__ = ["Records", "read_records", "scaled"]


@dataclass(frozen=True)
class Records:
    """What a model learns from.

    task: of the run; files of pairs with and without scores may be mixed, then it is that of the
    first. examples: for each file; texts: of masked words, distinct ones. left_out: how many
    records stand in the development data as well, duplicates: how many texts came again, blank: how
    many were none.
    """

    task: TrainTask
    sources: tuple[str, ...]
    examples: tuple[Examples, ...] = ()
    texts: tuple[str, ...] = ()
    left_out: int = 0
    duplicates: int = 0
    blank: int = 0

    def __len__(self) -> int:
        return len(self.texts) or sum(map(len, self.examples))

    @property
    def passed_over(self) -> int:
        """How many records had no text, or no answer."""
        return self.blank + sum(each.passed_over for each in self.examples)

    @property
    def digest(self) -> str:
        """SHA-256 of all that is learned from, in its order."""
        found = hashlib.sha256(json.dumps([self.task, self.texts]).encode())
        for each in self.examples:
            found.update(json.dumps([each.task, each.texts, each.scores, each.labels]).encode())
        return found.hexdigest()


def read_records(  # noqa: PLR0913, PLR0917
    files: Sequence[str],
    task: TrainTask | None,
    columns: Sequence[str] | None,
    reading: InputOptions,
    options: TrainOptions,
    development: Examples | None,
) -> Records:
    """Read and check everything, before a model is loaded.

    Raises what `read_examples` does, InputError for scores out of range and labels of one class,
    ParameterError for tasks that cannot be mixed. Records that stand in the development data are
    left out, with a TrainingDataWarning.
    """
    if not files:
        raise ParameterError("nothing to learn from: expected at least one file")
    if task is not None and task not in TRAIN_TASKS:
        raise ParameterError(f"task {task!r:.80}: expected one of {', '.join(TRAIN_TASKS)}")
    known = set() if development is None else set(_keys(development))
    if task == "mlm":
        _check_used(options, {"mlm"})
        return _plain(files, reading, known)
    asked: Task | None = task
    found = [_read(file, asked, columns, reading) for file in files]
    kept = []
    for each in found:
        rows = [row for row, key in enumerate(_keys(each)) if key not in known]
        if len(rows) == len(each):
            kept.append(each)
        elif rows:
            part = each.part(rows, each.source)
            kept.append(replace(part, passed_over=each.passed_over))
    left_out = sum(map(len, found)) - sum(map(len, kept))
    _warn(left_out, sum(map(len, found)))
    _check_used(options, {each.task for each in found})
    _check(kept, options)
    return Records(found[0].task, tuple(files), tuple(kept), left_out=left_out)  # type: ignore[arg-type]


def _read(
    file: str, task: Task | None, columns: Sequence[str] | None, reading: InputOptions
) -> Examples:
    try:
        return read_examples(file, task=task, columns=columns, reading=reading)
    except ColumnError as error:
        if task is None and columns is None and _is_plain(file, reading):
            raise ColumnError(
                f"{file}: it holds texts without answers, which only masked words learn from; say "
                "--task mlm"
            ) from error
        raise


def _is_plain(file: str, reading: InputOptions) -> bool:
    try:
        Inputs([file], reading).check()
    except (ColumnError, InputError, ParameterError):
        return False
    return True


def _keys(examples: Examples) -> Iterator[tuple[str, ...]]:
    """What tells whether a record stands in two files: its texts, but for negatives, in whatever
    order."""
    keys = zip(*(map(folded, texts) for texts in examples.texts[:2]), strict=True)
    return (tuple(sorted(key)) for key in keys)


def _warn(left_out: int, total: int) -> None:
    if left_out == total:
        raise InputError(
            f"all {total:,} records of the training data stand in the development data, too; hold "
            "some out, and train on the rest"
        )
    if left_out:
        warnings.warn(
            f"{left_out:,} of {total:,} records stand in the development data, too; they are not "
            "learned from, or its score would flatter",
            TrainingDataWarning,
            stacklevel=2,
        )


def _check_used(options: TrainOptions, tasks: Collection[str]) -> None:
    """ParameterError for an option that counts for none of the tasks that are learned."""
    usual = TrainOptions()
    learned = ", ".join(sorted(tasks))
    for name, task in (
        ("hard_negatives", "retrieval"),
        ("head", "classification"),
        ("random", "mlm"),
        ("mask", "mlm"),
        ("score_range", "similarity"),
    ):
        value = getattr(options, name)
        if value != getattr(usual, name) and task not in tasks:
            raise ParameterError(
                f"{name} {value}: it counts for {task}, and what is learned is {learned}; leave it "
                "out"
            )
    for loss in options.losses:
        if LOSSES[loss] not in tasks:
            raise ParameterError(
                f"loss {loss}: it learns {LOSSES[loss]}, and what is learned is {learned}; leave "
                "it out, or say what the columns are with --task and --columns"
            )


def _check(examples: Sequence[Examples], options: TrainOptions) -> None:
    from embedpipe.evaluation.metrics import check_labels

    tasks = {each.task for each in examples}
    if "clustering" in tasks or ("classification" in tasks and len(examples) > 1):
        raise ParameterError(
            f"{', '.join(each.source for each in examples)}: found {', '.join(sorted(tasks))}; "
            "only pairs with and without scores can be mixed; give one file of labeled texts"
        )
    for each in examples:
        if each.task == "classification":
            check_labels(each.labels, each.source)
        if each.task == "similarity":
            _check_scores(each, options)


def _check_scores(examples: Examples, options: TrainOptions) -> None:
    if len(set(examples.scores)) < 2:
        raise InputError(
            f"{examples.source}: all {len(examples)} scores are {examples.scores[0]:g}; expected "
            "at least two different ones, or there is nothing to learn"
        )
    if options.loss_of("similarity") != "CosineSimilarityLoss":
        return  # only their order counts
    low, high = options.score_range or (-1.0, 1.0)
    odd = next((score for score in examples.scores if not low <= score <= high), None)
    if odd is not None:
        raise InputError(
            f"{examples.source}: the score {odd:g} lies outside of {low:g} to {high:g}, which "
            "CosineSimilarityLoss learns; say the scores' own range, as in --score-range 0 5"
        )


def _plain(files: Sequence[str], reading: InputOptions, known: set[tuple[str, ...]]) -> Records:
    """Distinct texts that are not blank, in order."""
    inputs = Inputs([str(Path(file)) for file in files], reading)
    inputs.check()
    seen: dict[str, None] = {}
    blank = duplicates = 0
    for batch in inputs.batches():
        for text in batch.records[reading.text_column].to_pylist():
            if not text or text.isspace():
                blank += 1
                continue
            duplicates += text in seen
            seen.setdefault(text)
    if not seen:
        raise InputError(f"{', '.join(files)}: no record has a text; there is nothing to learn")
    forbidden = {text for key in known for text in key}
    kept = tuple(text for text in seen if folded(text) not in forbidden)
    _warn(len(seen) - len(kept), len(seen))
    return Records(
        "mlm",
        tuple(inputs.sources),
        texts=kept,
        left_out=len(seen) - len(kept),
        duplicates=duplicates,
        blank=blank,
    )


def scaled(examples: Examples, options: TrainOptions) -> Examples:
    """With scores as the loss takes them."""
    if examples.task != "similarity" or options.score_range is None:
        return examples
    low, high = options.score_range
    return replace(examples, scores=tuple((s - low) / (high - low) for s in examples.scores))
