"""`embed_files` holds a batch at a time: memory does not grow with the number of records."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.support.cli_support import write_tiny_model

RECORDS = 100_000
DIMENSION = 256
WARM_UP = 10_000
LIMIT = 50 * 2**20  # what a million records may take

PROGRAM = """
import os, sys
from embedpipe import ModelOptions, embed_files
from embedpipe.progress import Progress

resident, advance = [], Progress.advance

def measuring(progress, records, *, share=None):
    advance(progress, records, share=share)
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    resident.append((progress.done, pages * os.sysconf("SC_PAGE_SIZE")))

Progress.advance = measuring
model, source, output = sys.argv[1:]
summary = embed_files([source], output, embedding=ModelOptions(model))
warm = next(size for records, size in resident if records >= WARM_UP)
print(summary.records, max(size for _, size in resident) - warm)
"""


def write_records(path: Path) -> Path:
    """RECORDS short texts, and where there are columns another one of 1,000 random digits each.

    They are one row group in Parquet, larger than what memory may grow by.
    """
    texts = [f"no {i}" for i in range(RECORDS)]
    random = Random(1)
    others = [random.randbytes(500).hex() for _ in texts]
    if path.suffix == ".parquet":
        parquet.write_table(pa.table({"text": texts, "other": others}), path)
    elif path.suffix == ".jsonl":
        lines = (json.dumps({"text": t, "other": o}) for t, o in zip(texts, others, strict=True))
        path.write_text("".join(f"{line}\n" for line in lines))
    elif path.suffix == ".csv":
        lines = (f"{t},{o}\n" for t, o in zip(texts, others, strict=True))
        path.write_text("text,other\n" + "".join(lines))
    else:
        path.write_text("".join(f"{text}\n" for text in texts))
    return path


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        (".txt", ".parquet"),
        (".txt", ".npy"),
        (".csv", ".jsonl"),
        (".jsonl", ".parquet"),
        (".parquet", ".parquet"),
    ],
)
def test_memory_stays_bounded_after_the_first_10000_records(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    vectors = (RECORDS - WARM_UP) * DIMENSION * 4
    assert vectors > 1.5 * LIMIT  # so that keeping the vectors would be noticed
    model = write_tiny_model(tmp_path / "tiny", hidden=DIMENSION)
    source = write_records(tmp_path / f"in{kind}")
    run = subprocess.run(
        [
            *(sys.executable, "-c", PROGRAM.replace("WARM_UP", str(WARM_UP))),
            *(str(model), str(source), str(tmp_path / f"out{suffix}")),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    records, growth = map(int, run.stdout.split())
    print(f"{growth / 2**20:.1f} MiB of growth")
    assert records == RECORDS
    assert growth < LIMIT
