"""`train`: reads and checks, begins or goes on, and writes the model when it is complete."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedpipe._dependencies import require
from embedpipe.encoder import Encoder
from embedpipe.errors import ParameterError
from embedpipe.evaluation import Evaluation, Examples, Task, read_examples
from embedpipe.evaluation.measuring import Measurement
from embedpipe.files.input_options import InputOptions
from embedpipe.output import AtomicDirectory, check_output
from embedpipe.train.tuning.card import card_files
from embedpipe.train.tuning.options import TrainOptions, TrainTask
from embedpipe.train.tuning.records import Records, read_records
from embedpipe.train.tuning.run import Run
from embedpipe.train.tuning.work import Work
from embedpipe.train.unfinished import note_output

__all__ = ["TrainSummary", "train"]


@dataclass(frozen=True)
class TrainSummary:
    """What was made.

    records: how many were learned from. steps: how many batches, those before an interruption among
    them; resumed: after which of them it went on, 0 if it began. best_step: the one whose weights
    were kept, None for the last. measured: of the base and of the model on the development data, in
    float32 and int8; none without.
    """

    output: str
    task: TrainTask
    records: int
    steps: int
    resumed: int
    best_step: int | None
    seconds: float
    measured: tuple[Evaluation, ...]


def train(  # noqa: PLR0913 - all but three are keywords with defaults
    base: str | os.PathLike[str],
    data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    options: TrainOptions | None = None,
    *,
    task: TrainTask | None = None,
    columns: Sequence[str] | None = None,
    development: str | os.PathLike[str] | None = None,
    reading: InputOptions | None = None,
    overwrite: bool = False,
    restart: bool = False,
    progress: bool = False,
) -> TrainSummary:
    """Fine-tune a model, and write it as a folder that all libraries open.

    Args:
        base: a name or folder for `Encoder.load`.
        data: one or several files, as `embedpipe.evaluation.read_examples` takes them; with the
            task "mlm" any files of texts.
        output: the folder to make.
        task: "similarity", "retrieval", "classification" or "mlm"; None takes what the columns'
            names tell. columns: their names, in the order of the task.
        development: a file with answers, whose score chooses the weights that are kept, and which
            tells what was gained.
        overwrite: whether a folder that is there is replaced. restart: throw away what an
            unfinished run left; otherwise the same call goes on where it was.
        progress: show a bar on standard error.

    Raises what `read_examples` and `Encoder.load` do, ParameterError for what does not fit
    together, OutputError for an output that exists and for an unfinished run of other settings,
    TrainingError for a loss that is no finite number, and MissingDependencyError without the extra
    `train`, of which a classification with a frozen head needs scikit-learn alone.

    Warns TrainingDataWarning of records that stand in the development data, too.
    """
    options = options or TrainOptions()
    if options.patience is not None and development is None and task != "mlm":
        raise ParameterError(
            f"patience {options.patience}: without a score there is nothing to wait for; name "
            "development data"
        )
    files = [os.fspath(f) for f in ([data] if isinstance(data, (str, os.PathLike)) else data)]
    inputs = [*files, *([] if development is None else [development])]
    check_output(output, overwrite=overwrite, folder=True, inputs=[*inputs, base])
    reading = reading or InputOptions()
    examples = None if development is None else _development(development, task, reading)
    records = read_records(files, task, columns, reading, options, examples)
    if records.task != "classification" or options.head != "frozen":
        for package in ("torch", "sentence_transformers", "datasets", "accelerate"):
            require(package, "embedpipe train", extra="train")
    run = Run(
        base=Encoder.load(base, threads=options.threads),
        output=Path(output),
        options=options,
        records=records,
        development=None if examples is None else _measurement(examples, records, options),
        progress=progress,
    )
    began = time.monotonic()
    work = Work(run.output, run.settings)
    target = AtomicDirectory(output, replace=overwrite)  # which it checks
    with work.held(restart=restart):
        told, write = run.learn(work)
        resumed = told.pop("resumed")  # which is no part of what was made
        note_output(work.folder, target.temporary)
        with target as folder:
            write(folder)
            measured = run.measured(folder.temporary)
            for name, content in card_files(run.record(told), measured).items():
                folder.write(name, [content])
    work.remove()
    return TrainSummary(
        str(output),
        records.task,
        len(records),
        told["step"],
        resumed,
        told["best_step"],
        time.monotonic() - began,
        tuple(measured),
    )


def _development(
    path: str | os.PathLike[str], task: TrainTask | None, reading: InputOptions
) -> Examples:
    """Its columns have the usual names, as the training data may be of another task."""
    only: Task | None = "classification" if task == "classification" else None
    return read_examples(path, task=only, reading=reading)


def _measurement(examples: Examples, records: Records, options: TrainOptions) -> Measurement:
    learned = None
    if records.task == "classification":
        if examples.task != "classification":
            raise ParameterError(
                f"{examples.source}: found {examples.task}; a classifier is tested on labeled texts"
            )
        learned = records.examples[0]
    return Measurement.of(examples, learned, seed=options.seed)
