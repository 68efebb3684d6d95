"""Four Python workers with one model between them, in two executors: what they hold together."""

from __future__ import annotations

import os
import re
from pathlib import Path

from common import QUIET, ROWS, model

import embedpipe

PACKED = re.compile(r"^\S+-\S+ .*\.packed.*$(?:\n(?!Pss:)[A-Z].*)*\nPss: +(\d+) kB", re.MULTILINE)
"""The part of a mapping of packed weights that a process is counted for, in kB."""

# Spark starts tasks when both executors are there; otherwise one of them may do all alone.
BOTH = {
    "spark.cores.max": "4",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
}
spark = embedpipe.start(
    master="local-cluster[2,2,1024]",
    memory="1g",
    params={**QUIET, **BOTH, "spark.executor.memory": "1g"},
)
spark.sparkContext.setLogLevel("OFF")
made = model("large").transform(spark.range(0, 8_000, 1, 8).selectExpr("id", ROWS))
finished = made.selectExpr("size(vectors) as n").groupBy().sum("n").first()[0]
assert finished == 8_000

packed = sum(p.stat().st_size for p in Path(os.environ["EMBEDPIPE_CACHE"], "packed").iterdir())
held, weights = [], 0
for entry in Path("/proc").iterdir():
    try:
        if entry.name.isdigit() and "embedpipe.spark.daemon" in (entry / "cmdline").read_text():
            maps = (entry / "smaps").read_text()
            environment = (entry / "environ").read_text()
            if ".packed" in maps and os.environ["EMBEDPIPE_CACHE"] in environment:
                rollup = (entry / "smaps_rollup").read_text().splitlines()
                held.append(next(int(line.split()[1]) for line in rollup if line[:4] == "Pss:"))
                weights += sum(int(kb) for kb in PACKED.findall(maps))
    except OSError:
        continue
print(
    f"workers {len(held)}, PSS {sum(held) / 1e3:.0f} MB, of which weights {weights / 1e3:.0f} MB; "
    f"packed weights {packed / 1e6:.0f} MB"
)
assert len(held) == 4, held
assert 0 < weights * 1024 < 1.1 * packed, "each worker holds a copy of its own"
assert sum(held) * 1024 < 1.5 * packed + 4 * 100e6, "workers hold more than 100 MB each"
spark.stop()
