"""Learning by transformers' own Trainer: masked words, and a classifier with all its weights."""

from __future__ import annotations

import random
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from embedpipe.errors import InputError
from embedpipe.evaluation import Examples
from embedpipe.train.tuning.loop import Careful, arguments, learn, prepared
from embedpipe.train.tuning.options import TrainOptions
from embedpipe.train.tuning.pairs import rates_by_layer
from embedpipe.train.tuning.work import Work

__all__ = ["learn_labels", "learn_masked_words"]

_HELD_OUT, _MOST_HELD_OUT = 0.05, 1000


class _Trainer(Careful, Trainer):  # type: ignore[misc]
    """With a rate for each layer, where that was asked for."""

    optimizer: Any
    rates: dict[str, float] | None = None

    def create_optimizer(self, *given: Any, **named: Any) -> Any:
        """AdamW, as transformers makes it; weights of each layer as a group with its rate."""
        if not self.rates or self.optimizer is not None:
            return super().create_optimizer(*given, **named)
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        decayed = set(self.get_decay_parameter_names(self.model))
        groups: dict[tuple[float, float], list[Any]] = {}
        for name, weight in self.model.named_parameters():
            rate = _rate(name, self.rates, self.args.learning_rate)
            decay = self.args.weight_decay if name in decayed else 0.0
            groups.setdefault((rate, decay), []).append(weight)
        listed = [
            {"params": weights, "lr": rate, "weight_decay": decay}
            for (rate, decay), weights in groups.items()
        ]
        self.optimizer = kind(listed, **options)
        return self.optimizer


class _Hiding(DataCollatorForLanguageModeling):  # type: ignore[misc]
    """Hides pieces, at least one of a batch, by its contents and the seed alone: batches are made
    ahead of steps, so that a state of chance kept with a step would not tell which were drawn."""

    def torch_mask_tokens(
        self, inputs: Any, special_tokens_mask: Any = None, offset_mapping: Any = None
    ) -> tuple[Any, Any]:
        """The pieces without the hidden ones, and those."""
        whole = inputs.clone()
        content = blake2b(whole.numpy().tobytes() + repr(self.seed).encode(), digest_size=7)
        self.generator = torch.Generator().manual_seed(int(content.hexdigest(), 16))
        shown, hidden = super().torch_mask_tokens(inputs, special_tokens_mask, offset_mapping)
        if not bool((hidden >= 0).any()):
            ordinary = ~torch.isin(whole, torch.tensor(self.tokenizer.all_special_ids))
            row, place = ordinary.nonzero()[0].tolist()
            hidden[row, place] = whole[row, place]
            shown[row, place] = self.tokenizer.mask_token_id
        return shown, hidden


def learn_masked_words(  # noqa: PLR0913
    folder: Path,
    texts: tuple[str, ...],
    options: TrainOptions,
    work: Work,
    *,
    max_length: int,
    progress: bool,
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The encoder's weights, by transformers' names, and what `loop.learn` tells.

    A twentieth of the texts, at most 1,000, is held out; the weights whose loss there is the least
    are kept.
    """
    prepared(options)
    if options.random:
        model = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(folder))
    else:
        model = AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    order = list(texts)
    random.Random(options.seed).shuffle(order)  # noqa: S311 - nothing secret
    count = min(round(len(order) * _HELD_OUT), _MOST_HELD_OUT)
    length = min(options.max_length or max_length, max_length)
    sets = [_pieces(tokenizer, part, length) for part in (order[count:], order[:count])]
    if not len(sets[0]):
        raise InputError("no text has a piece that could be hidden; there is nothing to learn")
    metric = "eval_loss" if len(sets[1]) else None
    rate = options.rate("mlm")
    trainer = _Trainer(
        model=model,
        args=_arguments(options, work, rate, len(sets[0]), metric),
        train_dataset=sets[0],
        eval_dataset=sets[1] if metric else None,
        data_collator=_Hiding(tokenizer, mlm_probability=options.mask, seed=options.seed),
        processing_class=tokenizer,
    )
    trainer.rates = rates_by_layer(model, rate, options.layer_decay)
    told = learn(trainer, options, work, progress=progress)
    told["lines"].insert(
        0,
        f"{options.mask:.0%} of all pieces hidden and guessed"
        f"{', from random weights' * options.random}; {len(sets[1]):,} texts held out.",
    )
    return model.base_model.state_dict(), told


def learn_labels(  # noqa: PLR0913
    folder: Path,
    examples: Examples,
    options: TrainOptions,
    work: Work,
    *,
    development: Examples | None,
    max_length: int,
    progress: bool,
) -> tuple[Any, list[str], dict[str, Any]]:
    """transformers' classifier, its labels in order, and what `loop.learn` tells."""
    prepared(options)
    labels = sorted(set(examples.labels))
    numbers = {label: number for number, label in enumerate(labels)}
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(labels), id2label=dict(enumerate(labels)), label2id=numbers
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    length = min(options.max_length or max_length, max_length)
    known = [
        None if each is None else _labeled(tokenizer, each, numbers, length)
        for each in (examples, development)
    ]
    metric = None if development is None else "eval_accuracy"
    rate = options.rate("classification")
    trainer = _Trainer(
        model=model,
        args=_arguments(options, work, rate, len(examples), metric),
        train_dataset=known[0],
        eval_dataset=known[1],
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=_accuracy,
    )
    trainer.rates = rates_by_layer(model, rate, options.layer_decay)
    told = learn(trainer, options, work, progress=progress)
    told["lines"].insert(0, f"transformers' {type(model).__name__}, all weights learned.")
    return model, labels, told


def _arguments(
    options: TrainOptions, work: Work, rate: float, records: int, metric: str | None
) -> TrainingArguments:
    return TrainingArguments(**arguments(options, work, rate=rate, records=records, metric=metric))


def _pieces(tokenizer: Any, texts: list[str], length: int) -> Dataset:
    """Of all texts but those without a piece that may be hidden, as a special one may not."""
    given = tokenizer(texts, truncation=True, max_length=length)["input_ids"] if texts else []
    special = set(tokenizer.all_special_ids)
    kept = [ids for ids in given if not special.issuperset(ids)]
    return Dataset.from_dict({"input_ids": kept, "attention_mask": [[1] * len(x) for x in kept]})


def _labeled(tokenizer: Any, examples: Examples, numbers: dict[str, int], length: int) -> Dataset:
    """Records of labels that are not known count as wrong."""
    found = tokenizer(examples.texts[0], truncation=True, max_length=length)
    columns = {name: found[name] for name in ("input_ids", "attention_mask")}
    return Dataset.from_dict(columns | {"label": [numbers.get(x, -100) for x in examples.labels]})


def _accuracy(found: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(found.predictions.argmax(axis=1) == found.label_ids))}


def _rate(name: str, rates: dict[str, float], usual: float) -> float:
    return next((rate for pattern, rate in rates.items() if re.search(pattern, name)), usual)
