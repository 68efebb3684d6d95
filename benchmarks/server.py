"""`embedpipe serve` under load, beside `Encoder.encode` on the same texts and other servers.

    python benchmarks/server.py --peers peers/bin/python --chart docs/server-speed.svg

Every server's vectors are compared first. Then each load and `encode` take turns. Both share the
cores with the program that makes the load (wrk), so sentences per processor second of the server's
own process stand beside sentences a second. `--peers` names an interpreter whose environment has
sentence-transformers with fastapi, infinity-emb, or both; see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from server_asks import SEVERAL, ask_of, asks, check, make_texts, pipeline_of
from server_report import print_report
from serving import Server, first_answer_seconds, free_port, loaded, peer_commands, running

from embedpipe import Encoder
from embedpipe.output import AtomicFile
from embedpipe_bench.machine import OtherLoad, describe_machine
from embedpipe_bench.models import get_model
from embedpipe_bench.report import save_json

__all__ = ["Row", "main"]

OUTPUT = Path("out")
OURS = "embedpipe"
CLIENTS = (1, 8, 64)
HALF_LOAD_CLIENTS = 16
PART = 128
"""Texts that `encode` gets at once: about as many as the server computes in a turn, or more."""
WAVES, MOST_SECONDS = 10.0, 15.0
"""A load lasts until each client has been answered so often, but no longer than that: what is being
computed when it ends is counted in nobody's favor."""


@dataclass(frozen=True)
class Row:
    """One load. ratio: of sentences a second to those of `encode` around it; cpu_ratio: of those
    per processor second; p50, p99: milliseconds of a request. own: `encode` of one short text, p50.
    """

    server: str
    model: str
    texts: str
    form: str
    per_request: int
    clients: int
    load: str
    rate: float
    ratio: float
    cpu_ratio: float
    p50: float
    p99: float
    own: float | None = None


@dataclass(frozen=True)
class Speed:
    """Sentences a second, and a processor second."""

    wall: float
    cpu: float


class Measuring:
    """Loads on the servers of one model, in turn with `encode`."""

    def __init__(self, model: str, folder: Path, seconds: float, rounds: int) -> None:
        self.model, self.folder = model, folder
        self.seconds, self.rounds = seconds, rounds
        self.encoder = Encoder.load(get_model(model).folder)
        self.texts = make_texts()

    def rows(self, name: str, server: Server, *, all_forms: bool) -> Iterator[Row]:
        """Every load on one server, whose answers are right."""
        for kind, texts in self.texts.items():
            for form, ask in asks(texts, all_forms=all_forms):
                check(server, form, texts, self.encoder, exact=all_forms)
                several = all_forms and form == "JSON" and ask.texts <= SEVERAL
                for clients in CLIENTS if several else CLIENTS[-1:]:
                    yield self._loaded(name, server, kind, form, ask, clients)

    def _loaded(  # noqa: PLR0913, PLR0917
        self, name: str, server: Server, kind: str, form: str, ask: Any, clients: int
    ) -> Row:
        found, ratios, cpu_ratios = [], [], []
        before = self._encoded(kind)
        for _ in range(self.rounds):
            waves = WAVES * clients * ask.texts / before.wall
            seconds = min(max(self.seconds, waves), MOST_SECONDS)
            one = loaded(server, ask, self.folder, clients=clients, seconds=seconds)
            after = self._encoded(kind)
            sentences = one.requests * ask.texts
            ratios.append(sentences / one.seconds / ((before.wall + after.wall) / 2))
            cpu_ratios.append(sentences / max(one.cpu, 0.01) / ((before.cpu + after.cpu) / 2))
            found.append(one)
            before = after
        rate = median(one.requests * ask.texts / one.seconds for one in found)
        p50, p99 = (median(getattr(one, p) for one in found) for p in ("p50", "p99"))
        alone = clients == 1 and ask.texts == 1 and kind == "short"
        return Row(
            *(name, self.model, kind, form, ask.texts, clients, "full"),
            *(rate, median(ratios), median(cpu_ratios), p50, p99),
            own=self.own_p50() if alone else None,
        )

    def half_load(self, server: Server, full: Row) -> Row:
        """Single short texts, half as many a second as the server can answer."""
        ask = ask_of(self.texts["short"], full.form, full.per_request)
        pause = HALF_LOAD_CLIENTS / (full.rate / 2) * 1000
        one = loaded(
            *(server, ask, self.folder),
            clients=HALF_LOAD_CLIENTS,
            seconds=2 * self.seconds,
            pause=pause,
        )
        rate = one.requests / one.seconds
        return Row(
            *(OURS, self.model, "short", full.form, 1, HALF_LOAD_CLIENTS, "half"),
            *(rate, full.ratio * rate / full.rate, full.cpu_ratio, one.p50, one.p99),
        )

    def _encoded(self, kind: str) -> Speed:
        texts, done = self.texts[kind], 0
        begin, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() < begin + self.seconds / 2:
            part = [texts[(done + n) % len(texts)] for n in range(PART)]
            self.encoder.encode(part)
            done += PART
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        return Speed(done / seconds, done / cpu)

    def own_p50(self) -> float:
        """Milliseconds of `encode` of one short text, as the median."""
        found = []
        for text in self.texts["short"][:300]:
            begin = time.perf_counter()
            self.encoder.encode([text])
            found.append((time.perf_counter() - begin) * 1000)
        return median(found)


