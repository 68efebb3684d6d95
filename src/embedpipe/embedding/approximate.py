"""Approximate search by FAISS: vectors in lists around centers, a byte a number.

A query looks into the lists with the nearest centers. How many that must be is measured when the
lists are made, so that the neighbors that are found are those of exact search at least as often as
`RECALL` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.exact import top, unit
from embedpipe.errors import InputError

__all__ = ["LEAST_ROWS", "RECALL", "Approximate"]

LEAST_ROWS = 50_000
"""With fewer vectors exact search takes some milliseconds."""

RECALL = 0.98
"""Of the ten nearest, measured with vectors of the index itself, and with means of two of them."""

_LEAST_PROBES = 48
"""So many lists are looked into at least, for queries that are unlike all vectors."""

_SAMPLE = 128  # vectors that the recall is measured with
_TRAINED_BY = 40  # vectors for each center
_STEP = 1 << 16
_CANDIDATES = 20  # times k, of which exact products choose, as near ones differ by less than a byte


class Approximate:
    """Lists of vectors, by rows. probes: how many lists a query looks into."""

    def __init__(self, index: Any, probes: int) -> None:
        self._faiss = _faiss()
        self._index = index
        self.probes = probes

    @classmethod
    def built(cls, vectors: npt.NDArray[np.float32]) -> Approximate:
        """Lists of unit vectors (n, D), which may be mapped from a file."""
        faiss = _faiss()
        rows, dimension = vectors.shape
        lists = 1 << max(4, round(math.log2(4 * math.sqrt(rows))))
        index = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter, index.cp.seed = 6, 1
        chosen = np.random.default_rng(0).choice(
            rows, min(rows, _TRAINED_BY * lists), replace=False
        )
        index.train(np.ascontiguousarray(vectors[np.sort(chosen)]))
        found = cls(index, lists)
        found.add(vectors, 0)
        found._calibrate(vectors)
        return found

    @classmethod
    def extended(cls, path: Path, probes: int) -> Approximate:
        """From a file, in memory, to be added to."""
        return cls(_faiss().read_index(str(path)), probes)

    @classmethod
    def read(cls, path: Path, probes: int) -> Approximate:
        """From a file, whose lists are mapped; InputError if it is damaged."""
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError as error:
            raise InputError(
                f"{path} is damaged: {str(error).splitlines()[0]}; make the index anew"
            ) from error
        # Else every query starts up to 32 threads that touch the lists before they are searched,
        # which takes longer than the search.
        faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
        return cls(index, probes)

    def write(self, path: Path) -> None:
        """To a file."""
        self._faiss.write_index(self._index, str(path))

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    def add(self, vectors: npt.NDArray[np.float32], first_row: int) -> None:
        """Add unit vectors (n, D), whose rows are counted from `first_row`."""
        for begin in range(0, len(vectors), _STEP):
            block = np.ascontiguousarray(vectors[begin : begin + _STEP])
            rows = np.arange(len(block), dtype=np.int64) + first_row + begin
            self._index.add_with_ids(block, rows)

    def candidates(
        self,
        queries: npt.NDArray[np.float64],
        k: int,
        allowed: npt.NDArray[np.bool_] | None,
        probes: int | None = None,
    ) -> npt.NDArray[np.int64]:
        """Rows (m, c) among which the k nearest are looked for, -1 for none."""
        options = {"nprobe": self.probes if probes is None else probes}
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            options["sel"] = self._faiss.IDSelectorBitmap(bits)
        asked = np.ascontiguousarray(queries, dtype=np.float32)
        parameters = self._faiss.SearchParametersIVF(**options)
        with self._few_threads(len(asked)):
            _, rows = self._index.search(asked, max(_CANDIDATES * k, k + 16), params=parameters)
        found: npt.NDArray[np.int64] = rows
        return found

    @contextmanager
    def _few_threads(self, queries: int) -> Iterator[None]:
        """One thread for few queries: to wait for others takes longer on a machine that is busy."""
        usual = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(1 if queries < 8 else usual)
        try:
            yield
        finally:
            self._faiss.omp_set_num_threads(usual)

    def _calibrate(self, vectors: npt.NDArray[np.float32]) -> None:
        """Choose the smallest number of lists with which the recall is reached."""
        chosen = np.random.default_rng(1).choice(len(vectors), _SAMPLE, replace=False)
        some = vectors[np.sort(chosen)].astype(np.float64)
        # What is asked for lies further from the vectors than they do from each other
        between = unit(some + some[::-1])[: _SAMPLE // 2]
        kinds = [(queries, top(vectors, queries, 11)[0]) for queries in (some, between)]
        probes = min(_LEAST_PROBES, self.probes)
        while probes < self.probes and min(self._recall(*k, probes) for k in kinds) < RECALL:
            probes = min(self.probes, math.ceil(probes * 1.5))
        self.probes = probes

    def _recall(
        self, queries: npt.NDArray[np.float64], exact: npt.NDArray[np.int64], probes: int
    ) -> float:
        found = self.candidates(queries, exact.shape[1], None, probes)
        return float(np.mean([np.isin(e, f).mean() for e, f in zip(exact, found, strict=True)]))


def _faiss() -> Any:
    return require("faiss", "approximate search")
