"""Gives damaged inputs to readers: in this process, and on several processes for all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.reader import Reader
from tests.fuzz.watch import Watch, status

LONGEST = 30 * 60
"""Seconds after which a process is ended: it hangs where no signal reaches."""
_ENVIRONMENT = {
    "EMBEDPIPE_OFFLINE": "1",
    "MALLOC_ARENA_MAX": "1",  # or every thread would claim 64 MiB of address space
    "RUST_BACKTRACE": "0",  # of panics that are caught
    "TOKENIZERS_PARALLELISM": "false",
}


def input_for(reader: Reader, seed: int, number: int) -> Any:
    """The input of that number, by which it can be made again."""
    return reader.make(Random(f"{seed} {reader.name} {number}"))


def counts(found: Sequence[Reader], total: int) -> dict[str, int]:
    """How many inputs each reader gets, by its share; `total` at least."""
    parts = sum(reader.share for reader in found)
    return {reader.name: -(-total * reader.share // parts) for reader in found}


def fuzz(
    found: Sequence[Reader],
    watch: Watch,
    progress: int,
    *,
    seed: int,
    total: int,
    share: tuple[int, int],
) -> dict[str, Any]:
    """The inputs of every reader that are this process's share, (0, 2) being every other: a report.

    progress: the descriptor of a file that tells the input in work, should the process end there.
    """
    first, step = share
    for reader in found:
        for good in reader.good:
            reader.read(reader.put(good))  # what is broken here is broken without damage
    watch.begin()
    before = status("VmHWM")
    rows: dict[str, tuple[int, float]] = {}
    findings: list[str] = []
    for reader, count in zip(found, counts(found, total).values(), strict=True):
        begin = time.perf_counter()
        numbers = range(first, count, step)
        for number in numbers:
            os.pwrite(progress, f"{reader.name}, input {number}".ljust(80).encode(), 0)
            laid = reader.put(input_for(reader, seed, number))
            wrong = watch.finding(partial(reader.read, laid))
            if wrong is not None:
                findings.append(f"{reader.name}, input {number}: {wrong}")
        wrong = watch.strangers()
        if wrong is not None:
            findings.append(f"{reader.name}: {wrong}")
        rows[reader.name] = len(numbers), time.perf_counter() - begin
    return {"rows": rows, "findings": findings, "growth": status("VmHWM") - before}


def on_processes(command: Sequence[str], count: int) -> list[dict[str, Any]]:
    """The reports of as many processes, each called with the command and `--share i/count`."""
    with ThreadPoolExecutor(count) as threads:
        shares = [[*command, "--share", f"{number}/{count}"] for number in range(count)]
        return list(threads.map(report_of, shares))


def report_of(command: Sequence[str], longest: float = LONGEST) -> dict[str, Any]:
    """The report that a process prints, or one whose finding is where it died or hung."""
    with tempfile.TemporaryDirectory() as home:
        progress = Path(home, "progress")
        progress.write_text("before the first input")
        command = [sys.executable, *command, "--progress", str(progress)]
        environment = os.environ | _ENVIRONMENT | {"HOME": home}
        try:
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, timeout=longest, check=True
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            died = isinstance(error, subprocess.CalledProcessError)
            how = f"ended with {error.returncode}" if died else f"ran for {longest} seconds"
            finding = f"{progress.read_text().strip()}: the process {how}"
            return {"rows": {}, "findings": [finding], "growth": 0}
        return json.loads(done.stdout)
