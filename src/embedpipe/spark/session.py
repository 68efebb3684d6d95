"""`embedpipe.start`: a Spark session on this machine, with settings that serve here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embedpipe._dependencies import require
from embedpipe.environment import installed_home, use_this_python_on_spark
from embedpipe.errors import MissingDependencyError, ParameterError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["check_java", "start"]

_SETTINGS = {
    "spark.driver.maxResultSize": "0",  # rows with vectors are large
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "true",
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",
}
_OLDEST_JAVA = {3: 8, 4: 17}
"""By Spark's major version; later ones take at least as new a Java as the last."""

_INSTALL_JAVA = (
    "Install Java 17, which all versions of Spark from 3.5 on run on: sudo apt-get install "
    "openjdk-17-jre-headless (Debian, Ubuntu), sudo dnf install java-17-openjdk-headless (Fedora), "
    "brew install openjdk@17 (macOS)"
)


def start(
    *,
    master: str = "local[*]",
    memory: str = "4g",
    params: Mapping[str, Any] | None = None,
    app_name: str = "embedpipe",
    gpu: bool = False,
) -> SparkSession:
    """The Spark session, made if there is none yet.

    Args:
        master: where Spark runs; by default on all cores of this machine.
        memory: of the driver, which on one machine computes too; Python workers and the models in
            them need theirs beside it.
        params: further settings of Spark by name, which overrule those made here.
        app_name: the application's name.
        gpu: accepted for Spark NLP's code; True is refused, since processors compute.

    Executors' Python is this one, unless `PYSPARK_PYTHON` names another.

    Raises:
        MissingDependencyError: no pyspark, or no Java of a version that it runs on.
        ParameterError: gpu.
    """
    if gpu:
        raise ParameterError("start: gpu is True; embedpipe computes on processors: leave it out")
    sql = require("pyspark.sql", "a Spark session")
    if not master.startswith("sc://"):
        check_java()
    use_this_python_on_spark()
    builder = sql.SparkSession.builder.appName(app_name)
    builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    settings = {**_SETTINGS, "spark.driver.memory": memory}
    if master.startswith("local"):  # where Python is this one and so has this module
        settings["spark.python.daemon.module"] = "embedpipe.spark.daemon"
    settings |= params or {}
    for name, value in settings.items():
        builder = builder.config(name, str(value))
    return builder.getOrCreate()


def check_java() -> None:
    """Raise MissingDependencyError unless a Java is there that this version of Spark runs on."""
    spark = require("pyspark", "a Spark session").__version__
    needed = _OLDEST_JAVA[min(int(spark.partition(".")[0]), max(_OLDEST_JAVA))]
    home = installed_home("java")
    java = str(home / "bin/java") if home else shutil.which("java")
    if java is None:
        raise MissingDependencyError(
            f"Spark {spark} needs Java {needed} or newer, and there is none: no JAVA_HOME, and no "
            f"java among the commands. {_INSTALL_JAVA}"
        )
    found = _java_version(java)
    if found is None:
        raise MissingDependencyError(
            f"Spark {spark} needs Java {needed} or newer, and {java} does not run or does not tell "
            f"its version{' (JAVA_HOME names it)' if home else ''}. {_INSTALL_JAVA}"
        )
    if found < needed:
        raise MissingDependencyError(
            f"Spark {spark} needs Java {needed} or newer, and {java} is Java {found}"
            f"{' (JAVA_HOME names it)' if home else ''}. {_INSTALL_JAVA}; then set JAVA_HOME to it"
        )


def _java_version(java: str) -> int | None:
    """The major version that a `java` command tells."""
    try:
        done = subprocess.run(  # noqa: S603 - the command that Spark itself would run
            [java, "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else None
