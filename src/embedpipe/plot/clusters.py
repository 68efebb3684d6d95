"""Clusters of vectors, and the words that tell each from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.plot.projection import unit_rows

__all__ = ["cluster", "cluster_words", "usual_count"]

_MOST = 12  # that people tell apart by color
_WORD = r"(?u)\b[^\W\d_]{2,}\b"


def usual_count(n: int) -> int:
    """How many clusters n records get unless it is said."""
    return int(min(_MOST, max(1, round((n / 2) ** 0.5))))


def cluster(vectors: npt.NDArray[np.float32], count: int, *, seed: int = 0) -> npt.NDArray[np.int_]:
    """The cluster of each vector (n, D), numbered from the largest: k-means on directions.

    >>> cluster(np.float32([[1, 0], [0, 1], [2, 0.1]]), 2).tolist()
    [0, 1, 0]
    """
    rows = unit_rows(vectors)
    count = min(count, len(np.unique(rows, axis=0)))
    module = require("sklearn.cluster", "a map's clusters", extra="plot")
    kind: Any = module.MiniBatchKMeans if len(rows) > 20_000 else module.KMeans
    labels = kind(count, random_state=seed, n_init=4).fit_predict(rows)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    numbers: npt.NDArray[np.int_] = np.argsort(order)[labels]
    return numbers


def cluster_words(
    texts: Sequence[str], labels: npt.NDArray[np.int_], *, words: int = 3
) -> list[str]:
    """A name for each cluster: its most telling words, by class-based tf-idf.

    That is the frequency of a word in the cluster, times log(1 + A / f): f is its frequency in all
    clusters together, A the mean number of words of a cluster (Grootendorst, BERTopic, 2022).

    >>> texts = ["a red apple", "an apple pie", "the night train", "a train station"]
    >>> cluster_words(texts, np.array([0, 0, 1, 1]), words=1)
    ['apple', 'train']
    """
    module = require("sklearn.feature_extraction.text", "names of clusters", extra="plot")
    count = int(labels.max()) + 1
    counter = module.CountVectorizer(
        token_pattern=_WORD, stop_words="english", max_features=50_000, dtype=np.float64
    )
    joined = _joined(texts, labels, count)
    try:
        counts = counter.fit_transform(joined)
    except ValueError:  # no text has a word that counts
        return [f"cluster {number + 1}" for number in range(count)]
    vocabulary = counter.get_feature_names_out()
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    weight = np.log1p(sizes.mean() / np.asarray(counts.sum(axis=0)).ravel())
    names = []
    for number in range(count):
        row = counts[number]
        scores = row.data / max(sizes[number], 1) * weight[row.indices]
        # the stable order, so that equal scores give the same name everywhere
        best = sorted(zip(-scores, vocabulary[row.indices], strict=True))[:words]
        names.append(", ".join(word for _, word in best) or f"cluster {number + 1}")
    return names


def _joined(texts: Sequence[str], labels: npt.NDArray[np.int_], count: int) -> list[str]:
    parts: list[list[str]] = [[] for _ in range(count)]
    for text, label in zip(texts, labels.tolist(), strict=True):
        parts[label].append(text)
    return ["\n".join(part) for part in parts]
