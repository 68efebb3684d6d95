"""One fine-tuning that was checked, and what it wrote: by task, in which folder, how measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from embedpipe._version import __version__
from embedpipe.embedding.options import ModelOptions
from embedpipe.encoder import Encoder
from embedpipe.engine.precision import Precision
from embedpipe.errors import ParameterError
from embedpipe.evaluation import Evaluation, Examples, evaluate
from embedpipe.evaluation.measuring import Measurement
from embedpipe.output import AtomicDirectory
from embedpipe.train.tuning.base import write_base
from embedpipe.train.tuning.classifier import contrasts, fit_head, measured_head, write_head
from embedpipe.train.tuning.negatives import with_hard_negatives
from embedpipe.train.tuning.options import TrainOptions
from embedpipe.train.tuning.records import Records, scaled
from embedpipe.train.tuning.work import Work

__all__ = ["Run"]

_PRECISIONS: tuple[Precision, ...] = ("float32", "int8")
_PACKAGES = ("torch", "transformers", "sentence-transformers", "scikit-learn")

_AGAIN = "then give the same command again, which finds what was learned"


class Learned(NamedTuple):
    """What is told of it, see `loop.learn`, and what writes the model's files into a folder."""

    told: dict[str, Any]
    write: Callable[[AtomicDirectory], None]


