"""Drivers of their own: a cluster of two executors, memory of four workers, Spark Connect."""

from __future__ import annotations

import shutil

import pytest

from embedpipe.jvm.build import find_spark
from tests.support.model_folders import write_model


def test_a_killed_worker_and_a_killed_executor_lose_and_double_nothing(run_program):
    assert "equal 100000" in run_program("cluster.py")


def test_four_workers_of_a_host_share_one_model(run_program, models, testdata):
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    write_model(models / "large", "bert_L2_H512", vocab=vocab)
    try:
        assert "workers 4" in run_program("memory.py")
    finally:
        shutil.rmtree(models / "large")


def test_connect_runs_the_same_code(run_program):
    pytest.importorskip("grpc", reason="COULD NOT RUN: pip install pyspark[connect]")
    if not list(find_spark().jars.glob("spark-connect*.jar")):
        pytest.skip("COULD NOT RUN: this Spark has no server of Connect; pyspark 4 brings one")
    assert "connect" in run_program("connect.py")
