"""Two executor processes; a Python worker and an executor are killed while 100,000 rows run."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
from common import FOLDER, QUIET, ROWS, model

import embedpipe

COUNT, PARTITIONS = 100_000, 24


def processes(word):
    """The ids of processes of this user whose command has that word, and their parents'."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word in (entry / "cmdline").read_text():
                found[int(entry.name)] = int((entry / "stat").read_text().split(")")[1].split()[1])
        except OSError:  # it has ended
            continue
    return found


def kill_some(spark, killed):
    """One worker of the first executor when some tasks are done, then the second executor."""
    application = spark.sparkContext.applicationId
    executors = [
        pid
        for pid in processes("CoarseGrainedExecutorBackend")
        if application in Path(f"/proc/{pid}/cmdline").read_text()
    ]
    assert len(executors) == 2, executors
    tracker = spark.sparkContext.statusTracker()

    def wait_for(tasks):
        while True:
            stages = [tracker.getStageInfo(s) for s in tracker.getActiveStageIds()]
            if any(s.numTasks == PARTITIONS and s.numCompletedTasks >= tasks for s in stages if s):
                return
            time.sleep(0.02)

    wait_for(2)
    daemons = [
        pid for pid, parent in processes("embedpipe.spark.daemon").items() if parent == executors[0]
    ]
    workers = [
        pid for pid, parent in processes("embedpipe.spark.daemon").items() if parent in daemons
    ]
    os.kill(workers[0], signal.SIGKILL)
    killed.append("worker")
    wait_for(6)
    os.kill(executors[1], signal.SIGKILL)
    killed.append("executor")


spark = embedpipe.start(
    master="local-cluster[2,1,1024]",
    memory="1g",
    params={**QUIET, "spark.executor.memory": "1g"},
)
spark.sparkContext.setLogLevel("OFF")
own = model()
frame = spark.range(0, COUNT, 1, PARTITIONS).selectExpr("id", ROWS)
killed: list[str] = []
killer = threading.Thread(target=kill_some, args=(spark, killed), daemon=True)
killer.start()
made = own.transform(frame, keep=["vectors"])
made.write.parquet(str(FOLDER / "made"))
killer.join(30)
print("killed", killed)
assert killed == ["worker", "executor"], killed

table = ds.dataset(FOLDER / "made", format="parquet").to_table().sort_by("id")
assert table.column("id").to_pylist() == list(range(COUNT)), "rows were lost or doubled"
pandas = pd.DataFrame({"id": range(COUNT), "text": table.column("text").to_pylist()})
expected = own.transform(pandas, keep=["vectors"])["vectors"].array._pa_array
found = table.column("vectors")
one, other = (column.combine_chunks().flatten() for column in (found, expected))
for name in ("begin", "end", "result"):
    assert one.field(name).equals(other.field(name)), name
one, other = (fields.field("embeddings").flatten().to_numpy() for fields in (one, other))
assert one.tobytes() == other.tobytes()
print("equal", COUNT)
spark.stop()
