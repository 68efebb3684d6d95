"""Processes of one engine each, as seen from the benchmark; what they do is in `worker`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

import numpy as np

from embedpipe.engine.native import supported_isas
from embedpipe_bench.machine import Memory, memory_of
from embedpipe_bench.models import BenchmarkModel
from embedpipe_bench.peers import ENGINES
from embedpipe_bench.peers.common import EngineError, Entry, Floats, Options
from embedpipe_bench.workload import Workload

__all__ = ["Child", "Entrant"]

LAST_WORDS = 2000
"""Bytes of a process's standard error that are told when it dies."""


@dataclass(frozen=True)
class Entrant:
    """An engine in one way, held to an instruction set where that can be demanded of it."""

    engine: str
    entry: Entry
    isa: str

    @property
    def label(self) -> str:
        """For progress and reports."""
        parts = [self.engine, self.entry.precision]
        if self.entry.source == "text":
            parts.append("from text")
        if self.entry.batching is not None:
            parts.append(str(self.entry.batching))
        return ", ".join(parts)

    @property
    def isa_reservation(self) -> str:
        """What part of the engine uses a faster instruction set nevertheless; "" if none does."""
        is_fastest = self.isa == supported_isas()[0]
        return "" if is_fastest else ENGINES[self.engine].isa_reservation

    def environment(self, threads: int) -> dict[str, str]:
        """The variables of its processes."""
        forced: Mapping[str, str] = ENGINES[self.engine].isa_environment.get(self.isa, {})
        settings = {"RAYON_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
        return {**os.environ, **settings, **forced}


class Child(AbstractContextManager["Child"]):
    """A running process of an entrant, ended with the context.

    started: by the clock that all processes share. Every method raises EngineError if the engine
    fails or its process ends.
    """

    def __init__(self, entrant: Entrant, model: BenchmarkModel, options: Options) -> None:
        task = {
            "engine": entrant.engine,
            "entry": asdict(entrant.entry),
            "model": str(model.folder),
            "cache": str(model.cache),
            "options": asdict(options),
        }
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.started = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "embedpipe_bench.worker", json.dumps(task)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=entrant.environment(options.threads),
            text=True,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        with self._process:  # waits for it and closes its pipes
            self._errors.close()

    @property
    def identifier(self) -> int:
        """Of the process."""
        return self._process.pid

    def settings(self) -> list[str]:
        """Every setting worth trying, the models that they need converted."""
        return list(self._ask("settings"))

    def start(self, setting: str, workload: Workload) -> tuple[Floats, float]:
        """The mean-pooled vectors (n, D) of a workload, and when the engine had done it."""
        vectors = workload.path.with_suffix(".npy")
        done = self._ask("start", setting=setting, work=str(workload.path), vectors=str(vectors))
        return np.load(vectors), float(done)

    def seconds_per_pass(self, least: float) -> float:
        """On average over passes that take `least` seconds together."""
        return float(self._ask("seconds_per_pass", least=least))

    def latencies(self, calls: int, least: float, most: float) -> list[float]:
        """Seconds of each of so many calls; of more in `least` seconds, of fewer after `most`."""
        return list(self._ask("latencies", calls=calls, least=least, most=most))

    def memory(self) -> Memory | None:
        """Of the process; None where the system does not say."""
        return memory_of(self._process.pid)

    def _ask(self, command: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = json.dumps({"do": command, **arguments}) + "\n"
        try:
            # Past the buffer, in which it would stay if the process has ended.
            os.write(self._process.stdin.fileno(), asked.encode())
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise EngineError(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer["answer"]

    def _last_words(self) -> str:
        status = self._process.wait()
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - LAST_WORDS))
        said = self._errors.read().decode("utf-8", "replace").strip()
        return f"its process ended with status {status}: {said}"
