"""From texts and a plan to a student that is about to learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import SubwordTokenizer, make_tokenizer
from embedpipe.train.distillation.batches import Batches, PieceTexts
from embedpipe.train.distillation.checkpoint import Checkpoint
from embedpipe.train.distillation.development import Development
from embedpipe.train.distillation.layer_search import best_layers
from embedpipe.train.distillation.loop import Learning
from embedpipe.train.distillation.plan import Plan
from embedpipe.train.distillation.scoring import Scoring
from embedpipe.train.distillation.start import (
    fit_dense,
    make_student,
    student_config,
    usual_layers,
)
from embedpipe.train.distillation.student import Student
from embedpipe.train.distillation.teacher import TeacherVectors, own_vectors, teacher_vectors
from embedpipe.train.distillation.vocabulary import Vocabulary, cut_vocabulary

__all__ = ["Prepared", "prepare"]

Positions = npt.NDArray[np.int64]

_MOST_HELD, _HELD_SHARE = 1000, 20
_REGRESSED = 20_000


class Prepared(NamedTuple):
    """A student with all that it learns from. layers: those of `base` that it began with."""

    student: Student
    vocabulary: Vocabulary
    scoring: Scoring
    learning: Learning
    layers: tuple[int, ...]
    targets: TeacherVectors


def prepare(  # noqa: PLR0913
    plan: Plan,
    texts: list[str],
    pairs: Development | None,
    checkpoint: Checkpoint,
    *,
    cache: Path | None,
    progress: bool,
) -> Prepared:
    """Make the student, with the same bits whenever the same is asked.

    The teacher's vectors are computed for those texts alone that some step shows.
    """
    torch.manual_seed(plan.options.seed)
    options = plan.options
    vocabulary = cut_vocabulary(plan.base, texts, options.vocabulary, max_length=plan.max_length)
    tokenizer = _tokenizer(plan, vocabulary)
    pieces = PieceTexts(tokenizer, texts, plan.max_length)
    learned, held = _split(len(texts), 0 if pairs is not None else _MOST_HELD, options.seed)
    batches = Batches(pieces.lengths, learned, size=options.batch, seed=options.seed)
    steps = options.steps or batches.steps(options.epochs)
    seen = batches.rows_until(steps)
    needed = np.union1d(seen, held)
    targets = teacher_vectors(plan.teacher, texts, needed, cache=cache, progress=progress)
    scoring = _scoring(plan, texts, pairs, targets, held)
    scoring.tokenize(tokenizer, plan.max_length)
    layers = _layers(plan, vocabulary, scoring, checkpoint, progress=progress)
    student = _student(plan, vocabulary, layers)
    if student.dense is not None:
        some = _sample(seen, _REGRESSED, options.seed)
        fit_dense(student, student.encode(pieces.part(some), pooled=True), targets[some])
    learning = Learning(
        student=student,
        texts=pieces,
        targets=targets,
        batches=batches,
        scoring=scoring,
        options=options,
        steps=steps,
        rate=plan.rate,
        checkpoint=checkpoint,
        layers=list(layers),
        shown=progress,
    )
    return Prepared(student, vocabulary, scoring, learning, layers, targets)


def _tokenizer(plan: Plan, vocabulary: Vocabulary) -> SubwordTokenizer:
    """The engine's, which splits as transformers' does, many times as fast."""
    config = student_config(
        plan.base.config, 1, plan.shape.hidden, len(vocabulary), plan.max_length
    )
    return make_tokenizer(
        vocabulary.files,
        EncoderConfig.from_huggingface(config.to_dict(), source="the student"),
        source="the student",
        lower_first=plan.base.model.usage.lowercase,
    )


def _split(count: int, most: int, seed: int) -> tuple[Positions, Positions]:
    """Rows to learn from, and rows held out: at most every twentieth."""
    held = min(most, max(1, count // _HELD_SHARE))
    order = np.random.default_rng((seed, 1)).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


def _sample(rows: Positions, most: int, seed: int) -> Positions:
    return np.sort(np.random.default_rng((seed, 2)).permutation(rows)[:most])


def _scoring(
    plan: Plan,
    texts: list[str],
    pairs: Development | None,
    targets: TeacherVectors,
    held: Positions,
) -> Scoring:
    """By pairs where there are some, else by the texts held out."""
    if pairs is not None:
        return Scoring(pairs.texts, own_vectors(plan.teacher, pairs.texts), pairs)
    return Scoring([texts[row] for row in held], targets[held], None)


def _layers(
    plan: Plan,
    vocabulary: Vocabulary,
    scoring: Scoring,
    checkpoint: Checkpoint,
    *,
    progress: bool,
) -> tuple[int, ...]:
    """Those asked for, those that a search finds (or has found), or evenly spread ones."""
    options, there = plan.options, plan.base.config.num_hidden_layers
    if not plan.takes_layers:
        return ()
    if options.layers != "search":
        return options.chosen_layers or usual_layers(plan.shape.layers, there)
    begun = checkpoint.load()
    if begun is not None:
        return tuple(begun["layers"])

    def score(layers: Sequence[int]) -> float:
        return scoring(_student(plan, vocabulary, layers))

    found, _ = best_layers(plan.shape.layers, there, score, progress=progress)
    return found


def _student(plan: Plan, vocabulary: Vocabulary, layers: Sequence[int]) -> Student:
    config = student_config(
        plan.base.config,
        plan.shape.layers,
        plan.shape.hidden,
        len(vocabulary),
        plan.max_length,
    )
    dimension = plan.teacher.dimension
    return make_student(config, plan.base, vocabulary.kept, layers, dimension, plan.device)
