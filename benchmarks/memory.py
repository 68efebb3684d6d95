"""Whether `embedpipe embed` keeps its memory while a million short lines pass through.

    python benchmarks/memory.py --records 1000000

The resident size (VmRSS in /proc, so Linux alone) is read every few milliseconds while the program
runs; how far it has read its input tells how many records it has taken.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import Memory, describe_machine, memory_of
from embedpipe_bench.models import get_model
from embedpipe_bench.report import markdown_table, save_json

__all__ = ["Sample", "growth", "watch", "write_records"]

OUTPUT = Path("out")
MODEL = "bert_L2_H128"
FIRST = 10_000
"""Records after which memory must not grow any more."""

LIMIT = 50.0
"""Megabytes by which it may grow nevertheless."""

INTERVAL = 0.01


@dataclass(frozen=True)
class Sample:
    """records: read until then."""

    seconds: float
    records: int
    memory: Memory


def write_records(path: Path, count: int, *, seed: int = 0) -> None:
    """Write `count` lines of 3 to 8 words of the demo's text, drawn at random."""
    words = " ".join(read_lines(TEXT)).split()
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            file.write(" ".join(draw.choices(words, k=draw.randint(3, 8))) + "\n")


def watch(process: subprocess.Popen[bytes], source: Path, records: int) -> list[Sample]:
    """Samples of a process until it ends; `source`, of so many records, is what it reads."""
    size = source.stat().st_size
    begin = time.perf_counter()
    samples: list[Sample] = []
    taken = 0
    while process.poll() is None:
        memory = memory_of(process.pid)
        taken = max(taken, _position(process.pid, source) * records // size)
        if memory is not None:
            samples.append(Sample(time.perf_counter() - begin, taken, memory))
        time.sleep(INTERVAL)
    return samples


def _position(process: int, source: Path) -> int:
    """How many bytes of the file the process has read; 0 while it does not have it open."""
    try:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if descriptor.resolve() == source:
                information = Path(f"/proc/{process}/fdinfo", descriptor.name)
                return int(information.read_text(encoding="utf-8").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass  # a file was closed or the process ended between two of these steps
    return 0


def run_embed(source: Path, output: Path, threads: int, records: int) -> list[Sample]:
    """Run `embedpipe embed` and watch it; SystemExit if it fails or its output is not there."""
    command = [sys.executable, "-m", "embedpipe", "embed", str(source), "-o", str(output)]
    command += ["--model", str(get_model(MODEL).folder), "--threads", str(threads), "--quiet"]
    with subprocess.Popen(command) as process:
        samples = watch(process, source.resolve(), records)
    if process.returncode != 0 or not output.exists():
        raise SystemExit(f"{' '.join(command)}: failed with status {process.returncode}")
    return samples


def milestones(samples: list[Sample], records: int) -> list[Sample]:
    """The first sample at FIRST records and at every further tenth of all, and the last one."""
    tenths = (records * tenth // 10 for tenth in range(1, 10))
    marks = [FIRST, *(mark for mark in tenths if mark > FIRST)]
    found = [next((s for s in samples if s.records >= mark), samples[-1]) for mark in marks]
    return [*found, samples[-1]]


def growth(samples: list[Sample]) -> float:
    """10^6 bytes between the first sample after FIRST records and the highest one from then on.

    SystemExit if no sample is that late, so that nothing was measured.
    """
    after = [sample.memory.resident for sample in samples if sample.records >= FIRST]
    if not after:
        raise SystemExit(f"the program was never seen after {FIRST:,} records: take more records")
    return max(after) - after[0]


def main() -> None:
    """Write the input, run and watch, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(
        description="Measure the memory of `embedpipe embed` over many short records."
    )
    parser.add_argument("--records", type=int, default=1_000_000, help="lines (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--suffix", default=".parquet", help="of the output (%(default)s)")
    parser.add_argument("--json", type=Path, default=OUTPUT / "memory.json", help="(%(default)s)")
    arguments = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as folder:
        source, output = Path(folder, "lines.txt"), Path(folder, f"vectors{arguments.suffix}")
        write_records(source, arguments.records)
        samples = run_embed(source, output, arguments.threads, arguments.records)
    grown = growth(samples)
    shown = milestones(samples, arguments.records)
    print(
        markdown_table(
            ["records read", "seconds", "resident MB", "highest MB"],
            [
                [
                    f"{s.records:,}",
                    f"{s.seconds:.1f}",
                    f"{s.memory.resident:.1f}",
                    f"{s.memory.highest:.1f}",
                ]
                for s in shown
            ],
        )
    )
    print(
        f"\nAfter the first {FIRST:,} records the resident size grew by {grown:.1f} MB "
        f"at most (limit: {LIMIT:.0f} MB)."
    )
    content = {"machine": describe_machine(), "model": MODEL, "growth_megabytes": grown}
    save_json(arguments.json, content, shown)
    sys.exit(0 if grown <= LIMIT else 1)


if __name__ == "__main__":
    main()
