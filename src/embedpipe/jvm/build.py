"""Compiles the Scala sources into a JAR, with the compiler among Spark's own JARs.

Classes compiled for one version of Spark do not all fit the next one, since they use what Spark
keeps to itself; so they are compiled where they run, in some ten seconds, once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from embedpipe._version import __version__
from embedpipe.environment import cache_directory, installed_home
from embedpipe.errors import MissingDependencyError, OutputError
from embedpipe.jvm.declarations import scala_sources
from embedpipe.output import AtomicFile

__all__ = ["Spark", "build_jar", "cached_jar", "find_spark"]

_HERE = Path(__file__).parent / "scala"
_NEEDED = ("scala-compiler", "scala-library", "spark-mllib", "spark-sql")
_OLDEST = (3, 5)
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that archives can tell


@dataclass(frozen=True)
class Spark:
    """A Spark that is installed: its folder of JARs, and its version, such as 4.0.1."""

    jars: Path
    version: str

    @property
    def major(self) -> int:
        """The first number of the version."""
        return self._numbers[0]

    @property
    def is_known(self) -> bool:
        """Whether it is new enough to run embedpipe."""
        return self._numbers >= _OLDEST

    @property
    def _numbers(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)


def find_spark(home: str | os.PathLike[str] | None = None) -> Spark:
    """The Spark in that folder, or in SPARK_HOME, or that pyspark brings.

    Raises MissingDependencyError if there is none, or one before 3.5.
    """
    place = home or installed_home("spark") or _pyspark_folder()
    jars = Path(place) / "jars"
    core = next(iter(jars.glob("spark-sql_*.jar")), None)
    absent = [name for name in _NEEDED if not any(jars.glob(f"{name}*.jar"))]
    if core is None or absent:
        raise MissingDependencyError(
            f"no Spark is in {place}: {jars} lacks {', '.join(absent)}; expected the folder of an "
            "Apache Spark, as SPARK_HOME names it. Name it by --spark-home or SPARK_HOME, or "
            "install one: pip install 'embedpipe[spark]'"
        )
    spark = Spark(jars, re.sub(r".*_[\d.]+-(.*)\.jar", r"\1", core.name))
    if not spark.is_known:
        raise MissingDependencyError(
            f"Spark {spark.version} is in {place}; expected 3.5 or newer. Name another by "
            "--spark-home or SPARK_HOME"
        )
    return spark


def cached_jar(spark: Spark) -> Path:
    """The JAR for that Spark, made unless it is in the cache already."""
    sources = _sources(spark)
    told = "\0".join(f"{name}\0{text}" for name, text in sorted(sources.items()))
    mark = hashlib.sha256(told.encode()).hexdigest()[:12]
    jar = cache_directory() / "jvm" / f"embedpipe-{__version__}-spark-{spark.version}-{mark}.jar"
    if not jar.exists():
        build_jar(spark, jar)
    return jar


def build_jar(spark: Spark, target: Path) -> Path:
    """Compile the classes for that Spark into the file `target`, which is replaced.

    Raises MissingDependencyError without Java, OutputError for what the compiler says.
    """
    java = _java()
    with tempfile.TemporaryDirectory(prefix="embedpipe-jvm-") as folder:
        sources, classes = Path(folder, "sources"), Path(folder, "classes")
        sources.mkdir()
        classes.mkdir()
        for name, text in _sources(spark).items():
            (sources / name).write_text(text, encoding="utf-8")
        command = [java, "-Xss8m", "-XX:TieredStopAtLevel=1", "-cp", f"{spark.jars}/*"]
        options = ["-usejavacp", "-deprecation:false", "-nowarn", "-d", str(classes)]
        done = subprocess.run(  # noqa: S603 - Java, on our own sources
            [*command, "scala.tools.nsc.Main", *options, *map(str, sorted(sources.iterdir()))],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise OutputError(
                f"the classes for Spark {spark.version} cannot be compiled; expected a Spark 3.5 "
                f"or 4, as it was released. The compiler says:\n{done.stdout}{done.stderr}"
            )
        _pack(classes, target)
    return target


def _sources(spark: Spark) -> dict[str, str]:
    """By name: those of this package, but the shim of the other Sparks, and those of stages."""
    other = "Shim3.scala" if spark.major > 3 else "Shim4.scala"
    own = {file.name: file.read_text(encoding="utf-8") for file in _HERE.glob("*.scala")}
    version = f'private[sql] object Build {{ val version = "{__version__}" }}\n'
    own["Build.scala"] = f"package org.apache.spark.sql.embedpipe\n\n{version}"
    return {name: text for name, text in own.items() if name != other} | scala_sources()


def _pack(classes: Path, target: Path) -> None:
    """The classes as a JAR: the same ones give the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with AtomicFile(os.fspath(target)) as file, zipfile.ZipFile(file, "w") as archive:  # type: ignore[call-overload]
        for one in sorted(classes.rglob("*.class")):
            member = zipfile.ZipInfo(one.relative_to(classes).as_posix(), _EARLIEST)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, one.read_bytes())


def _java() -> str:
    home = installed_home("java")
    found = str(home / "bin" / "java") if home else shutil.which("java")
    if not found or not Path(found).exists():
        raise MissingDependencyError(
            f"no Java is at {found or 'any place in PATH'}; expected version 17 or newer, as Spark "
            "needs it. Install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless), or "
            "set JAVA_HOME"
        )
    return found


def _pyspark_folder() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "no Spark is known: SPARK_HOME is not set, and pyspark is not installed. Set it, or "
            "pip install 'embedpipe[spark]'"
        )
    return Path(spec.origin).parent
