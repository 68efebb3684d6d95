"""What a JVM is told: the function, the schema and the files, without any JVM."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pyarrow as pa
import pytest

from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.spark import plan_for_jvm
from tests.support.model_folders import tiny_config, write_model

pytest.importorskip("pyspark")
from pyspark.sql.types import StringType, StructField, StructType

SCHEMA = StructType([StructField("text", StringType()), StructField("_2", StringType())]).json()
ROWS = pa.record_batch({"text": ["I hate cancer. So it is.", None], "_2": ["a", "b"]})


@pytest.fixture(scope="module")
def models(testdata, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    write_model(folder / "tiny", tiny_config(vocab_size=30522), vocab=vocab)
    return folder


def described(models):
    return [
        {"class": "DocumentAssembler", "params": {"inputCol": "text"}},
        {
            "class": "SentenceDetector",
            "params": {"inputCols": ["document"], "outputCol": "sentence"},
        },
        {
            "class": "BertSentenceEmbeddings",
            "uid": "BERT_SENTENCE_EMBEDDINGS_1",
            "load": str(models / "tiny"),
            "params": {"inputCols": ["sentence"], "outputCol": "vectors"},
        },
    ]


def pipeline(models):
    stages = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        BertSentenceEmbeddings.load(models / "tiny").setParams(
            inputCols=["sentence"], outputCol="vectors"
        ),
    ]
    return PipelineModel(stages)


@pytest.mark.parametrize("shared", [True, False])
def test_the_command_gives_what_the_pipeline_gives(models, shared, monkeypatch):
    plan = plan_for_jvm(json.dumps(described(models)), SCHEMA, shared=shared)
    function, spark_type = pickle.loads(plan.command)
    if not shared:
        (archive,) = plan.files
        monkeypatch.setattr("pyspark.SparkFiles.get", lambda _: archive)
    made = pa.Table.from_batches(function(iter([ROWS])))
    expected = pa.Table.from_batches(pipeline(models).transform_batches([ROWS]))
    assert made.equals(expected)
    assert spark_type.json() == plan.schema
    assert spark_type.names == expected.column_names
    assert bool(plan.files) is not shared


def test_a_saved_pipeline_gives_the_same(models, tmp_path):
    model = pipeline(models)
    model.write().bundle(tmp_path / "saved.zip")
    plan = plan_for_jvm(str(tmp_path / "saved.zip"), SCHEMA, shared=True)
    function, _ = pickle.loads(plan.command)
    assert list(function(iter([ROWS]))) == list(model.transform_batches([ROWS]))


def test_a_process_answers_in_one_line(models):
    request = json.dumps({"stages": described(models), "schema": SCHEMA})
    command = [sys.executable, "-m", "embedpipe.spark.jvm", "-"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["schema"] == plan_for_jvm(described(models), SCHEMA).schema
    assert answer["python"] == sys.executable


def test_what_does_not_fit_is_told_before_anything_runs(models):
    other = StructType([StructField("body", StringType())]).json()
    with pytest.raises(ColumnError, match="input column 'text' is missing"):
        plan_for_jvm(described(models), other)
    with pytest.raises(ParameterError, match="stage 0 is of the class 'Stemmer'; expected one of"):
        plan_for_jvm([{"class": "Stemmer"}], SCHEMA)
