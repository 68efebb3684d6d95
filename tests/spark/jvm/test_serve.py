"""What the JVM asks, asked without one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from embedpipe import __version__
from embedpipe.errors import MissingDependencyError
from embedpipe.jvm import build
from embedpipe.jvm.build import find_spark
from embedpipe.jvm.declarations import scala_sources
from embedpipe.jvm.serve import answer, serve
from embedpipe.params.param import accessor_name
from embedpipe.stages import STAGES
from tests.spark.jvm.published import TEXTS

SENTENCES = next(iter(TEXTS))


def asked(models, name=SENTENCES):
    return {"ask": "pretrained", "class": "BertSentenceEmbeddings", "name": name, "lang": "en",
            "remoteLoc": str(models)}  # fmt: skip


def test_a_stage_comes_back_with_its_model_and_what_follows_from_it(models):
    stage = answer(asked(models))["stage"]
    assert stage["class"] == "BertSentenceEmbeddings"
    assert stage["defaults"]["dimension"] == 64
    assert stage["defaults"]["storageRef"] == stage["uid"]
    assert stage["model"] == {"reference": str(models / SENTENCES)}


def test_an_error_is_an_answer_in_the_words_of_python(models):
    assert "nothing is at" in answer(asked(models, "no_such_model"))["error"]


def test_a_stage_without_a_model_is_told_how_to_get_one():
    bare = {"class": "BertEmbeddings", "uid": "BERT_1", "params": {}, "defaults": {}}
    error = answer({"ask": "plan", "stages": [bare], "schema": "{}", "shared": True})["error"]
    assert error.startswith("BertEmbeddings BERT_1 has no model")
    assert "BertEmbeddings.pretrained(" in error


def test_serves_until_there_are_no_more_questions(models):
    process = subprocess.run(
        [sys.executable, "-m", "embedpipe.jvm.serve"],
        input="\n".join(map(json.dumps, [asked(models), asked(models, "none")])) + "\n",
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    version, found, error = process.stdout.splitlines()
    assert version == __version__
    assert "stage" in json.loads(found) and "error" in json.loads(error)


def test_ends_when_nobody_asks(capsys):
    questions, other = os.pipe()
    with os.fdopen(questions, "rb", buffering=0) as asked_nothing:
        serve(asked_nothing, sys.stdout, patience=0.01)
    os.close(other)
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("stage", STAGES)
def test_every_parameter_has_its_setter_and_getter_in_scala(stage):
    source = scala_sources()[f"{stage.__name__}.scala"]
    for param in stage().params:
        setter, getter = accessor_name("set", param.name), accessor_name("get", param.name)
        assert re.search(rf"def {setter}\(value: [\w\[\]]+\): this.type", source)
        assert re.search(rf"def {getter}: ", source)
    assert ("def pretrained(" in source) == hasattr(stage, "pretrained")


def test_no_spark_or_too_old_a_one_is_told(tmp_path):
    with pytest.raises(
        MissingDependencyError, match=r"no Spark is in .*--spark-home or SPARK_HOME"
    ):
        find_spark(tmp_path)
    (tmp_path / "jars").mkdir()
    for name in ("scala-compiler-2.12", "scala-library-2.12", "spark-mllib_2.12-3.4.1",
                 "spark-sql_2.12-3.4.1"):  # fmt: skip
        (tmp_path / "jars" / f"{name}.jar").touch()
    with pytest.raises(MissingDependencyError, match=r"Spark 3\.4\.1 is in .*3\.5 or newer"):
        find_spark(tmp_path)


def test_no_java_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"no Java is at .*apt-get install openjdk-17"):
        build.build_jar(find_spark(), tmp_path / "one.jar")
