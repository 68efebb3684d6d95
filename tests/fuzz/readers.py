"""Gives damaged model files to every reader: each gives a result or an error of embedpipe's own.

    python -m tests.fuzz.readers                             100,000 inputs, on two processes
    python -m tests.fuzz.readers --reader onnx --input 17    one of them again, with its traceback

Bounds on memory and time, and what else is watched, are in `watch`; the readers and the files
that are damaged in `seeds`; what is done to them in `mutations` and `files`. Inputs
follow from the reader's name, the seed and the number, so that every run tries the same ones.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.seeds import Reader, readers
from tests.fuzz.watch import MEMORY, SECONDS, Watch, status
from tests.support.testdata import testdata_folder

MOST_FINDINGS = 3
"""Shown of each reader."""
_STALLED = 120
"""Seconds without progress after which a process is ended: it hangs where no signal reaches."""


def input_for(reader: Reader, seed: int, number: int) -> Any:
    """The input of that number, by which it can be made again."""
    return reader.make(Random(f"{seed} {reader.name} {number}"))


def counts(found: list[Reader], total: int) -> dict[str, int]:
    """How many inputs each reader gets, by its share; `total` at least."""
    parts = sum(reader.share for reader in found)
    return {reader.name: -(-total * reader.share // parts) for reader in found}


def fuzz(
    found: list[Reader],
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


def run_share(arguments: argparse.Namespace) -> None:
    """One process's work; the report goes to standard output."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        top = Path(folder)
        watch = Watch(top / "watched")
        found = readers(testdata_folder(), top / "seeds", watch.inputs)
        progress = os.open(arguments.progress, os.O_WRONLY)
        share = tuple(map(int, arguments.share.split("/")))
        report = fuzz(
            found, watch, progress, seed=arguments.seed, total=arguments.total, share=share
        )
        print(json.dumps(report))


def run_all(arguments: argparse.Namespace) -> int:
    """All inputs on several processes; prints the counts and what was found."""
    begin, reports, findings = time.perf_counter(), [], []
    with tempfile.TemporaryDirectory() as folder:
        shares = []
        for worker in range(arguments.processes):
            progress = Path(folder, str(worker))
            progress.touch()
            options = ["--share", f"{worker}/{arguments.processes}", "--progress", str(progress)]
            options += ["--seed", str(arguments.seed), "--total", str(arguments.total)]
            command = [sys.executable, "-m", "tests.fuzz.readers", *options]
            environment = os.environ | _ENVIRONMENT | {"HOME": folder}
            shares.append(
                (subprocess.Popen(command, env=environment, stdout=subprocess.PIPE), progress)
            )
        for process, progress in shares:
            report = _report(process, progress)
            if isinstance(report, str):
                findings.append(report)
            else:
                reports.append(report)
                findings += report["findings"]
    rows = {
        name: [sum(column) for column in zip(*(r["rows"][name] for r in reports), strict=True)]
        for name in (reports[0]["rows"] if reports else ())
    }
    for name, (count, seconds) in rows.items():
        print(f"{name:20} {count:7,} inputs {1000 * seconds / count:8.2f} ms each")
    growth = max((report["growth"] for report in reports), default=0)
    print(
        f"{sum(count for count, _ in rows.values()):,} inputs in {time.perf_counter() - begin:.0f} "
        f"seconds, {len(findings)} findings; peak memory grew by {growth >> 20} MiB "
        f"({MEMORY >> 20} allowed), no input took {SECONDS} seconds"
    )
    shown: Counter[str] = Counter()
    for finding in findings:
        name = finding.partition(",")[0]
        shown[name] += 1
        if shown[name] <= MOST_FINDINGS:
            print(f"  - {finding}")
    return bool(findings)


_ENVIRONMENT = {
    "EMBEDPIPE_OFFLINE": "1",
    "MALLOC_ARENA_MAX": "1",  # or every thread would claim 64 MiB of address space
    "TOKENIZERS_PARALLELISM": "false",
}


def _report(process: subprocess.Popen[bytes], progress: Path) -> dict[str, Any] | str:
    """The report of a process, or where it ended without one."""
    while True:
        before = progress.read_text()
        try:
            output, _ = process.communicate(timeout=_STALLED)
        except subprocess.TimeoutExpired:
            if progress.read_text() != before:
                continue
            process.kill()
            process.communicate()
            return f"{before.strip()}: no end after {_STALLED} seconds"
        if process.returncode == 0:
            return json.loads(output)
        place = progress.read_text().strip() or "before the first input"
        return f"{place}: the process ended with {process.returncode}"


def run_one(arguments: argparse.Namespace) -> None:
    """One input, without bounds, so that a debugger or a traceback shows all."""
    with tempfile.TemporaryDirectory() as folder:
        found = readers(testdata_folder(), Path(folder, "seeds"), Path(folder))
        reader = next(each for each in found if each.name == arguments.reader)
        content = input_for(reader, arguments.seed, arguments.input)
        print(content)
        print(reader.read(reader.put(content)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--total", type=int, default=100_000, help="inputs in all, at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--reader", help="with --input: the only one to try")
    parser.add_argument("--input", type=int, default=0)
    parser.add_argument("--share", help=argparse.SUPPRESS)
    parser.add_argument("--progress", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.share:
        run_share(arguments)
    elif arguments.reader:
        run_one(arguments)
    else:
        return run_all(arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
