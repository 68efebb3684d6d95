"""Whether `embedpipe embed` takes a folder of thousands of files in bounded memory, and resumes.

    python benchmarks/files.py --files 5000 --megabytes 2000 --kills 10

Embeds a folder without interruption, watching its resident memory; then the same folder again,
ended by `kill -9` at random moments and resumed each time; and compares the two outputs byte for
byte. With --overhead it measures how much more processor time Parquet to Parquet takes than
`Encoder.encode` alone: the median of several turns.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import describe_machine, memory_of
from embedpipe_bench.models import get_model
from embedpipe_bench.report import markdown_table

__all__ = ["contents", "run_to_the_end", "write_folder"]

LIMIT = 500.0
"""Megabytes of resident memory."""


def write_folder(folder: Path, files: int, megabytes: int, records: int) -> None:
    """CSV files of `records` short texts each, beside a longer column that fills them."""
    words = " ".join(read_lines(TEXT)).split()
    draw = random.Random(0)
    filling = " ".join(draw.choices(words, k=200_000))
    size = megabytes * 1_000_000 // files // records
    for number in range(files):
        path = folder / f"{number // 1000}" / f"{number:05}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "text", "notes"])
            for record in range(records):
                text = " ".join(draw.choices(words, k=draw.randint(5, 20)))
                begin = draw.randrange(len(filling) - size)
                notes = filling[begin : begin + size - len(text) - 12]
                writer.writerow([number * records + record, text, notes])


def _start(source: Path, output: Path, model: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "embedpipe", "embed", str(source), "-o", f"{output}/"]
    return subprocess.Popen([*command, "--model", model, "--resume", "--quiet"])


def run_to_the_end(source: Path, output: Path, model: str) -> tuple[float, float]:
    """Seconds, and the most resident megabytes; SystemExit if it fails."""
    begin, highest = time.perf_counter(), 0.0
    with _start(source, output, model) as process:
        while process.poll() is None:
            memory = memory_of(process.pid)
            highest = max(highest, memory.resident if memory else 0.0)
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"embedpipe embed ended with {process.returncode}")
    return time.perf_counter() - begin, highest


def _killed(source: Path, output: Path, model: str, kills: int, seconds: float) -> list[int]:
    """Kill it so often at random moments, then let it end; the finished parts after each kill."""
    draw = random.Random()
    parts = []
    for _ in range(kills):
        with _start(source, output, model) as process:
            time.sleep(draw.uniform(0.05, 0.3) * seconds)
            process.send_signal(signal.SIGKILL)
        parts.append(len(list(output.glob("part-*"))))
        print(f"killed with {parts[-1]} parts", file=sys.stderr, flush=True)
    run_to_the_end(source, output, model)
    return parts


def contents(folder: Path) -> dict[str, bytes]:
    """The files of an output, by name."""
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def _measure_overhead(model: str, turns: int, records: int) -> list[float]:
    """How many times the processor time of `Encoder.encode` it takes `embed_files`, in turns."""
    lines = [line for line in read_lines(TEXT) if line][:records]
    encoder = Encoder.load(model)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "in.parquet"), Path(folder, "out.parquet")
        parquet.write_table(pa.table({"id": range(len(lines)), "text": lines}), source)
        for turn in range(-1, turns):  # the first warms up
            begin = time.process_time()
            encoder.encode(lines)
            alone = time.process_time() - begin
            begin = time.process_time()
            embed_files(source, output, embedding=ModelOptions(encoder), overwrite=True)
            if turn >= 0:
                ratios.append((time.process_time() - begin) / alone)
    return ratios


def main() -> None:
    """Write the folder, run, kill, compare, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=5000, help="(%(default)s)")
    parser.add_argument("--megabytes", type=int, default=2000, help="(%(default)s)")
    parser.add_argument("--records", type=int, default=40, help="of a file (%(default)s)")
    parser.add_argument("--kills", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--model", default="bert_L2_H128", help="(%(default)s)")
    parser.add_argument("--overhead", action="store_true", help="measure that alone")
    parser.add_argument("--turns", type=int, default=5, help="of --overhead (%(default)s)")
    parser.add_argument("--lines", type=int, default=1957, help="of --overhead (%(default)s)")
    given = parser.parse_args()
    print(describe_machine(), f"load {os.getloadavg()[0]:.0f}", file=sys.stderr)
    if given.overhead:
        model = str(get_model(given.model).folder)
        ratios = _measure_overhead(model, given.turns, given.lines)
        print(f"ratio {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
        return
    model = str(get_model(given.model).folder)
    with tempfile.TemporaryDirectory(prefix="embedpipe-files-") as folder:
        source, whole, killed = (Path(folder, name) for name in ("in", "whole", "killed"))
        source.mkdir()
        write_folder(source, given.files, given.megabytes, given.records)
        seconds, highest = run_to_the_end(source, whole, model)
        print(f"uninterrupted: {seconds:.0f} s, {highest:.0f} MB", file=sys.stderr, flush=True)
        parts = _killed(source, killed, model, given.kills, seconds)
        is_same = contents(whole) == contents(killed)
        size = sum(path.stat().st_size for path in source.rglob("*.csv")) / 1e6
        row = [f"{given.files:,}", f"{size:,.0f}", f"{seconds:.0f}", f"{highest:.0f}"]
        header = ["files", "MB", "seconds", "resident MB", "parts", "parts at kills", "equal"]
        shown = [*row, str(len(contents(whole))), " ".join(map(str, parts)), str(is_same)]
        print(markdown_table(header, [shown]))
    sys.exit(0 if is_same and highest <= LIMIT else 1)


if __name__ == "__main__":
    main()
