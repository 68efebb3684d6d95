"""Models by data: each text embedded once per model and precision, then what its task measures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import ModelOptions
from embedpipe.encoder import Encoder
from embedpipe.engine.precision import AskedPrecision
from embedpipe.errors import ParameterError
from embedpipe.evaluation.columns import Task
from embedpipe.evaluation.examples import Examples, read_examples
from embedpipe.evaluation.measuring import Measurement, Role
from embedpipe.files.input_options import InputOptions
from embedpipe.progress import Progress

__all__ = ["Data", "Evaluation", "Model", "evaluate"]

Model = str | os.PathLike[str] | Encoder
Data = str | os.PathLike[str] | Examples

_AT_ONCE = 2048  # texts between two looks at the bar


@dataclass(frozen=True)
class Evaluation:
    """What one model in one precision gave on one file.

    precision: in which it was computed. records: how many were measured on, passed_over: how many
    were not, as a text or the answer was missing. metrics: by name, of 1 at best.
    """

    model: str
    precision: str
    dimension: int
    data: str
    task: Task
    records: int
    passed_over: int
    metrics: Mapping[str, float]


def evaluate(  # noqa: PLR0913 - all but two are keywords with defaults
    models: Model | Sequence[Model],
    data: Data | Sequence[Data],
    *,
    task: Task | None = None,
    columns: Sequence[str] | None = None,
    learned_from: Data | None = None,
    precisions: Sequence[AskedPrecision] = (),
    seed: int = 0,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    progress: bool = False,
) -> list[Evaluation]:
    """Measure models on files with known answers, or on `Examples`.

    Args:
        models: names, folders or encoders, one or several.
        data: files or `Examples`, one or several.
        task, columns, reading: how files are read, see `read_examples`.
        learned_from: what the probe of a classification learns; without, four fifths of `data`
            by `seed`, and the rest is the test.
        precisions: as for `Encoder.load`; none for that of each model, which is float32 unless an
            encoder in another is given.
        seed: of splits, of the probe and of k-means.
        embedding: pooling, normalization, prompt and threads; its model is ignored.
        progress: show a bar on standard error.

    Returns results by data, then by model, then by precision. Texts of a model with prompts get
    those: of retrieval the query's and the document's. Raises what `read_examples` and
    `Encoder.load` do, InputError for data that measures nothing, such as labels of one class, and
    MissingDependencyError without the extra `evaluate` where a task needs it.

    >>> texts = ["a red apple", "an apple pie", "the night train", "a train station"] * 3
    >>> fruit = Examples.labeled(texts, ["food", "food", "travel", "travel"] * 3, "clustering")
    >>> [(found.precision, round(found.metrics["v_measure"], 2))
    ...  for found in evaluate("all-MiniLM-L6-v2", fruit, precisions=["float32", "int8"])]
    [('float32', 1.0), ('int8', 1.0)]
    """
    files: list[Data] = [data] if isinstance(data, (str, os.PathLike, Examples)) else [*data]
    names = [models] if isinstance(models, (str, os.PathLike, Encoder)) else [*models]
    if not files or not names:
        raise ParameterError("nothing to evaluate: expected at least one model and one file")
    read = [_examples(each, task, columns, reading) for each in files]
    learned = None if learned_from is None else _examples(learned_from, task, columns, reading)
    measured = [Measurement.of(examples, learned, seed=seed) for examples in read]
    options = replace(embedding or ModelOptions(), precision=None)
    loaded = [Embedder.load(replace(options, model=_loadable(model))) for model in names]
    made: dict[tuple[int, int, int], Evaluation] = {}
    for m, model in enumerate(names):
        embedder = loaded.pop(0)  # what is computed with goes with it
        for p, precision in enumerate(precisions or (embedder.encoder.precision,)):
            ready = replace(embedder, encoder=embedder.encoder.with_precision(precision))
            for d, each in enumerate(measured):
                result = _measured(each, ready, options, progress=progress)
                made[d, m, p] = replace(result, model=_name(model))
    return [made[key] for key in sorted(made)]


def _loadable(model: Model) -> str | Encoder:
    return model if isinstance(model, Encoder) else os.fspath(model)


def _name(model: Model) -> str:
    """As it was asked for, so that two folders of one name can be told apart."""
    return model.name if isinstance(model, Encoder) else os.fspath(model)


def _measured(
    measurement: Measurement, embedder: Embedder, options: ModelOptions, *, progress: bool
) -> Evaluation:
    by_role = {
        "text": embedder,
        "query": embedder.for_queries(options),
        "document": embedder.for_documents(),
    }
    label = f"{embedder.encoder.name} {embedder.encoder.precision}"
    with Progress(unit="texts", label=label, shown=progress, leave=False) as bar:

        def vectors(texts: list[str], role: Role) -> npt.NDArray[np.float32]:
            made = np.empty((len(texts), embedder.dimension), np.float32)
            for begin in range(0, len(texts), _AT_ONCE):
                part = texts[begin : begin + _AT_ONCE]
                made[begin : begin + len(part)] = by_role[role].embed(part).values
                bar.advance(len(part))
            return made

        found = measurement.by(vectors)
    examples = measurement.examples
    return Evaluation(
        model=embedder.encoder.name,
        precision=embedder.encoder.precision,
        dimension=embedder.dimension,
        data=examples.source,
        task=examples.task,
        records=len(examples),
        passed_over=examples.passed_over,
        metrics=found,
    )


def _examples(
    data: Data, task: Task | None, columns: Sequence[str] | None, reading: InputOptions | None
) -> Examples:
    if isinstance(data, Examples):
        return data
    return read_examples(data, task=task, columns=columns, reading=reading)
