"""Real shells and programs of the Spark in SPARK_HOME, or of the installed pyspark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from embedpipe.jvm.build import build_jar, find_spark
from tests.spark.jvm.published import TEXTS
from tests.spark.jvm.running import Programs
from tests.support.model_folders import write_albert, write_bert

if find_spark().major < 4:
    collect_ignore = [
        "test_data_source.py",
        "test_source_parts.py",
    ]  # Python data sources came with Spark 4


@pytest.fixture(scope="session")
def models(testdata, tmp_path_factory):
    """Small models with random weights, under the published names."""
    folder = tmp_path_factory.mktemp("models")
    words = testdata / "vocabularies/bert_uncased/vocab.txt"
    pieces = testdata / "vocabularies/albert_30k/spiece.model"
    sentence, word, albert = TEXTS
    write_bert(folder / sentence, layers=2, hidden=64, vocab=words, vocab_size=30522)
    write_bert(folder / word, layers=3, hidden=64, vocab=words, vocab_size=30522, seed=1)
    write_albert(folder / albert, layers=2, hidden=64, vocab=pieces, seed=2)
    return folder


@pytest.fixture(scope="session")
def jar(tmp_path_factory):
    """embedpipe's classes for this Spark."""
    if shutil.which("java") is None:
        pytest.skip("COULD NOT RUN: no Java; apt-get install openjdk-17-jdk-headless brings one")
    return build_jar(find_spark(), tmp_path_factory.mktemp("jar") / "embedpipe.jar")


@pytest.fixture(scope="session")
def programs(models, tmp_path_factory):
    """Starts shells and programs, which find the models by their names and no network."""
    if shutil.which("java") is None:
        pytest.skip("COULD NOT RUN: no Java; apt-get install openjdk-17-jdk-headless brings one")
    return Programs(find_spark(), models, Path(tmp_path_factory.mktemp("programs")))
