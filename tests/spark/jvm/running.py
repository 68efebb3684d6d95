"""Starts spark-shell, spark-sql and compiled programs, and reads what they wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from embedpipe import annotator
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.jvm.build import Spark
from tests.spark.jvm.published import TEXTS

_TIME = 540  # seconds, after which a shell hangs: on an idle machine it takes fifteen
_CONF = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.warehouse.dir": "warehouse",
}

SAID = """\
def said(what: => Any): Unit = try { what; println("@@nothing") } catch { case e: Throwable => println("@@" + e.getClass.getName + ": " + e.getMessage.replace("\\n", " ") + " @" + e.getStackTrace.map(_.getClassName).count(c => c.startsWith("embedpipe.") || c.startsWith("org.apache.spark.sql.") || c.startsWith("org.apache.spark.ml."))) }
"""  # noqa: E501


@dataclass
class Programs:
    """Runs programs of that Spark in the folder `work`, with the models in a folder."""

    spark: Spark
    models: Path
    work: Path

    def shell(self, script: str, *jars: Path, **settings: str) -> str:
        """What a real spark-shell writes for a script that is typed into it."""
        return self._run("spark-shell", [], jars, input=script, **settings)

    def sql(self, script: str, *jars: Path, **settings: str) -> str:
        """What spark-sql writes."""
        return self._run("spark-sql", ["-e", script], jars, **settings)

    def scala(self, name: str, source: str, *jars: Path) -> str:
        """What a compiled Scala program writes."""
        compiler = [self._java("java"), "-Xss8m", "-XX:TieredStopAtLevel=1", "-cp",
                    f"{self.spark.jars}/*", "scala.tools.nsc.Main", "-usejavacp"]  # fmt: skip
        return self._compiled(name, f"{name}.scala", source, [*compiler, "-nowarn"], jars)

    def java(self, name: str, source: str, *jars: Path, master: str = "local[2]") -> str:
        """What a compiled Java program writes."""
        return self._compiled(name, f"{name}.java", source, [self._java("javac")], jars, master)

    def _compiled(
        self,
        name: str,
        file: str,
        source: str,
        compiler: list[str],
        jars: tuple[Path, ...],
        master: str = "local[2]",
    ) -> str:
        folder = self.work / name
        folder.mkdir()
        (folder / file).write_text(source)
        path = os.pathsep.join([f"{self.spark.jars}/*", *map(str, jars)])
        done = subprocess.run(
            [*compiler, "-cp", path, "-d", str(folder), str(folder / file)],
            capture_output=True, text=True, timeout=_TIME, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        program = self.work / f"{name}.jar"
        with zipfile.ZipFile(program, "w") as archive:
            for one in folder.rglob("*.class"):
                archive.write(one, one.relative_to(folder))
        return self._run("spark-submit", ["--class", name, str(program)], jars, master=master)

    def _run(
        self,
        command: str,
        arguments: list[str],
        jars: tuple[Path, ...],
        input: str = "",
        master: str = "local[2]",
        **settings: str,
    ) -> str:
        options = ["--master", master, "--driver-java-options", "-XX:TieredStopAtLevel=1"]
        of_spark = {key: value for key, value in settings.items() if key.startswith("spark.")}
        for key, value in (_CONF | of_spark).items():
            options += ["--conf", f"{key}={value}"]
        if jars:
            options += ["--jars", ",".join(map(str, jars))]
        environment = {
            **os.environ,
            "SPARK_HOME": str(self.spark.jars.parent),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "EMBEDPIPE_MODELS": str(self.models),
            "EMBEDPIPE_OFFLINE": "1",
            **settings,
        }
        done = subprocess.run(
            [str(self.spark.jars.parent / "bin" / command), *options, *arguments],
            input=input, cwd=self.work, env=environment, capture_output=True, text=True,
            timeout=_TIME, check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        print(output)  # which pytest shows where a test fails
        assert done.returncode == 0
        return output

    def _java(self, name: str) -> str:
        home = os.environ.get("JAVA_HOME")
        return str(Path(home, "bin", name)) if home else name


def sayings(output: str) -> list[str]:
    """What `said` wrote."""
    return re.findall(r"(?m)^(?:scala> )?@@(.+)", output)  # Spark 3's shell repeats what is typed


def expected(model: str, models: Path) -> pa.Table:
    """What the same pipeline makes of the published texts on pandas."""
    frame = pd.DataFrame({"text": TEXTS[model]})
    return pa.Table.from_pandas(pipeline(model, models).transform(frame), preserve_index=False)


def pipeline(model: str, models: Path) -> PipelineModel:
    """The published pipeline, in Python."""
    stages = [
        DocumentAssembler().setInputCol("text").setOutputCol("document"),
        annotator.SentenceDetector().setInputCols("document").setOutputCol("sentence"),
    ]
    if model.startswith("sent_"):
        last = annotator.BertSentenceEmbeddings.load(models / model)
        last.setInputCols("sentence").setOutputCol("sentence_embeddings")
    else:
        stages.append(annotator.Tokenizer().setInputCols("sentence").setOutputCol("token"))
        kind = "AlbertEmbeddings" if model.startswith("albert") else "BertEmbeddings"
        last = getattr(annotator, kind).load(models / model)
        last.setInputCols("sentence", "token").setOutputCol("embeddings")
    return PipelineModel([*stages, last])


def assert_same(folder: Path, model: str, models: Path) -> None:
    """That the Parquet files hold the pandas pipeline's rows: texts, offsets, maps and bits."""
    wanted, found = expected(model, models), pq.read_table(folder)
    assert found.column_names == wanted.column_names
    assert plain(found) == plain(wanted)


def plain(table: pa.Table) -> list[object]:
    """Rows without regard to their order, vectors as their bytes."""
    rows = [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]
    return sorted(rows, key=repr)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], float):
            return pa.array(value, pa.float32()).buffers()[1].to_pybytes()
        if value and isinstance(value[0], tuple):
            return sorted(value)
        return [_plain(inner) for inner in value]
    return value
