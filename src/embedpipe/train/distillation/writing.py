"""Writes a student that has learned, with its card, and measures it by the engine."""

from __future__ import annotations

from typing import Any

import torch

from embedpipe._version import __version__
from embedpipe.encoder import Encoder
from embedpipe.engine.precision import Precision
from embedpipe.output import AtomicDirectory
from embedpipe.train.distillation.card import Quality, card_files
from embedpipe.train.distillation.export import student_model, write_student
from embedpipe.train.distillation.plan import Plan
from embedpipe.train.distillation.preparing import Prepared
from embedpipe.train.distillation.teacher import own_vectors
from embedpipe.train.distillation.texts import TrainingTexts

__all__ = ["write_result"]

_PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


def write_result(
    folder: AtomicDirectory, plan: Plan, texts: TrainingTexts, ready: Prepared
) -> list[Quality]:
    """Write all files; the figures of the teacher, then of the student in each precision."""
    model = student_model(
        ready.student,
        ready.vocabulary,
        plan.max_length,
        lowercase=plan.base.model.usage.lowercase,
    )
    write_student(folder, model)
    quality = [_quality(plan.teacher, "the teacher", ready)]
    for precision in _PRECISIONS:
        made = Encoder.load(folder.temporary, precision=precision, threads=plan.threads)
        quality.append(_quality(made, folder.path.name, ready))
    record = _record(folder.path.name, plan, texts, ready, quality)
    for name, content in card_files(record, ready.learning.curve).items():
        folder.write(name, [content])
    return quality


def _quality(encoder: Encoder, name: str, ready: Prepared) -> Quality:
    vectors = own_vectors(encoder, ready.scoring.texts)
    closeness = ready.scoring.closeness(vectors)
    return Quality(name, encoder.precision, ready.scoring.of(vectors), closeness)


def _record(
    name: str, plan: Plan, texts: TrainingTexts, ready: Prepared, quality: list[Quality]
) -> dict[str, Any]:
    learning, options = ready.learning, plan.options
    return {
        "name": name,
        "teacher": {"name": plan.teacher.name, "precision": plan.teacher.precision},
        "student": {
            "layers": plan.shape.layers,
            "hidden": plan.shape.hidden,
            "pieces": len(ready.vocabulary),
            "parameters": sum(p.numel() for p in ready.student.module.parameters()),
            "max_length": plan.max_length,
            "dimension": plan.teacher.dimension,
            "origin": _origin(plan, ready.layers),
        },
        "data": {
            "sources": list(texts.sources),
            "texts": len(texts.texts),
            "empty": texts.empty,
            "duplicates": texts.duplicates,
            "from_development": texts.from_development,
            "digest": texts.digest,
        },
        "learning": {
            "loss": options.loss,
            "weights": list(options.weights),
            "temperature": options.temperature,
            "batch": options.batch,
            "learning_rate": plan.rate,
            "seed": options.seed,
            "threads": plan.threads,
            "step": learning.step,
            "steps": learning.steps,
            "seen": learning.seen,
            "best_step": learning.best_step,
            "best_score": learning.best_score,
        },
        "score_name": ready.scoring.name,
        "quality": [list(row) for row in quality],
        "versions": {"embedpipe": __version__, "torch": str(torch.__version__)},
    }


def _origin(plan: Plan, layers: tuple[int, ...]) -> str:
    if layers:
        return f"the layers {', '.join(map(str, layers))} and the tables of {plan.base.name}"
    if plan.base.config.hidden_size == plan.shape.hidden:
        return f"the tables of {plan.base.name}"
    return f"the tables of {plan.base.name}, cut to {plan.shape.hidden} directions (PCA)"
