"""What all engines share: how they take part, settings as candidates, batches padded beforehand.

Shapes: B sequences of a batch, L pieces of its longest, D hidden size, n sequences in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "NOT_HELD",
    "ONEDNN_ISA",
    "Batch",
    "Batching",
    "Candidate",
    "EngineError",
    "Entry",
    "Job",
    "Options",
    "Peer",
    "UnavailableError",
    "Work",
    "held_with_onednn",
    "in_parallel",
    "padded_batches",
    "padded_job",
]

Sequences = Sequence[Sequence[int]]
Floats = npt.NDArray[np.floating[Any]]
Precision = Literal["float32", "bfloat16", "int8"]
Source = Literal["pieces", "text"]
Value = TypeVar("Value")

ONEDNN_ISA: Mapping[str, Mapping[str, str]] = {
    "amx": {},
    "avx512_bf16": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
    "avx512_vnni": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "avx_vnni": {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "portable": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
}
"""What holds Intel's oneDNN to an instruction set, by our names of them."""


def held_with_onednn(
    *, avx512: Mapping[str, str], avx2: Mapping[str, str], portable: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """What holds an engine that uses oneDNN: its own variables by family, and oneDNN's."""

    def own(isa: str) -> Mapping[str, str]:
        if isa == "amx":  # above all that these variables know
            return {}
        if isa == "portable":
            return portable
        return avx512 if isa.startswith("avx512") else avx2

    return {isa: {**limit, **own(isa)} for isa, limit in ONEDNN_ISA.items()}


NOT_HELD: Mapping[str, Mapping[str, str]] = {}
"""Of engines that cannot be held to an instruction set."""


class EngineError(Exception):
    """An engine gave no result, or a wrong one; the message says what."""


class UnavailableError(EngineError):
    """An engine cannot take part in this way, on this machine or with this model."""


@dataclass(frozen=True)
class Batching:
    """size: sequences of a batch. is_sorted: by length first, so that padding is least."""

    size: int
    is_sorted: bool = True

    def __str__(self) -> str:
        return f"{'sorted' if self.is_sorted else 'input order'}, batch {self.size}"


@dataclass(frozen=True)
class Entry:
    """One way for an engine to take part.

    source: whether it is given piece ids or texts. batching: the only one to try; None tries those
    of the options, sorted.
    """

    precision: Precision = "float32"
    source: Source = "pieces"
    batching: Batching | None = None


@dataclass(frozen=True)
class Options:
    """threads: in all, for every engine. batch_sizes: those that padding engines are tried with.

    max_length: pieces of a text to which engines that take texts cut them. one_text: whether one
    text at a time is all that will be asked; what only matters for more need not be tried.
    """

    threads: int
    batch_sizes: tuple[int, ...] = (32,)
    max_length: int = 512
    one_text: bool = False

    def divisions(self) -> list[tuple[int, int]]:
        """Ways to spend the threads: (batches at a time, threads for each)."""
        return [(1, self.threads)] + ([(self.threads, 1)] if self.threads > 1 else [])

    def batchings(self, entry: Entry) -> list[Batching]:
        """Ways to form batches that are to be tried."""
        if entry.batching is not None:
            return [entry.batching]
        return [Batching(size) for size in self.batch_sizes]


@dataclass(frozen=True)
class Work:
    """The same input twice: piece ids of each sequence, and the texts they are of, if of any."""

    sequences: Sequences
    texts: list[str] | None = None


@dataclass(frozen=True)
class Job:
    """An engine with its inputs built. `run` alone is timed.

    It gives all last hidden states, or sentence vectors where the engine was given texts.
    mean_pooled: from what `run` returned to the mean over each sequence's pieces, (n, D), of any
    length.
    """

    run: Callable[[], Any]
    mean_pooled: Callable[[Any], Floats]


@dataclass(frozen=True)
class Candidate:
    """One setting of an engine; `start` loads it and builds its inputs."""

    setting: str
    start: Callable[[Work], Job]


class Peer(Protocol):
    """An engine: what it is called, what it needs, and the settings it may be run with."""

    @property
    def name(self) -> str:
        """As on the command line; the installed package with the version to report."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The installed packages without which it cannot be measured, converters included."""
        ...

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ways in which it takes part."""
        ...

    @property
    def isa_environment(self) -> Mapping[str, Mapping[str, str]]:
        """Environment variables that hold it to an instruction set, by our names of them."""
        ...

    @property
    def isa_reservation(self) -> str:
        """What part of it uses the fastest there is nevertheless; "" if none does."""
        ...

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Every setting worth trying, each ready to take input.

        model: a folder in the Hugging Face layout. cache: where files converted from exactly that
        model are kept from run to run. Raises UnavailableError where `entry` cannot be had.
        """
        ...


@dataclass(frozen=True)
class Batch:
    """Sequences padded to the longest. rows: (B,) their places in the input; ids, mask: (B, L)."""

    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[Any]
    mask: npt.NDArray[Any]


def padded_batches(sequences: Sequences, batching: Batching, dtype: npt.DTypeLike) -> list[Batch]:
    """Batches of neighbors, in the order of length, longest first, if `batching` says so.

    >>> by_length = padded_batches([[5], [6, 7], [8, 9, 4]], Batching(2), "int64")
    >>> [batch.ids.tolist() for batch in by_length]
    [[[8, 9, 4], [6, 7, 0]], [[5]]]
    """
    order = list(range(len(sequences)))
    if batching.is_sorted:
        order.sort(key=lambda i: -len(sequences[i]))
    batches = []
    for first in range(0, len(order), batching.size):
        rows = order[first : first + batching.size]
        ids = np.zeros((len(rows), max(len(sequences[row]) for row in rows)), dtype)
        mask = np.zeros_like(ids)
        for line, row in enumerate(rows):
            ids[line, : len(sequences[row])] = sequences[row]
            mask[line, : len(sequences[row])] = 1
        batches.append(Batch(np.array(rows), ids, mask))
    return batches


def padded_job(batches: list[Batch], run: Callable[[], list[Floats]]) -> Job:
    """A job whose `run` gives the hidden states (B, L, D) of each batch in turn."""

    def mean_pooled(hidden: list[Floats]) -> Floats:
        total = sum(len(batch.rows) for batch in batches)
        vectors = np.empty((total, hidden[0].shape[-1]))
        for batch, states in zip(batches, hidden, strict=True):
            # Selected, not multiplied by the mask: at padding there may be anything, NaN included.
            for line, row in enumerate(batch.rows):
                length = int(batch.mask[line].sum())
                vectors[row] = states[line, :length].mean(axis=0, dtype=np.float64)
        return vectors

    return Job(run, mean_pooled)


def in_parallel(
    work: Callable[[Value], Floats], inputs: list[Value], at_a_time: int
) -> Callable[[], list[Floats]]:
    """A function that does `work` on all inputs, so many at a time, and gives the results in order.

    For engines that let go of Python's lock, so that the threads do run side by side.
    """
    if at_a_time == 1:
        return lambda: [work(value) for value in inputs]
    pool = ThreadPoolExecutor(at_a_time)
    return lambda: list(pool.map(work, inputs))
