"""Whether a server under full load stays right and small, though workers are killed and restarted.

    python benchmarks/soak_server.py --minutes 10

Clients ask without end, in all forms, and each answer is compared with what `Encoder.encode` gave,
bit by bit. Meanwhile a worker is killed with SIGKILL now and then, the whole server is ended by
SIGTERM and started again, and clients hang up and come back. Requests that such an end cuts off
may fail; no answer may be wrong. Linux alone.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from serving import children_of, free_port

from embedpipe import Encoder
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import describe_machine, memory_of
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Sample", "Served", "growth", "main"]

OUTPUT = Path("out")
LIMIT = 20.0
"""Megabytes by which a process may grow in the second half of its time."""

KILL_SECONDS, END_SECONDS = 25.0, 90.0
"""Between two kills of a worker, and between two ends of the server that is restarted."""

LONGEST = 24
"""Texts of a request at most."""


@dataclass(frozen=True)
class Sample:
    """The largest process of the server that is never ended. resident: 10^6 bytes."""

    seconds: float
    answers: int
    resident: float


class Served:
    """A server's process, which can be ended and started again at the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._command = [sys.executable, "-m", "embedpipe", "serve", str(folder), *options]
        self._command += ["--port", str(self.port), "--no-access-log"]
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def restart(self) -> int:
        """SIGTERM, then the same again; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process = self._started()
        return status

    def kill_a_worker(self, draw: random.Random) -> None:
        """SIGKILL to one of its workers, if there are some now."""
        workers = children_of(self.process.pid)
        if workers:
            os.kill(draw.choice(workers), signal.SIGKILL)

    def end(self) -> None:
        """End it, by force if it must be."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Clients:
    """Threads that ask several servers, and what they were answered."""

    def __init__(self, texts: Sequence[str], vectors: Any, ports: Sequence[int]) -> None:
        self._texts, self._vectors, self._ports = texts, vectors, ports
        self._lock = threading.Lock()
        self.found: Counter[str] = Counter()
        self.stop = threading.Event()
        self.wrong = ""

    def ask(self, number: int) -> None:
        """Ask until told to stop; hang up every now and then."""
        draw = random.Random(number)
        port = self._ports[number % len(self._ports)]
        while not self.stop.is_set():
            connection = HTTPConnection("127.0.0.1", port, timeout=120)
            try:
                for _ in range(draw.randint(1, 200)):
                    if self.stop.is_set():
                        break
                    self._once(connection, draw)
            except (OSError, HTTPException):
                self._count("cut off")
                time.sleep(0.05)
            finally:
                connection.close()

    def _once(self, connection: HTTPConnection, draw: random.Random) -> None:
        begin = draw.randrange(len(self._texts) - LONGEST)
        rows = slice(begin, begin + draw.randint(1, LONGEST))
        form = draw.choice(("float", "base64"))
        body = json.dumps({"input": self._texts[rows], "encoding_format": form})
        connection.request("POST", "/v1/embeddings", body, {"content-type": "application/json"})
        if draw.random() < 0.01:
            self._count("given up")
            raise ConnectionAbortedError  # without reading the answer
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            self._count(f"status {answer.status}")
            return
        found = [row["embedding"] for row in json.loads(content)["data"]]
        if form == "base64":
            found = [np.frombuffer(base64.b64decode(row), "<f4") for row in found]
        if np.array(found, np.float32).tobytes() != self._vectors[rows].tobytes():
            self.wrong = f"texts {rows} in {form}: other vectors than Encoder.encode gives"
            self.stop.set()
        self._count("right")

    def _count(self, what: str) -> None:
        with self._lock:
            self.found[what] += 1


def soak(folder: Path, minutes: float, threads: int) -> tuple[Clients, list[Sample], list[int]]:
    """Load on three servers: one that is left alone, one whose workers are killed, and one that is
    ended and started again; the samples are of the first, the statuses of the last.
    """
    texts = read_lines(TEXT)
    vectors = Encoder.load(folder).encode(texts)
    steady = Served(folder)
    killed, ended = Served(folder, "--workers", "2"), Served(folder)
    servers, draw = (steady, killed, ended), random.Random(0)
    clients = Clients(texts, vectors, [server.port for server in servers])
    asking = [threading.Thread(target=clients.ask, args=(n,)) for n in range(threads)]
    samples, statuses = [], []
    begin = last_kill = last_end = time.monotonic()
    try:
        for thread in asking:
            thread.start()
        while (now := time.monotonic()) < begin + 60 * minutes and not clients.stop.wait(1):
            if now > last_kill + KILL_SECONDS:
                killed.kill_a_worker(draw)
                last_kill = now
            if now > last_end + END_SECONDS:
                statuses.append(ended.restart())
                last_end = now
            memory = memory_of(steady.process.pid)
            if memory is None:
                raise RuntimeError("the server that was left alone has ended")
            samples.append(Sample(now - begin, clients.found["right"], memory.resident))
    finally:
        clients.stop.set()
        for thread in asking:
            thread.join()
        for server in servers:
            server.end()
    return clients, samples, statuses


def growth(samples: Sequence[Sample]) -> float:
    """10^6 bytes by which the highest size exceeds that of the first half of the time."""
    half = samples[-1].seconds / 2
    early = max(each.resident for each in samples if each.seconds <= half)
    return max(each.resident for each in samples) - early


def main() -> None:
    """Work, print what was answered and how memory grew; 1 where it was wrong or grew too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--model", default="bert_L2_H128", help="(%(default)s)")
    parser.add_argument("--clients", type=int, default=12, help="(%(default)s)")
    parser.add_argument("--json", type=Path, default=OUTPUT / "soak_server.json")
    arguments = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    folder = get_model(arguments.model).folder
    clients, samples, statuses = soak(folder, arguments.minutes, arguments.clients)
    grown = growth(samples)
    shown = [samples[n * (len(samples) - 1) // 10] for n in range(11)]
    print(heading(describe_machine()), end="\n\n")
    rows = [[f"{s.seconds:.0f}", f"{s.answers:,}", f"{s.resident:.1f}"] for s in shown]
    print(markdown_table(["seconds", "right answers", "resident MB"], rows), end="\n\n")
    print(markdown_table(["answers", "count"], [[k, f"{n:,}"] for k, n in clients.found.items()]))
    print(f"\nThe server that was ended {len(statuses)} times left with {sorted(set(statuses))}.")
    print(
        clients.wrong
        or f"No vector was wrong; in the second half the server that was left alone "
        f"grew by {grown:.1f} MB (limit: {LIMIT:.0f} MB)."
    )
    facts = {"machine": describe_machine(), "growth_megabytes": grown, "found": clients.found}
    save_json(arguments.json, facts, samples)
    sys.exit(int(bool(clients.wrong) or grown > LIMIT))


if __name__ == "__main__":
    main()
