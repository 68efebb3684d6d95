"""Measures of vectors by known answers, each a dictionary of numbers of which more is better.

They are those of sentence-transformers' evaluators and of MTEB, by SciPy and scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.exact import search
from embedpipe.encoder.similarity import pairwise
from embedpipe.errors import InputError

__all__ = [
    "check_labels",
    "check_scores",
    "clustering",
    "probe",
    "retrieval",
    "similarity",
    "split",
]

Floats = npt.NDArray[Any]
_EXTRA = "evaluate"
_MOST_STEPS = 2000  # of the logistic regression's solver
_STARTS = 10  # of k-means
_CUTS = (1, 5, 10)


def similarity(first: Floats, second: Floats, scores: Sequence[float]) -> dict[str, float]:
    """Spearman's and Pearson's correlation of the cosines of rows (n, D) with n scores.

    >>> found = similarity(np.eye(3), np.array([[1.0, 0, 0], [1, 1, 0], [1, 0, 0]]), [3, 2, 1])
    >>> round(found["spearman"], 3), round(found["pearson"], 3)
    (1.0, 0.973)
    """
    cosines = pairwise(first.astype(np.float64), second.astype(np.float64))
    if np.ptp(cosines) == 0:
        return {"spearman": 0.0, "pearson": 0.0}  # the model tells no pair from another
    stats = require("scipy.stats", "a correlation", extra=_EXTRA)
    return {
        "spearman": float(stats.spearmanr(cosines, scores).statistic),
        "pearson": float(stats.pearsonr(cosines, scores).statistic),
    }


def retrieval(queries: Floats, documents: Floats, relevant: Sequence[set[int]]) -> dict[str, float]:
    """How well queries (n, D) find their documents among all (m, D) by cosine.

    relevant: for each query the rows of what it should find, at least one. accuracy@1: whether the
    first found is one of them; recall@k: how many of them are among the first k; mrr@10: 1 / the
    rank of the first one; ndcg@10: each counts 1 / log2(rank + 1), of the most that can be had. All
    are means over queries.

    >>> retrieval(np.eye(2), np.array([[1.0, 0.2], [1.0, 0.1]]), [{0}, {0}])["mrr@10"]
    0.75
    """
    found = search(documents, queries, k=max(_CUTS)).rows
    hits = np.zeros(found.shape, np.bool_)
    for i, rows in enumerate(relevant):
        hits[i] = [row in rows for row in found[i].tolist()]
    return _ranked(hits, np.array([len(rows) for rows in relevant]))


def _ranked(hits: npt.NDArray[np.bool_], counts: npt.NDArray[np.int_]) -> dict[str, float]:
    """The means of `retrieval`; hits: (n, k) by rank; counts: how many each query could find."""
    ranks = np.arange(1, hits.shape[1] + 1)
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    gains = 1 / np.log2(ranks + 1)
    ideal = np.cumsum(1 / np.log2(np.arange(1, max(_CUTS) + 1) + 1))
    best = ideal[np.minimum(counts, max(_CUTS)) - 1]
    made = {"accuracy@1": float(hits[:, 0].mean())}
    for cut in _CUTS:
        made[f"recall@{cut}"] = float((hits[:, :cut].sum(axis=1) / counts).mean())
    made["mrr@10"] = float(first.mean())
    made["ndcg@10"] = float(((hits * gains).sum(axis=1) / best).mean())
    return made


def split(
    labels: Sequence[str], source: str, *, seed: int, share: float = 0.2
) -> tuple[list[int], list[int]]:
    """Rows to learn from and rows to test on, a fifth of each label; the same for a seed.

    InputError for labels of one class, and for one that has a single record.

    >>> [len(rows) for rows in split(["a", "b"] * 10, "texts", seed=0)]
    [16, 4]
    """
    check_labels(labels, source, fewest=2)
    selection = require("sklearn.model_selection", "a split by labels", extra=_EXTRA)
    size = max(round(share * len(labels)), len(set(labels)))
    train, test = selection.train_test_split(
        np.arange(len(labels)), test_size=size, random_state=seed, stratify=np.array(labels)
    )
    return sorted(train.tolist()), sorted(test.tolist())


def check_scores(scores: Sequence[float], source: str) -> None:
    """InputError for fewer than two different scores, with which nothing correlates."""
    if len(set(scores)) < 2:
        raise InputError(
            f"{source}: all {len(scores)} scores are {scores[0]:g}; expected at least two "
            "different ones"
        )


def check_labels(labels: Sequence[str], source: str, *, fewest: int = 1) -> None:
    """InputError for labels of one class, and for one with fewer than so many records."""
    names, counts = np.unique(np.array(labels), return_counts=True)
    if len(names) < 2:
        raise InputError(
            f"{source}: all {len(labels)} labels are {str(names[0])!r:.60}; expected at least two "
            "classes"
        )
    if counts.min() < fewest:
        raise InputError(
            f"{source}: the label {str(names[counts.argmin()])!r:.60} stands at {counts.min()} "
            f"record; expected at least {fewest} of each; add some, or leave it out"
        )


def probe(
    vectors: Floats, labels: Sequence[str], tested: Floats, answers: Sequence[str], *, seed: int
) -> dict[str, float]:
    """What a logistic regression on vectors (n, D) with n labels tells of others (m, D).

    accuracy; f1: macro-averaged; majority: the accuracy of the label that is the most frequent.
    """
    linear = require("sklearn.linear_model", "a linear probe", extra=_EXTRA)
    measures = require("sklearn.metrics", "a linear probe", extra=_EXTRA)
    model = linear.LogisticRegression(max_iter=_MOST_STEPS, random_state=seed)
    said = model.fit(vectors, labels).predict(tested)
    names, counts = np.unique(np.array(labels), return_counts=True)
    usual = names[counts.argmax()]
    return {
        "accuracy": float(measures.accuracy_score(answers, said)),
        "f1": float(measures.f1_score(answers, said, average="macro")),
        "majority": float(np.mean(np.array(answers) == usual)),
    }


def clustering(vectors: Floats, labels: Sequence[str], *, seed: int) -> dict[str, float]:
    """V-measure of as many clusters of vectors (n, D) by k-means as there are labels."""
    cluster = require("sklearn.cluster", "clustering", extra=_EXTRA)
    measures = require("sklearn.metrics", "clustering", extra=_EXTRA)
    means = cluster.KMeans(len(set(labels)), random_state=seed, n_init=_STARTS)
    return {"v_measure": float(measures.v_measure_score(labels, means.fit_predict(vectors)))}
