"""What users and clusters do wrong: errors on the driver that say what and what to do."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys

import pandas as pd
import pytest

import embedpipe
from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, PipelineModel
from embedpipe.errors import ColumnError, InputError, MissingDependencyError, ParameterError
from embedpipe.spark import cause_of, shipped
from embedpipe.spark.session import check_java
from tests.support.model_folders import tiny_config, write_model


def text_stages():
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
    ]


def sentence_stage(path):
    return BertSentenceEmbeddings.load(path).setParams(inputCols=["sentence"], outputCol="made")


def make_model(testdata, folder, seed=0):
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    config = tiny_config(vocab_size=30522, max_position_embeddings=64)
    return write_model(folder, config, seed=seed, vocab=vocab)


def test_null_texts_empty_frames_and_empty_partitions(spark):
    model = PipelineModel(text_stages())
    rows = spark.createDataFrame([(None,), ("It rains.",)], "text string").repartition(7)
    made = {row["text"]: row["sentence"] for row in model.transform(rows).collect()}
    assert made[None] is None
    assert [a["result"] for a in made["It rains."]] == ["It rains."]
    nothing = model.transform(spark.createDataFrame([], "text string"))
    assert nothing.collect() == []
    assert nothing.columns == ["text", "document", "sentence"]


def test_columns_are_checked_before_anything_runs(spark):
    model = PipelineModel(text_stages())
    with pytest.raises(ColumnError, match=r"input column 'text' is missing.*'body' \(string\)"):
        model.transform(spark.createDataFrame([("a",)], ["body"]))
    with pytest.raises(ColumnError, match="input column 'text' holds array<int>; it must hold st"):
        model.transform(spark.createDataFrame([([1],)], "text array<int>"))
    with pytest.raises(ColumnError, match="output column 'document' is there already") as raised:
        model.transform(spark.createDataFrame([("a", 1)], ["text", "document"]))
    assert "drop that column first" in raised.value.remedy
    with pytest.raises(ColumnError, match=r"keep_.*input column 'vectors' is missing"):
        model.transform(spark.createDataFrame([("a",)], ["text"]), keep=["vectors"])


def test_kept_columns_are_the_only_made_ones(spark):
    frame = spark.createDataFrame([("It rains.", 1)], ["text", "n"])
    made = PipelineModel(text_stages()).transform(frame, keep=["sentence"])
    assert made.columns == ["text", "n", "sentence"]
    assert made.first()["sentence"][0]["result"] == "It rains."


def test_frames_of_pandas_on_spark_are_refused_with_the_way_out():
    frame = type("DataFrame", (), {"__module__": "pyspark.pandas.frame"})()  # which needs pandas 2
    with pytest.raises(InputError, match=r"pass frame\.to_spark\(\)"):
        PipelineModel(text_stages()).transform(frame)


def test_a_document_of_ten_megabytes(spark):
    text = "It rains, and we stay at home today. " * 270_000
    made = PipelineModel(text_stages()).transform(spark.createDataFrame([(text,)], ["text"]))
    assert made.selectExpr("size(sentence) AS n").first()["n"] == 270_000


def test_a_model_that_vanished_still_goes_from_memory(spark, testdata, tmp_path):
    folder = make_model(testdata, tmp_path / "gone")
    model = PipelineModel([*text_stages(), sentence_stage(folder)])
    frame = spark.createDataFrame([("It rains.",)], ["text"])
    expected = model.transform(pd.DataFrame({"text": ["It rains."]}))["made"][0][0]["embeddings"]
    promised = model.transform(frame)
    shutil.rmtree(folder)
    assert list(model.transform(frame).first()["made"][0]["embeddings"]) == list(expected)
    with pytest.raises(Exception, match="no longer as they were") as raised:
        promised.collect()
    cause = cause_of(raised.value)
    assert str(folder) in str(cause)
    assert "make the data frame again" in str(cause)


def test_two_models_of_one_name_stay_two(spark, testdata, tmp_path):
    stages = text_stages()
    for seed in (0, 1):
        folder = make_model(testdata, tmp_path / str(seed) / "same", seed)
        stages.append(sentence_stage(folder).setOutputCol(f"made{seed}"))
    spark.conf.set("spark.embedpipe.models", "files")
    try:
        row = PipelineModel(stages).transform(spark.createDataFrame([("Hi.",)], ["text"])).first()
    finally:
        spark.conf.unset("spark.embedpipe.models")
    expected = PipelineModel(stages).transform(pd.DataFrame({"text": ["Hi."]}))
    for name in ("made0", "made1"):
        assert list(row[name][0]["embeddings"]) == list(expected[name][0][0]["embeddings"])
    assert row["made0"] != row["made1"]


def test_errors_of_executors_name_stage_column_partition_and_remedy(spark, testdata, tmp_path):
    folder = make_model(testdata, tmp_path / "strict")
    stage = sentence_stage(folder).setMaxSentenceLength(8).setLengthPolicy("error")
    frame = spark.createDataFrame([("many words " * 9,)], ["text"])
    with pytest.raises(Exception, match="An exception was thrown from the Python worker") as raised:
        PipelineModel([*text_stages(), stage]).transform(frame).collect()
    cause = cause_of(raised.value)
    assert isinstance(cause, InputError)
    message = str(cause)
    assert "partition " in message
    assert f"stage {stage.label}, reading 'sentence'" in message
    assert cause.remedy
    assert "at org.apache.spark" not in str(raised.value)[: str(raised.value).index(message[:40])]


def test_a_setting_that_is_none(spark):
    spark.conf.set("spark.embedpipe.models", "cloud")
    try:
        with pytest.raises(ParameterError, match="'cloud'; expected 'shared', 'files' or 'auto'"):
            PipelineModel(text_stages()).transform(spark.createDataFrame([("a",)], ["text"]))
    finally:
        spark.conf.unset("spark.embedpipe.models")


def test_an_executor_without_embedpipe_or_with_another_version_says_so():
    from pyspark import cloudpickle

    function = cloudpickle.dumps(shipped.BatchFunction(b"", "0.0.1"))
    with pytest.raises(RuntimeError, match=r"has embedpipe .*, and the driver has 0\.0\.1"):
        list(pickle.loads(function)(iter([])))
    code = (
        "import sys, pickle; sys.modules['embedpipe'] = None\n"
        f"list(pickle.loads({function!r})(iter([])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot import embedpipe" in done.stderr
    assert "pip install embedpipe==0.0.1" in done.stderr


def test_threads_follow_the_processors_of_a_task(models, monkeypatch):
    from pyspark import TaskContext
    from pyspark.sql.types import StringType, StructField, StructType

    from embedpipe.pipeline.plan import Planner
    from embedpipe.spark import worker
    from embedpipe.spark.schema import columns_of_spark
    from embedpipe.spark.sending import on_this_disk, stages_function

    class Task:
        @staticmethod
        def cpus():
            return 3

    monkeypatch.setattr(TaskContext, "get", lambda: Task)
    schema = StructType([StructField("text", StringType())])
    stages = [*text_stages(), sentence_stage(models / "sent_small_bert_L2_512")]
    plan = Planner(stages).plan(columns_of_spark(schema))
    payload = stages_function(stages, plan, schema, on_this_disk).payload
    assert worker.opened(payload).stages[-1].encoder.threads == 3
    assert worker.opened(payload) is worker.opened(payload)


def test_vectors_of_fixed_size_are_arrays_of_spark(spark, models):
    stages = [
        DocumentAssembler(inputCol="text"),
        BertSentenceEmbeddings.load(models / "sent_small_bert_L2_512").setParams(
            inputCols=["document"], outputCol="made"
        ),
        EmbeddingsFinisher(
            inputCols=["made"], outputCols=["vector"], outputAs="vector", cleanAnnotations=True
        ),
    ]
    made = PipelineModel(stages).transform(spark.createDataFrame([("Hi",), (None,)], ["text"]))
    assert dict(made.dtypes) == {"text": "string", "vector": "array<float>"}
    rows = {row["text"]: row["vector"] for row in made.collect()}
    assert len(rows["Hi"]) == 16
    assert rows[None] is None


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "does not run or does not tell its version"),
        ("echo 'openjdk version \"1.7.0_80\"' >&2", "is Java 7"),
    ],
)
def test_a_java_that_spark_does_not_run_on(script, message, tmp_path, monkeypatch):
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=message) as raised:
        check_java()
    assert "apt-get install openjdk-17-jre-headless" in str(raised.value)


def test_no_java_at_all_and_no_gpu(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="there is none: no JAVA_HOME"):
        check_java()
    with pytest.raises(ParameterError, match="computes on processors"):
        embedpipe.start(gpu=True)
