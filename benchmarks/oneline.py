"""What the one-liner costs: `predict` beside `Encoder.encode`, and a process's first row.

    python benchmarks/oneline.py --rounds 5

`predict` is given a list of 10,000 sentences and makes a pandas frame, with a row for each text or
for each sentence found in it; `encode` gets the texts of the rows. Both take turns, and a ratio is
that of the medians. The first row is waited for in a fresh process, from its start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np

import embedpipe
from embedpipe import Encoder
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import NOTICE, OtherLoad, describe_machine
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Overhead", "first_row_seconds", "overheads"]

SENTENCES = 10_000
MODELS = {"sent_small_bert_L2_128": "bert_L2_H128", "sent_small_bert_L2_512": "bert_L2_H512"}
"""Published names, and the shapes of the models that stand in for them."""
MOST = 1.15
"""Times as long as `encode`, `predict` may take with the last model."""
LEVELS = ("document", "sentence")

FIRST_ROW = """\
import sys, time
import embedpipe
embedpipe.load(sys.argv[1]).predict("I love NLP", output_level="sentence")
print(time.time())
"""


@dataclass(frozen=True)
class Overhead:
    """One model and level of output: rows, seconds of both, and the cores that others kept busy."""

    model: str
    level: str
    rows: int
    encode: float
    predict: float
    other_cores: float | None

    @property
    def cells(self) -> list[str]:
        """As shown in the table."""
        times = f"{self.encode:.2f} s", f"{self.predict:.2f} s"
        return [self.model, self.level, f"{self.rows:,}", *times, f"{self.ratio:.3f}"]

    @property
    def ratio(self) -> float:
        """`predict` as a multiple of `encode`."""
        return self.predict / self.encode


def overheads(name: str, rounds: int) -> list[Overhead]:
    """`predict` beside `encode`, by level; fails where the vectors differ."""
    texts = list(islice(cycle(read_lines(TEXT)), SENTENCES))
    encoder, pipe = Encoder.load(name), embedpipe.load(name)
    found = []
    for level in LEVELS:
        predict = partial(pipe.predict, texts, output_level=level)
        made = predict()
        given = made[level].tolist()
        if not np.array_equal(np.stack(made[made.columns[-1]]), encoder.encode(given)):
            raise SystemExit(f"{name}, {level}: the vectors of predict are not those of encode")
        load = OtherLoad()
        pairs = [
            (_seconds(partial(encoder.encode, given)), _seconds(predict)) for _ in range(rounds)
        ]
        medians = [median(values) for values in zip(*pairs, strict=True)]
        found.append(Overhead(name, level, len(given), medians[0], medians[1], load.cores()))
    return found


def first_row_seconds(name: str, rounds: int) -> float:
    """Seconds from the start of a fresh process to its first row; one more fills the caches."""
    found = []
    for _ in range(rounds + 1):
        begin = time.time()
        command = [sys.executable, "-c", FIRST_ROW, name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(float(done.stdout) - begin)
    return median(found[1:])


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def main() -> None:
    """Measure, print the tables, write the JSON file."""
    parser = argparse.ArgumentParser(
        description="Measure what the one-liner costs beside Encoder.encode.", epilog=NOTICE
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("out/oneline.json"), help="(%(default)s)")
    arguments = parser.parse_args()
    print(NOTICE, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="embedpipe-oneline-") as folder:
        for name, shape in MODELS.items():
            Path(folder, name).symlink_to(get_model(shape).folder)
        os.environ["EMBEDPIPE_MODELS"] = folder
        results = [row for name in MODELS for row in overheads(name, arguments.rounds)]
        waited = {name: first_row_seconds(name, arguments.rounds) for name in MODELS}
    machine = describe_machine()
    print(f"\n{heading(machine)}, Python {machine['python']}\n")
    columns = ["model", "level", "rows", "encode", "predict", "predict / encode"]
    print(markdown_table(columns, [row.cells for row in results]))
    for name, seconds in waited.items():
        print(f"process start to first row, {name}: {seconds:.2f} s")
    save_json(arguments.json, {"machine": machine, "first_row_seconds": waited}, results)
    if max(row.ratio for row in results if row.model == list(MODELS)[-1]) > MOST:
        raise SystemExit(f"predict takes more than {MOST} times as long as encode")


if __name__ == "__main__":
    main()
