"""The process that forks Spark's Python workers: where it takes pyspark from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent
PROGRAM = """
from embedpipe.spark.daemon import leave_archives
leave_archives()
import py4j, pyspark
print(pyspark.__file__)
"""


WITHOUT_ENGINE = """
import sys
sys.modules["embedpipe._native"] = None
from embedpipe.spark.daemon import load
load()
print("pandas" in sys.modules, "embedpipe.engine.native" in sys.modules)
"""


def taken_from(home: Path, archives: Path) -> Path:
    """The file of pyspark that the daemon imports, if Spark begins it as one of that home."""
    places = [str(path) for path in sorted(archives.glob("*.zip"))]
    assert len(places) == 2, places
    places += filter(None, [os.environ.get("PYTHONPATH")])
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "SPARK_HOME": str(home), "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip())


def test_an_installed_pyspark_is_taken_compiled() -> None:
    assert taken_from(HOME, HOME / "python/lib") == HOME / "__init__.py"


def test_the_archives_of_another_spark_are_kept(tmp_path: Path) -> None:
    lib = tmp_path / "python/lib"
    shutil.copytree(HOME / "python/lib", lib)
    assert taken_from(tmp_path, lib) == lib / "pyspark.zip/pyspark/__init__.py"


def test_an_executor_without_the_engine_forks_workers_that_can_say_so() -> None:
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_ENGINE], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["True", "False"]
