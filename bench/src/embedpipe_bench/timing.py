"""Every result verified first, then every engine timed in turn, round after round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from embedpipe_bench.children import Child, Entrant
from embedpipe_bench.machine import Memory, OtherLoad
from embedpipe_bench.peers.common import Floats
from embedpipe_bench.workload import Workload

__all__ = [
    "Calls",
    "Passes",
    "Rounds",
    "Tell",
    "best_setting",
    "time_calls",
    "time_in_turn",
    "trial_call",
    "trial_pass",
    "verified",
]

Tell = Callable[[str], None]
"""Says how far the benchmark is."""

REST = 0.3
"""Seconds before every timing, in which the threads of the engine before stop waiting for work.

Some spin meanwhile and would take the processor from the next: those of Intel's OpenMP for 0.2 s.
"""

LEAST_SECONDS = 0.5
"""Of each timing: short passes are repeated until then."""

TRIES, TRIAL_SECONDS = 3, 0.2
"""Timings of each setting that is tried, and how long each is at least; the fastest counts."""

MOST_TRIAL_SECONDS = 3.0
"""No further timing of a setting begins after that: long passes average noise out by themselves."""

LEAST_CALLS, MOST_CALL_SECONDS = 10, 3.0
"""With one text, in each round: so many calls, or as many as begin within those seconds."""


@dataclass
class Passes:
    """An entrant with the setting that suits it best, verified, ready to be timed.

    tried: sequences/s with every setting, if there was a choice. cosines: to our float32 vectors,
    by sequence. seconds: of one pass over all sequences, by round.
    """

    entrant: Entrant
    setting: str
    tried: dict[str, float]
    cosines: Floats
    seconds: list[float] = field(default_factory=list)


@dataclass
class Calls:
    """An entrant on one thread, a fresh process each round.

    setting: the one that suits one short text best. first_vector: seconds from the start of each
    process to its first vector. short, long: seconds of every call with the text of that name.
    memory: after the calls with the short text, by round, where the system says.
    """

    entrant: Entrant
    setting: str
    first_vector: list[float] = field(default_factory=list)
    short: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)


@dataclass(frozen=True)
class Rounds:
    """peaks: Gop/s by precision, taken before each turn; empty where unknown.

    other_cores: how many cores other programs kept busy on average; None if unknown.
    """

    peaks: dict[str, list[float]]
    other_cores: float | None


def verified(child: Child, entrant: Entrant, setting: str, workload: Workload) -> Floats:
    """Start on the workload; the cosines of what comes, or EngineError if it is wrong."""
    vectors, _ = child.start(setting, workload)
    return _cosines(entrant, vectors, workload)


def _cosines(entrant: Entrant, vectors: Floats, workload: Workload) -> Floats:
    return workload.cosines(vectors, is_exact=entrant.entry.precision == "float32")


def best_setting(
    child: Child,
    entrant: Entrant,
    trial: Workload,
    seconds_of: Callable[[Child], float],
    tell: Tell,
) -> tuple[str, dict[str, float]]:
    """The setting that is fastest on `trial`, each verified there, and sequences/s of all.

    seconds_of: how long the child takes for `trial`. Where there is only one setting, nothing is
    tried.
    """
    settings = child.settings()
    if len(settings) == 1:
        tell(f"{entrant.label}: {settings[0]}, nothing to choose")
        return settings[0], {}
    tried: dict[str, float] = {}
    for setting in settings:
        verified(child, entrant, setting, trial)
        tried[setting] = len(trial.lengths) / seconds_of(child)
        tell(f"{entrant.label}: {setting}: {tried[setting]:,.0f} sequences/s")
    return max(tried, key=tried.__getitem__), tried


def trial_pass(child: Child) -> float:
    """Seconds of one pass: of the fastest of three timings, or fewer where they are long."""
    found: list[float] = []
    begin = time.perf_counter()
    while not found or (len(found) < TRIES and time.perf_counter() - begin < MOST_TRIAL_SECONDS):
        found.append(_seconds_per_pass(child, TRIAL_SECONDS))
    return min(found)


def trial_call(child: Child) -> float:
    """Seconds of the median call, of those of a fraction of a second.

    One thread works, so that no other one has to fall asleep first.
    """
    return median(child.latencies(LEAST_CALLS, TRIAL_SECONDS, MOST_TRIAL_SECONDS))


def time_in_turn(
    competitors: Sequence[tuple[Passes, Child]],
    rounds: int,
    peak_of: Mapping[str, Callable[[], float]],
    tell: Tell,
) -> Rounds:
    """Time everybody once a round, and the peak of its precision before, so that noise hits all.

    Each round begins with another one, so that none always follows the same one.
    """
    peaks: dict[str, list[float]] = {}
    others = OtherLoad(child.identifier for _, child in competitors)
    for number in range(rounds):
        tell(f"  round {number + 1} of {rounds}: {len(competitors)} in turn")
        for passes, child in _turned(competitors, number):
            precision = passes.entrant.entry.precision
            if precision in peak_of:
                time.sleep(REST)
                peaks.setdefault(precision, []).append(peak_of[precision]())
            passes.seconds.append(_seconds_per_pass(child, LEAST_SECONDS))
    return Rounds(peaks, others.cores())


def time_calls(calls: Calls, child: Child, short: Workload, long: Workload) -> None:
    """One round in a fresh process: first vector, short text, memory, and the long one for those
    that take pieces.
    """
    vectors, done = child.start(calls.setting, short)
    _cosines(calls.entrant, vectors, short)
    calls.first_vector.append(done - child.started)
    calls.short += child.latencies(LEAST_CALLS, LEAST_SECONDS, MOST_CALL_SECONDS)
    memory = child.memory()
    if memory is not None:
        calls.memory.append(memory)
    if calls.entrant.entry.source == "pieces":
        verified(child, calls.entrant, calls.setting, long)
        calls.long += child.latencies(LEAST_CALLS, LEAST_SECONDS, MOST_CALL_SECONDS)


def _turned(
    competitors: Sequence[tuple[Passes, Child]], number: int
) -> Sequence[tuple[Passes, Child]]:
    first = number % len(competitors)
    return [*competitors[first:], *competitors[:first]]


def _seconds_per_pass(child: Child, least: float) -> float:
    time.sleep(REST)
    return child.seconds_per_pass(least)
