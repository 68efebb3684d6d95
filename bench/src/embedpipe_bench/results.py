"""From timings to figures: rates, shares of the peak, latencies, ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from embedpipe_bench import OURS
from embedpipe_bench.packages import Package
from embedpipe_bench.timing import Calls, Passes, Rounds

__all__ = [
    "Comparison",
    "Latency",
    "Report",
    "Result",
    "Row",
    "Task",
    "Timings",
    "comparisons",
    "make_result",
]


@dataclass(frozen=True)
class Latency:
    """Seconds on one thread, and 10^6 bytes of that process; None where not measured.

    p50, p99: of all calls. first_vector: from the start of a process, median. The lists hold every
    single timing.
    """

    setting: str
    first_vector: float
    short_p50: float
    short_p99: float
    long_p50: float | None
    long_p99: float | None
    resident_megabytes: float | None
    highest_megabytes: float | None
    first_vector_seconds: list[float]
    short_seconds: list[float]
    long_seconds: list[float]


@dataclass(frozen=True)
class Row:
    """One engine in one way on one model. Rates are of its median round, without padding.

    source: what it was given. isa_reservation: what part of it was not held to the instruction set.
    share_of_peak: of the median peak of its precision, None where that is unknown. cosines: to our
    float32 vectors. installed_megabytes: of its package and what that requires. tried: sequences/s
    of every setting that was tried, on a part of the sequences. seconds: of one pass, by round.
    """

    engine: str
    version: str
    precision: str
    source: str
    isa_reservation: str
    setting: str
    sequences_per_second: float
    pieces_per_second: float
    gflop_per_second: float
    share_of_peak: float | None
    cosine_mean: float
    cosine_least: float
    installed_megabytes: float
    latency: Latency | None
    tried: dict[str, float]
    seconds: list[float]


@dataclass(frozen=True)
class Comparison:
    """Ours to the best other engine's in one precision.

    ratio: of sequences/s, to those of `best_peer`. short_ratio: of the p50 of the short text, to
    that of `quickest_peer`; None and "" where that was not measured.
    """

    precision: str
    ratio: float
    best_peer: str
    short_ratio: float | None
    quickest_peer: str


@dataclass(frozen=True)
class Task:
    """What every engine had to do. lengths: of the sequences. gflop: useful work of one pass.

    short, long: pieces of the texts of which the latency was taken.
    """

    model: str
    corpus: str
    isa: str
    threads: int
    lengths: list[int]
    gflop: float
    short: int
    long: int


@dataclass(frozen=True)
class Timings:
    """What was measured of the engines. left_out: why not, by engine."""

    passes: Sequence[Passes]
    rounds: Rounds
    calls: Sequence[Calls]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Result:
    """One model on one instruction set. peaks: Gop/s by precision. left_out: why, by engine."""

    model: str
    corpus: str
    isa: str
    threads: int
    short_pieces: int
    long_pieces: int
    peaks: dict[str, float]
    other_cores: float | None
    comparisons: list[Comparison]
    rows: list[Row]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Report:
    """Everything that was measured so far.

    missing: packages to install, by engine that needs them. pending: models, each with an
    instruction set, that are still to be measured.
    """

    machine: dict[str, str | int]
    versions: dict[str, str]
    missing: dict[str, list[str]]
    pending: list[str]
    results: list[Result]


def make_result(task: Task, timings: Timings, packages: Mapping[str, Package]) -> Result:
    """Figures from the medians of all rounds; `packages` by name of engine."""
    peaks = {precision: median(found) for precision, found in timings.rounds.peaks.items()}
    latencies = {of.entrant: _latency(of) for of in timings.calls}
    rows = [
        _row(task, of, peaks, packages[of.entrant.engine], latencies.get(of.entrant))
        for of in timings.passes
    ]
    return Result(
        model=task.model,
        corpus=task.corpus,
        isa=task.isa,
        threads=task.threads,
        short_pieces=task.short,
        long_pieces=task.long,
        peaks=peaks,
        other_cores=timings.rounds.other_cores,
        comparisons=comparisons(rows),
        rows=rows,
        left_out=timings.left_out,
    )


def _row(
    task: Task,
    passes: Passes,
    peaks: Mapping[str, float],
    package: Package,
    latency: Latency | None,
) -> Row:
    entrant, seconds = passes.entrant, median(passes.seconds)
    peak = None if entrant.isa_reservation else peaks.get(entrant.entry.precision)
    return Row(
        engine=entrant.engine,
        version=package.version,
        precision=entrant.entry.precision,
        source=entrant.entry.source,
        isa_reservation=entrant.isa_reservation,
        setting=passes.setting,
        sequences_per_second=len(task.lengths) / seconds,
        pieces_per_second=sum(task.lengths) / seconds,
        gflop_per_second=task.gflop / seconds,
        share_of_peak=task.gflop / seconds / peak if peak else None,
        cosine_mean=float(passes.cosines.mean()),
        cosine_least=float(passes.cosines.min()),
        installed_megabytes=package.megabytes,
        latency=latency,
        tried=passes.tried,
        seconds=passes.seconds,
    )


def _latency(calls: Calls) -> Latency:
    memory = calls.memory
    return Latency(
        setting=calls.setting,
        first_vector=median(calls.first_vector),
        short_p50=_percentile(calls.short, 50),
        short_p99=_percentile(calls.short, 99),
        long_p50=_percentile(calls.long, 50) if calls.long else None,
        long_p99=_percentile(calls.long, 99) if calls.long else None,
        resident_megabytes=median(m.resident for m in memory) if memory else None,
        highest_megabytes=median(m.highest for m in memory) if memory else None,
        first_vector_seconds=calls.first_vector,
        short_seconds=calls.short,
        long_seconds=calls.long,
    )


def _percentile(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent))


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Ours to the others by precision, of those that are given pieces; text is another task.

    Engines that were not held to our instruction set do not count.
    """
    given_pieces = [row for row in rows if row.source == "pieces" and not row.isa_reservation]
    found = []
    for ours in (row for row in given_pieces if row.engine == OURS):
        peers = [r for r in given_pieces if r.engine != OURS and r.precision == ours.precision]
        if peers:
            best = max(peers, key=lambda row: row.sequences_per_second)
            ratio = ours.sequences_per_second / best.sequences_per_second
            found.append(Comparison(ours.precision, ratio, best.engine, *_quickest(ours, peers)))
    return found


def _quickest(ours: Row, peers: Sequence[Row]) -> tuple[float | None, str]:
    """Our p50 of the short text to the least of the peers', and whose that is."""
    found = {row.engine: row.latency.short_p50 for row in peers if row.latency}
    if ours.latency is None or not found:
        return None, ""
    quickest = min(found, key=found.__getitem__)
    return ours.latency.short_p50 / found[quickest], quickest