@dataclass(frozen=True)
class Run:
    """What a run reads and makes."""

    base: Encoder
    output: Path
    options: TrainOptions
    records: Records
    development: Measurement | None
    progress: bool

    @property
    def settings(self) -> dict[str, Any]:
        """What the result depends on."""
        development = None
        if self.development is not None:
            development = Records("similarity", (), (self.development.examples,)).digest
        return {
            "base": self.base.name,
            "fingerprint": self.base.fingerprint,
            "task": self.records.task,
            "data": self.records.digest,
            "development": development,
            **self.options.record(),
        }

    def learn(self, work: Work) -> Learned:
        """Train; nothing is written but checkpoints."""
        if self.records.task == "classification":
            return self._learn_labels(work)
        if self.records.task == "mlm":
            return self._learn_words(work)
        examples = [scaled(each, self.options) for each in self.records.examples]
        count = self.options.hard_negatives
        if count:
            examples = [
                with_hard_negatives(each, self.base, count, progress=self.progress)
                if each.task == "retrieval"
                else each
                for each in examples
            ]
        learned = self._learn_pairs(examples, self.options, work)
        if count:
            line = f"{count} hard negatives for each pair, found by {self.base.name}."
            learned.told["lines"].insert(0, line)
        return learned

    def measured(self, made: Path) -> list[Evaluation]:
        """The base and the model in a folder on the development data, by our engine."""
        development = self.development
        if development is None:
            return []
        options = ModelOptions(threads=self.options.threads)
        models: list[tuple[str, Encoder | Path]] = [(self.base.name, self.base)]
        if self.records.task != "classification":
            models.append((self.output.name, made))
        found = []
        for name, model in models:
            results = evaluate(
                model,
                development.examples,
                learned_from=development.learned,
                precisions=_PRECISIONS,
                seed=self.options.seed,
                embedding=options,
            )
            found += [replace(each, model=name) for each in results]
        if self.records.task == "classification":
            found += measured_head(made, self.output.name, development, _PRECISIONS, options)
        return [replace(each, data=Path(each.data).name) for each in found]

    def record(self, told: dict[str, Any]) -> dict[str, Any]:
        """All that the card tells, in values that JSON can hold."""
        records = self.records
        return {
            "name": self.output.name,
            "task": records.task,
            "base": {"name": self.base.name, "fingerprint": self.base.fingerprint},
            "data": {
                "sources": [Path(source).name for source in records.sources],
                "records": len(records),
                "passed_over": records.passed_over,
                "duplicates": records.duplicates,
                "left_out": records.left_out,
                "digest": records.digest,
            },
            "options": self.options.record(),
            "learning": told,
            "versions": {"embedpipe": __version__, **_versions()},
        }

    def _begin(self, work: Work) -> Path:
        """The base as a folder for the libraries that train."""
        begin = work.base
        with AtomicDirectory(begin, replace=True) as written:
            write_base(self.base.model, written)
        return begin

    def _learn_pairs(self, examples: list[Examples], options: TrainOptions, work: Work) -> Learned:
        from embedpipe.train.tuning.pairs import learn_pairs, opened

        model = opened(self._begin(work), options)
        told = learn_pairs(
            model, examples, options, work, development=self.development, progress=self.progress
        )
        return Learned(told, partial(self._save, model))

    def _save(self, model: Any, folder: AtomicDirectory) -> None:
        """A model of sentence-transformers."""
        from embedpipe.train.tuning.loop import writing

        model.max_seq_length = self.base.max_length  # which may have been less while it learned
        tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
        if tokenizer is not None:  # how the last batch was cut and padded is no part of the model
            tokenizer.no_truncation()
            tokenizer.no_padding()
        with writing(folder.path, _AGAIN):
            model.save_pretrained(os.fspath(folder.temporary), create_model_card=False)

    def _learn_words(self, work: Work) -> Learned:
        from embedpipe.train.tuning.pairs import opened
        from embedpipe.train.tuning.sequences import learn_masked_words

        begin = self._begin(work)
        weights, told = learn_masked_words(
            begin,
            self.records.texts,
            self.options,
            work,
            max_length=self.base.max_length,
            progress=self.progress,
        )
        model = opened(begin, self.options)
        model[0].model.load_state_dict(weights, strict=False)  # its pooler takes no part in it
        return Learned(told, partial(self._save, model))

    def _learn_labels(self, work: Work) -> Learned:
        examples, options = self.records.examples[0], self.options
        if options.head == "sequence":
            return self._learn_sequence(examples, work)
        if options.head == "contrastive":
            pairs = contrasts(examples, options.seed)
            how = replace(options, losses=("CosineSimilarityLoss",), score_range=None)
            body = self._learn_pairs([pairs], how, work)
            line = f"{len(pairs):,} pairs of the same and of different labels."
            body.told["lines"].insert(0, line)
        else:
            told: dict[str, Any] = {"lines": [], "curve": [], "curve_name": "loss"}
            told |= {"step": 0, "resumed": 0, "best_step": None}
            body = Learned(told, partial(write_base, self.base.model))
        body.told["lines"].append("A logistic regression of scikit-learn on the vectors (C = 1).")

        def write(folder: AtomicDirectory) -> None:
            body.write(folder)
            made = Encoder.load(folder.temporary, threads=options.threads)
            head = fit_head(made, examples, seed=options.seed, progress=self.progress)
            write_head(folder, [*map(str, head.classes_)], head.coef_, head.intercept_)

        return Learned(body.told, write)

    def _learn_sequence(self, examples: Examples, work: Work) -> Learned:
        from embedpipe.train.tuning.loop import writing
        from embedpipe.train.tuning.sequences import learn_labels

        if self.base.config.architecture == "electra":
            raise ParameterError(
                f"{self.base.name}: ELECTRA's classifier is none on a pooler, which scikit-learn "
                "could read; take --head frozen or contrastive"
            )
        development = self.development
        model, labels, told = learn_labels(
            self._begin(work),
            examples,
            self.options,
            work,
            development=None if development is None else development.examples,
            max_length=self.base.max_length,
            progress=self.progress,
        )

        def write(folder: AtomicDirectory) -> None:
            with writing(folder.path, _AGAIN):
                model.save_pretrained(os.fspath(folder.temporary))
            for name, content in self.base.model.tokenizer_files.items():
                folder.write(name, [content])
            weight, bias = (
                part.detach().cpu().numpy()
                for part in (model.classifier.weight, model.classifier.bias)
            )
            write_head(folder, labels, weight, bias, pooling="pooler")

        return Learned(told, write)


def _versions() -> dict[str, str]:
    """Of the packages that are installed; a frozen head needs few."""
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
