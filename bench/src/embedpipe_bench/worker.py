"""The process in which one engine works: commands on standard input, answers on standard output.

    python -m embedpipe_bench.worker '{"engine": "embedpipe", "entry": {...}, ...}'

Both are JSON, one object a line. Each engine has its own process, because what holds it to an
instruction set must be set before it is loaded, and so that its memory can be told from others'.
`children` is the other end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import (
    Batching,
    Candidate,
    Entry,
    Options,
    UnavailableError,
    Work,
)

__all__ = ["MOST_CALLS", "Worker", "main"]

MOST_CALLS = 200
"""Of a job in one measurement of its latency."""


class Worker:
    """One engine in one way, with one job at a time; its public methods are the commands."""

    def __init__(self, task: dict[str, Any]) -> None:
        entry, options = task["entry"], task["options"]
        batching = entry["batching"]
        self._entry = Entry(**{**entry, "batching": batching and Batching(**batching)})
        self._options = Options(**{**options, "batch_sizes": tuple(options["batch_sizes"])})
        self._engine = ENGINES[task["engine"]]
        self._model, self._cache = Path(task["model"]), Path(task["cache"])
        self._run: Callable[[], object] = self._not_started

    def settings(self) -> list[str]:
        """Every setting worth trying; what they need is converted now."""
        return [candidate.setting for candidate in self._candidates()]

    def start(self, setting: str, work: str, vectors: str) -> float:
        """Load the engine, run the work in that file once, save its vectors; when that was done.

        The time is that of the first result, by the clock that all processes share.
        """
        self._run = self._not_started  # frees the job before
        candidate = next(c for c in self._candidates() if c.setting == setting)
        job = candidate.start(Work(**json.loads(Path(work).read_text(encoding="utf-8"))))
        found = job.run()
        done = time.time()
        np.save(vectors, job.mean_pooled(found))
        self._run = job.run
        return done

    def seconds_per_pass(self, least: float) -> float:
        """On average over as many passes as take `least` seconds, at least one."""
        passes, elapsed = 0, 0.0
        begin = time.perf_counter()
        while passes == 0 or elapsed < least:
            self._run()
            passes += 1
            elapsed = time.perf_counter() - begin
        return elapsed / passes

    def latencies(self, calls: int, least: float, most: float) -> list[float]:
        """Seconds of each of so many calls: of more until `least` seconds have passed, 200 at most,
        and of fewer, at least one, once `most` have.
        """
        seconds: list[float] = []
        elapsed = 0.0
        while not seconds or (
            elapsed < most and len(seconds) < (MOST_CALLS if elapsed < least else calls)
        ):
            begin = time.perf_counter()
            self._run()
            seconds.append(time.perf_counter() - begin)
            elapsed += seconds[-1]
        return seconds

    def _not_started(self) -> object:
        raise RuntimeError("no work was started")

    def _candidates(self) -> list[Candidate]:
        return list(self._engine.candidates(self._entry, self._model, self._cache, self._options))


def main() -> None:
    """Answer every command until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print would be taken for answers
    worker = Worker(json.loads(sys.argv[1]))
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"answer": getattr(worker, command.pop("do"))(**command)}
        except UnavailableError as error:
            answer = {"error": str(error)}
        except Exception as error:  # of whatever library; the other end decides what it means
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
