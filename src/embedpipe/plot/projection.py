"""Vectors to two dimensions."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.errors import ParameterError

__all__ = ["METHODS", "project", "unit_rows"]

METHODS = ("umap", "tsne", "pca")
"""By name; the first is the usual one."""

Floating = TypeVar("Floating", np.float32, np.float64)

_THREADED = 1000
_FEW = 50
"""Fewer records than this have no neighborhoods to keep, so that PCA shows all there is."""


def project(
    vectors: npt.NDArray[np.float32], *, method: str | None = None, seed: int = 0
) -> tuple[npt.NDArray[np.float32], str]:
    """Places (n, 2) of vectors (n, D) within [-1, 1], and the method, which None chooses.

    The same vectors and seed give the same places. Directions count, lengths do not. Raises
    ParameterError for an unknown method, MissingDependencyError without the packages of the extra.

    >>> places, method = project(np.eye(3, dtype=np.float32))
    >>> places.shape, method, bool(np.abs(places).max() <= 1)
    ((3, 2), 'pca', True)
    """
    if method is not None and method not in METHODS:
        raise ParameterError(f"method: found {method!r}; expected one of {', '.join(METHODS)}")
    n = len(vectors)
    method = method or ("pca" if n < _FEW else METHODS[0])
    rows = unit_rows(vectors)
    if (rows == rows[0]).all():
        places = np.zeros((n, 2), np.float32)
    elif n < 4 or method == "pca":
        places, method = _pca(rows, 2, seed), "pca"
    elif method == "tsne":
        places = _tsne(rows, seed)
    else:
        places = _umap(rows, seed)
    return _fitted(places), method


def _pca(rows: npt.NDArray[np.float32], dimensions: int, seed: int) -> npt.NDArray[np.float32]:
    n, width = rows.shape
    kept = min(dimensions, n, width)
    pca = require("sklearn.decomposition", "a map", extra="plot").PCA(kept, random_state=seed)
    places: npt.NDArray[np.float32] = np.zeros((n, dimensions), np.float32)
    places[:, :kept] = pca.fit_transform(rows)
    return places


def _tsne(rows: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    tsne = require("sklearn.manifold", "a map by t-SNE", extra="plot").TSNE
    fewer = _pca(rows, min(50, *rows.shape), seed)
    near = min(30.0, (len(rows) - 1) / 3)
    # threads that wait for each other cost more than so few records
    threads = 1 if len(rows) < _THREADED else None
    with require("threadpoolctl", "a map by t-SNE", extra="plot").threadpool_limits(threads):
        places: Any = tsne(perplexity=near, init="pca", random_state=seed).fit_transform(fewer)
    return np.asarray(places, np.float32)


def _umap(rows: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    with warnings.catch_warnings():  # of parts that are not used here
        warnings.simplefilter("ignore")
        umap = require("umap", "a map by UMAP (--method tsne and pca do not)", extra="plot").UMAP
        made = umap(
            n_neighbors=min(15, len(rows) - 1),
            min_dist=0.1,
            metric="cosine",
            init="pca",
            random_state=seed,
            n_jobs=1,  # as many as a seed allows
        )
        return np.asarray(made.fit_transform(rows), np.float32)


def unit_rows(vectors: npt.NDArray[Floating]) -> npt.NDArray[Floating]:
    """(n, D) scaled to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[Floating] = np.divide(vectors, np.where(lengths > 0, lengths, 1))
    return scaled.astype(vectors.dtype, copy=False)


def _fitted(places: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Centered, and scaled so that all but a margin of [-1, 1] is used; proportions stay."""
    low, high = places.min(axis=0), places.max(axis=0)
    scale = float((high - low).max()) / 2 or 1.0
    fitted: npt.NDArray[np.float32] = (places - (low + high) / 2) / np.float32(scale / 0.92)
    return fitted