def measure(model: str, folder: Path, arguments: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """All rows of a model, and what kept a server from being measured."""
    measuring = Measuring(model, folder, arguments.seconds, arguments.rounds)
    path, text = str(get_model(model).folder), measuring.texts["short"][0]
    check_body = ask_of([text], "JSON", 1).bodies[0]
    rows, missing = [], []
    pipeline = pipeline_of(measuring.encoder, folder)
    port = free_port()
    ours = [arguments.python, "-m", "embedpipe", "serve", path, str(pipeline), "--port", str(port)]
    commands = {OURS: (ours, port), **peer_commands(arguments.peers, path)}
    for name, (command, port) in commands.items():
        with ExitStack() as stack:
            try:
                server = stack.enter_context(running(command, port, check_body))
            except (OSError, RuntimeError) as error:
                missing.append(f"{name}: {error}")
                continue
            found = []
            for row in measuring.rows(name, server, all_forms=name == OURS):
                print(f"{row.server} {row.model} {row.texts} {row.form} x{row.per_request} "
                      f"{row.clients}: {row.rate:,.0f}/s, {row.ratio:.0%}, {row.cpu_ratio:.0%}, "
                      f"p50 {row.p50:.2f} ms, p99 {row.p99:.2f} ms", flush=True)  # fmt: skip
                found.append(row)
            if name == OURS:
                found.append(measuring.half_load(server, _full(found)))
            rows += found
    return rows, missing


def _full(rows: Sequence[Row]) -> Row:
    return next(
        row
        for row in rows
        if (row.texts, row.form, row.per_request, row.clients) == ("short", "JSON", 1, 64)
    )


def starts(model: str, rounds: int) -> dict[str, float]:
    """From the shell to the first answer, best of some."""
    body = ask_of(["The train is late."], "JSON", 1).bodies[0]
    found = [first_answer_seconds([str(get_model(model).folder)], body) for _ in range(rounds)]
    return {"seconds": min(s for s, _ in found), "cpu": min(c for _, c in found)}


def main() -> None:
    """Measure, print the tables, write all figures and the chart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["all-MiniLM-L6-v2", "bert_L2_H128"])
    parser.add_argument("--python", default=__import__("sys").executable, help="that serves ours")
    parser.add_argument("--peers", help="interpreter with sentence-transformers or infinity-emb")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a load (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--json", type=Path, default=OUTPUT / "server.json", help="(%(default)s)")
    parser.add_argument("--chart", type=Path, help="an SVG of it")
    arguments = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    rows: list[Row] = []
    missing: list[str] = []
    others, machine = OtherLoad(), describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            found, absent = measure(model, Path(folder), arguments)
            rows += found
            missing += absent
    first = {model: starts(model, 5) for model in arguments.models}
    facts = {"machine": machine, "start": first, "missing": missing, "busy": others.cores()}
    print_report(rows, facts)
    save_json(arguments.json, facts, rows)
    if arguments.chart is not None:
        from server_report import drawn

        with AtomicFile(arguments.chart) as sink:
            sink.write(drawn([asdict(row) for row in rows], machine))


if __name__ == "__main__":
    main()
