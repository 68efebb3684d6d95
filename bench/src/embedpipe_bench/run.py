"""The whole benchmark: prepare, verify, choose settings, time in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from embedpipe.encoder import Encoder
from embedpipe.engine.native import choose_isa, multiply_add_peak
from embedpipe_bench import DEFAULT_MODELS, OURS, PEERS, PRECISIONS
from embedpipe_bench.children import Child, Entrant
from embedpipe_bench.corpus import (
    TEXT,
    describe,
    long_work,
    random_work,
    read_lines,
    short_work,
    spread,
    text_work,
)
from embedpipe_bench.machine import NOTICE, describe_machine
from embedpipe_bench.models import BenchmarkModel, get_model
from embedpipe_bench.packages import installed_package, installed_versions, missing_packages
from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import EngineError, Options, Work
from embedpipe_bench.peers.ours import mean_pooled
from embedpipe_bench.results import Report, Result, Task, Timings, make_result
from embedpipe_bench.timing import (
    Calls,
    Passes,
    Rounds,
    Tell,
    best_setting,
    time_calls,
    time_in_turn,
    trial_call,
    trial_pass,
    verified,
)
from embedpipe_bench.work import useful_gflop
from embedpipe_bench.workload import Workload

__all__ = ["Benchmark", "run"]

TRIAL_SHARE = 4
"""Settings are tried on one of so many sequences."""

PEAK_CALLS = 10
RANDOM_SEQUENCES = 256


@dataclass(frozen=True)
class Benchmark:
    """What to measure. models: names, paths or RANDOM_SHAPES. against: of PEERS.

    isas: None takes the one in use. threads: of every engine. text: one sentence a line; None cuts
    the default one anew, into lengths from 3 to 512. sentences: so many, evenly spread; None
    takes all. batch_sizes: that engines with padding are tried with.
    """

    models: tuple[str, ...] = DEFAULT_MODELS
    against: tuple[str, ...] = PEERS
    precisions: tuple[str, ...] = PRECISIONS
    isas: tuple[str, ...] | None = None
    threads: int = 1
    rounds: int = 5
    text: Path | None = TEXT
    sentences: int | None = None
    batch_sizes: tuple[int, ...] = (32,)


@dataclass(frozen=True)
class Workloads:
    """trial: a part of `full`. short, long: one text each."""

    trial: Workload
    full: Workload
    short: Workload
    long: Workload


def run(benchmark: Benchmark, tell: Tell) -> Iterator[Report]:
    """The report as it grows: without results at first, then with one more each time.

    Every model is measured on every instruction set; `tell` hears how far it is. Engines that are
    not installed, fail, or give other float32 vectors than ours are left out, and the report says
    why. Nothing is measured before all models are there.
    """
    isas = [choose_isa(isa) for isa in benchmark.isas or (None,)]
    missing = {engine: missing_packages(ENGINES[engine].needs) for engine in benchmark.against}
    missing = {engine: packages for engine, packages in missing.items() if packages}
    engines = [OURS, *(engine for engine in benchmark.against if engine not in missing)]
    needed = sorted({package for engine in engines for package in ENGINES[engine].needs})
    pending = [f"{name}, {isa}" for name in benchmark.models for isa in isas]
    report = Report(describe_machine(), installed_versions(needed), missing, pending, [])
    yield report
    models = [get_model(name) for name in benchmark.models]
    tell(NOTICE)
    for model in models:
        for isa in isas:
            result = _measure(model, isa, engines, benchmark, tell)
            results = [*report.results, result]
            report = replace(report, pending=report.pending[1:], results=results)
            yield report


def _measure(
    model: BenchmarkModel, isa: str, engines: list[str], benchmark: Benchmark, tell: Tell
) -> Result:
    encoder = Encoder.load(model.folder, threads=benchmark.threads)
    with tempfile.TemporaryDirectory(prefix="embedpipe-bench-") as folder:
        workloads = _workloads(encoder, benchmark, Path(folder))
        source = benchmark.text.name if benchmark.text else "random lengths"
        lengths = workloads.full.lengths
        task = Task(
            model=model.name,
            corpus=f"{source}, {describe(lengths)}",
            isa=isa,
            threads=benchmark.threads,
            lengths=lengths,
            gflop=useful_gflop(model.folder, lengths),
            short=workloads.short.lengths[0],
            long=workloads.long.lengths[0],
        )
        tell(f"{model.name}, {isa}: {task.corpus}")
        entrants = list(_entrants(engines, isa, benchmark))
        options = Options(benchmark.threads, benchmark.batch_sizes, encoder.max_length)
        contest = _Contest(model, workloads, benchmark.rounds, tell)
        passes, rounds = contest.throughput(entrants, options)
        alone = Options(1, (1,), encoder.max_length, one_text=True)
        calls = contest.latency([of.entrant for of in passes], alone)
    packages = {engine: installed_package(engine) for engine in engines}
    return make_result(task, Timings(passes, rounds, calls, contest.left_out), packages)


def _workloads(encoder: Encoder, benchmark: Benchmark, folder: Path) -> Workloads:
    """What the engines are given, with our float32 vectors of it."""

    def prepared(name: str, work: Work) -> Workload:
        standard = mean_pooled(encoder.hidden_states(work.sequences))
        return Workload(work, standard, folder / f"{name}.json")

    if benchmark.text is None:
        lines = None
        full = random_work(encoder, read_lines(TEXT), benchmark.sentences or RANDOM_SEQUENCES)
    else:
        lines = read_lines(benchmark.text)
        lines = spread(lines, benchmark.sentences or len(lines))
        full = text_work(encoder, lines)
    count = max(1, len(full.sequences) // TRIAL_SHARE)
    trial = Work(spread(full.sequences, count), lines and spread(lines, count))
    return Workloads(
        prepared("trial", trial),
        prepared("full", full),
        prepared("short", short_work(encoder, lines)),
        prepared("long", long_work(encoder)),
    )


def _entrants(engines: list[str], isa: str, benchmark: Benchmark) -> Iterator[Entrant]:
    """Every way of every engine that the benchmark asks for; text only where there is some."""
    for engine in engines:
        for entry in ENGINES[engine].entries:
            has_input = entry.source == "pieces" or benchmark.text is not None
            if has_input and entry.precision in benchmark.precisions:
                yield Entrant(engine, entry, isa)


def _peak(entrant: Entrant, threads: int) -> float:
    """What the vector units reach in the entrant's precision, Gop/s.

    The best of a few calls, each some hundredths of a second: a peak is what can be reached.
    """
    precision, isa = entrant.entry.precision, entrant.isa
    return max(multiply_add_peak(threads, isa=isa, precision=precision) for _ in range(PEAK_CALLS))


class _Contest:
    """The engines on one model; who fails is noted in `left_out` and takes no further part."""

    def __init__(
        self, model: BenchmarkModel, workloads: Workloads, rounds: int, tell: Tell
    ) -> None:
        self.left_out: dict[str, str] = {}
        self._model = model
        self._workloads = workloads
        self._rounds = rounds
        self._tell = tell

    def throughput(self, entrants: list[Entrant], options: Options) -> tuple[list[Passes], Rounds]:
        """Passes over the whole text, all engines in turn."""
        full = self._workloads.full
        competitors: list[tuple[Passes, Child]] = []
        with ExitStack() as stack:
            for number, entrant in enumerate(entrants, 1):
                try:
                    place = f"trial {number} of {len(entrants)}"
                    setting, tried = self._best(entrant, options, trial_pass, place)
                    child = stack.enter_context(Child(entrant, self._model, options))
                    cosines = verified(child, entrant, setting, full)
                except EngineError as error:
                    self._leave_out(entrant.label, error)
                else:
                    competitors.append((Passes(entrant, setting, tried, cosines), child))
            # of the precisions that we compute in here: others have no loop to measure
            ours = [passes.entrant for passes, _ in competitors if passes.entrant.engine == OURS]
            peaks: dict[str, Callable[[], float]]
            peaks = {each.entry.precision: partial(_peak, each, options.threads) for each in ours}
            rounds = time_in_turn(competitors, self._rounds, peaks, self._tell)
        return [passes for passes, _ in competitors], rounds

    def latency(self, entrants: list[Entrant], options: Options) -> list[Calls]:
        """One text at a time, all engines in turn, a fresh process for each turn."""
        found: list[Calls] = []
        # those with batches of their own differ in them alone
        entrants = [entrant for entrant in entrants if entrant.entry.batching is None]
        for number, entrant in enumerate(entrants, 1):
            try:
                place = f"latency trial {number} of {len(entrants)}"
                setting, _ = self._best(entrant, options, trial_call, place)
            except EngineError as error:
                self._leave_out(f"{entrant.label}, latency", error)
            else:
                found.append(Calls(entrant, setting))
        for number in range(self._rounds):
            self._tell(f"  latency round {number + 1} of {self._rounds}: {len(found)} in turn")
            for calls in list(found):
                try:
                    with Child(calls.entrant, self._model, options) as child:
                        time_calls(calls, child, self._workloads.short, self._workloads.long)
                except EngineError as error:
                    self._leave_out(f"{calls.entrant.label}, latency", error)
                    found.remove(calls)
        return found

    def _best(
        self,
        entrant: Entrant,
        options: Options,
        seconds_of: Callable[[Child], float],
        place: str,
    ) -> tuple[str, dict[str, float]]:
        """The entrant's setting for many texts, or for one, and what each gave."""
        trial = self._workloads.short if options.one_text else self._workloads.trial

        def tell(line: str) -> None:
            self._tell(f"  {place}: {line}")

        with Child(entrant, self._model, options) as child:
            return best_setting(child, entrant, trial, seconds_of, tell)

    def _leave_out(self, who: str, error: EngineError) -> None:
        self.left_out[who] = str(error)
        self._tell(f"  {who}: not measured: {error}")
