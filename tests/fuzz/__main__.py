"""Gives damaged model files to every reader: each gives a result or an error of embedpipe's own.

    python -m tests.fuzz                             100,000 inputs, on two processes
    python -m tests.fuzz --reader onnx --input 17    one of them again, with its traceback

Bounds on memory and time, and what else is watched, are in `watch`; the readers and the files that
are damaged in `seeds`; what is done to them in `mutations` and `files`. Inputs follow from the
reader's name, the seed and the number, so that every run tries the same ones.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from embedpipe.errors import EmbedpipeWarning
from tests.fuzz.run import fuzz, input_for, on_processes
from tests.fuzz.seeds import readers
from tests.fuzz.watch import MEMORY, SECONDS, Watch
from tests.support.testdata import testdata_folder

MOST_FINDINGS = 3
"""Shown of each reader."""


def run_share(arguments: argparse.Namespace) -> None:
    """One process's work; the report goes to standard output."""
    warnings.simplefilter("ignore", EmbedpipeWarning)  # of settings with damaged names
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        watch = Watch(Path(folder, "watched"))
        found = readers(testdata_folder(), Path(folder, "seeds"), watch.inputs)
        progress = os.open(arguments.progress, os.O_WRONLY)
        first, step = map(int, arguments.share.split("/"))
        seed, total = arguments.seed, arguments.total
        print(json.dumps(fuzz(found, watch, progress, seed=seed, total=total, share=(first, step))))


def run_all(arguments: argparse.Namespace) -> int:
    """All inputs on several processes; prints the counts and what was found."""
    begin = time.perf_counter()
    options = ["--seed", str(arguments.seed), "--total", str(arguments.total)]
    reports = on_processes(["-m", "tests.fuzz", *options], arguments.processes)
    findings = [finding for report in reports for finding in report["findings"]]
    tried: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for report in reports:
        for name, (count, duration) in report["rows"].items():
            tried[name] += count
            seconds[name] += duration
    for name, count in tried.items():
        print(f"{name:20} {count:7,} inputs {1000 * seconds[name] / count:8.2f} ms each")
    growth = max(report["growth"] for report in reports)
    print(
        f"{tried.total():,} inputs in {time.perf_counter() - begin:.0f} seconds, {len(findings)} "
        f"findings; peak memory grew by {growth >> 20} MiB ({MEMORY >> 20} allowed), no input "
        f"took {SECONDS} seconds"
    )
    shown: Counter[str] = Counter()
    for finding in findings:
        name = finding.partition(",")[0]
        shown[name] += 1
        if shown[name] <= MOST_FINDINGS:
            print(f"  - {finding}")
    return bool(findings)


def run_one(arguments: argparse.Namespace) -> None:
    """One input, without bounds, so that a debugger or a traceback shows all."""
    with tempfile.TemporaryDirectory() as folder:
        found = readers(testdata_folder(), Path(folder, "seeds"), Path(folder))
        reader = next(each for each in found if each.name == arguments.reader)
        content = input_for(reader, arguments.seed, arguments.input)
        print(content)
        print(reader.read(reader.put(content)))


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__.split("\n")[0])
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
