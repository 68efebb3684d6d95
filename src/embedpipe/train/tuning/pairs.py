"""Learning from pairs and triplets, by sentence-transformers' trainer and losses."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)

from embedpipe.errors import ParameterError
from embedpipe.evaluation import Examples
from embedpipe.evaluation.measuring import MAIN, Measurement, Role
from embedpipe.train.tuning.loop import Careful, arguments, learn, prepared
from embedpipe.train.tuning.options import TrainOptions
from embedpipe.train.tuning.work import Work

__all__ = ["learn_pairs", "opened", "rates_by_layer"]

_PER_EVALUATION = 64  # texts that are embedded at once


class _Trainer(Careful, SentenceTransformerTrainer):  # type: ignore[misc]
    def get_batch_sampler(self, dataset: Any, **given: Any) -> Any:
        """Texts that stand twice in a batch are wrong answers to themselves where all others are
        wrong ones. Of pairs with scores such batches are whole, or records would be left out."""
        if "score" in dataset.column_names:
            return super().get_batch_sampler(dataset, **given)
        return NoDuplicatesBatchSampler(dataset, **given)

    def add_model_card_callback(self, default_args_dict: Any) -> None:
        """None: our own card is written at the end."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        """Without sentence-transformers' card, which embeds examples each time."""
        path = output_dir or self.args.output_dir
        self.model.save_pretrained(path, create_model_card=False)


class _Development(BaseEvaluator):  # type: ignore[misc]
    """The measure of the development data, by the model as it is at that step."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__()
        self.measurement = measurement
        self.primary_metric = MAIN[measurement.examples.task]

    def __call__(self, model: Any, *_: Any, **__: Any) -> dict[str, float]:
        was = model.training
        model.eval()

        def vectors(texts: list[str], role: Role) -> npt.NDArray[Any]:
            encode = {"query": model.encode_query, "document": model.encode_document}
            given = {"batch_size": _PER_EVALUATION, "show_progress_bar": False}
            return np.asarray(encode.get(role, model.encode)(texts, **given))

        found = self.measurement.by(vectors)
        model.train(was)
        return found


def opened(folder: Path, options: TrainOptions) -> SentenceTransformer:
    """The model of a folder, where it is to learn; seeds are set."""
    prepared(options)
    device = "cpu" if options.device == "cpu" else None
    model = SentenceTransformer(os.fspath(folder), device=device, local_files_only=True)
    if options.max_length is not None:
        model.max_seq_length = min(options.max_length, model.max_seq_length)
    return model


def learn_pairs(  # noqa: PLR0913
    model: SentenceTransformer,
    examples: Iterable[Examples],
    options: TrainOptions,
    work: Work,
    *,
    development: Measurement | None,
    progress: bool,
) -> dict[str, Any]:
    """Train the model in place; what `loop.learn` tells.

    Each file is a data set with the loss of its task; batches hold records of one of them, in
    proportion to their sizes.
    """
    sets, found_losses = {}, {}
    for number, each in enumerate(examples):
        for name, data in _datasets(f"{number}", each):
            sets[name] = data
            found_losses[name] = getattr(losses, options.loss_of(each.task))(model)  # type: ignore[arg-type]
    metric = None if development is None else f"eval_{MAIN[development.examples.task]}"
    records = sum(map(len, sets.values()))
    rate = options.rate("similarity")
    given = arguments(options, work, rate=rate, records=records, metric=metric)
    args = SentenceTransformerTrainingArguments(
        **given,
        learning_rate_mapping=rates_by_layer(model, rate, options.layer_decay),
        prompts=_prompts(model),
    )
    trainer = _Trainer(
        model=model,
        args=args,
        train_dataset=DatasetDict(sets),
        loss=found_losses,
        evaluator=None if development is None else _Development(development),
    )
    told = learn(trainer, options, work, progress=progress)
    names = ", ".join(dict.fromkeys(type(loss).__name__ for loss in found_losses.values()))
    told["lines"].insert(0, f"Loss: {names}, of sentence-transformers.")
    return told


def _datasets(name: str, examples: Examples) -> Iterable[tuple[str, Dataset]]:
    """One, or one for each number of negatives that records have."""
    if examples.task == "similarity":
        first, second = examples.texts
        columns = {"sentence1": first, "sentence2": second, "score": list(examples.scores)}
        yield name, Dataset.from_dict(columns)
        return
    names = ["anchor", "positive", *(f"negative_{i}" for i in range(1, len(examples.texts) - 1))]
    by_size: dict[int, list[list[str]]] = {}
    for row in zip(*examples.texts, strict=True):
        present = [text for text in row if text]
        by_size.setdefault(len(present), []).append(present)
    for size, rows in sorted(by_size.items(), reverse=True):
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=False))
        yield f"{name}-{size}", Dataset.from_dict(columns)


def _prompts(model: SentenceTransformer) -> dict[str, str]:
    """What is put before each column, as it will be when the model is used."""
    usual = model.prompts.get(model.default_prompt_name or "", "") or ""
    query = model.prompts.get("query") or usual
    document = model.prompts.get("document") or usual
    found = {"sentence1": usual, "sentence2": usual, "anchor": query, "positive": document}
    found |= {f"negative_{number}": document for number in range(1, 100)}
    return {name: prompt for name, prompt in found.items() if prompt}


def rates_by_layer(model: Any, rate: float, decay: float) -> dict[str, float]:
    """A pattern for the weights of each layer, and its rate: less by `decay` for each below.

    The last layer has the whole rate, the embeddings that below the first one's. Raises
    ParameterError for no layers, and for those that share their weights, which have one rate.
    """
    if decay == 1:
        return {}
    numbers = {
        int(part[0])
        for name, _ in model.named_parameters()
        for part in [name.partition(".layer.")[2].split(".")]
        if part[0].isdigit()
    }
    if not numbers:
        raise ParameterError(
            f"layer_decay {decay:g}: this model has no layers, or they share their weights; leave "
            "it out"
        )
    count = max(numbers) + 1
    found = {rf"\.layer\.{n}\.": rate * decay ** (count - 1 - n) for n in range(count)}
    return {r"\bembeddings\.": rate * decay**count, **found}
