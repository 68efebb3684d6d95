"""Labels: a head on vectors as they are, or on vectors that were drawn together first."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.options import ModelOptions
from embedpipe.encoder import Encoder
from embedpipe.engine.precision import Precision
from embedpipe.errors import InputError
from embedpipe.evaluation import Evaluation, Examples
from embedpipe.evaluation.measuring import Measurement
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.output import AtomicDirectory

__all__ = ["contrasts", "fit_head", "measured_head", "write_head"]

_MOST_STEPS = 2000  # of the solver
_PAIRS = 4  # of the same label, and as many of different ones, for each text


def contrasts(examples: Examples, seed: int) -> Examples:
    """Pairs of texts of one label, with the score 1, and of two labels, with 0.

    Each text is the first of four pairs of either kind, but for equal texts (Tunstall et al.,
    Efficient Few-Shot Learning Without Prompts, 2022). Raises InputError where one kind has none.

    >>> pairs = contrasts(Examples.labeled(["a", "b", "c", "d"], [0, 0, 1, 1]), 0)
    >>> {(a, b) for a, b, score in zip(*pairs.texts, pairs.scores) if score} <= {
    ...     ("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")}
    True
    """
    drawn = random.Random(seed)  # noqa: S311 - nothing secret
    texts, labels = examples.texts[0], examples.labels
    of_label: dict[str, list[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        of_label.setdefault(label, []).append(text)
    rows: list[tuple[str, str, float]] = []
    for text, label in zip(texts, labels, strict=True):
        others = [each for each in of_label if each != label]
        for _ in range(_PAIRS):
            rows.append((text, drawn.choice(of_label[label]), 1.0))
            rows.append((text, drawn.choice(of_label[drawn.choice(others)]), 0.0))
    kept = [row for row in rows if row[0] != row[1]]
    if len({row[2] for row in kept}) < 2:
        raise InputError(
            f"{examples.source}: no label has two different texts, or no two labels have; expected "
            "some of both for --head contrastive; add records, or take --head frozen"
        )
    first, second, scores = zip(*kept, strict=True)
    return Examples(examples.source, "similarity", (list(first), list(second)), tuple(scores), ())


def fit_head(encoder: Encoder, examples: Examples, *, seed: int, progress: bool) -> Any:
    """A logistic regression of scikit-learn on the vectors of the texts."""
    linear = require("sklearn.linear_model", "a classifier", extra="train")
    vectors = encoder.encode(examples.texts[0], progress=progress)
    return linear.LogisticRegression(max_iter=_MOST_STEPS, random_state=seed).fit(
        vectors, np.array(examples.labels)
    )


def write_head(
    folder: AtomicDirectory,
    labels: list[str],
    weight: npt.NDArray[Any],
    bias: npt.NDArray[Any],
    pooling: str | None = None,
) -> None:
    """Write what `embedpipe.sklearn.load_classifier` reads.

    weight: (labels, dimension); or, of two labels, (1, dimension) as scikit-learn keeps it.
    pooling: whose vectors it takes, None for the model's own.
    """
    from embedpipe.sklearn import HEAD, HEAD_WEIGHTS

    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    said = {"labels": labels, "pooling": pooling}
    folder.write(HEAD, [(json.dumps(said, indent=2) + "\n").encode()])
    tensors = {
        "weight": np.ascontiguousarray(weight, np.float32),
        "bias": np.ascontiguousarray(bias, np.float32),
    }
    folder.write(HEAD_WEIGHTS, safetensors_parts(tensors))


def measured_head(
    folder: Path,
    name: str,
    measurement: Measurement,
    precisions: tuple[Precision, ...],
    options: ModelOptions,
) -> list[Evaluation]:
    """How well the classifier in a folder tells the labels of the development data."""
    from embedpipe.sklearn import load_classifier

    measures = require("sklearn.metrics", "a classifier", extra="train")
    examples, learned = measurement.examples, measurement.learned or measurement.examples
    names, counts = np.unique(np.array(learned.labels), return_counts=True)
    answers = np.array(examples.labels)
    found = []
    for precision in precisions:
        classifier = load_classifier(
            os.fspath(folder), precision=precision, threads=options.threads
        )
        said = classifier.predict(examples.texts[0])
        encoder = classifier[0].encoder_
        found.append(
            Evaluation(
                model=name,
                precision=encoder.precision,
                dimension=encoder.dimension,
                data=examples.source,
                task="classification",
                records=len(examples),
                passed_over=examples.passed_over,
                metrics={
                    "accuracy": float(measures.accuracy_score(answers, said)),
                    "f1": float(measures.f1_score(answers, said, average="macro")),
                    "majority": float(np.mean(answers == names[counts.argmax()])),
                },
            )
        )
    return found
