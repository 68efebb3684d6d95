"""A session for all tests here, models under the published names, and workers without network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.model_folders import tiny_config, write_model

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"


def pytest_collection_modifyitems(items):
    """Spark's own warnings, such as of pandas 3, are none of ours."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def models(testdata, tmp_path_factory) -> Path:
    """A local source: the three published names, with random weights and a few kilobytes each."""
    folder = tmp_path_factory.mktemp("models")
    bert = testdata / "vocabularies/bert_uncased/vocab.txt"
    albert = testdata / "vocabularies/albert_30k/spiece.model"
    sizes = {"max_position_embeddings": 64}
    for seed, name in enumerate(("sent_small_bert_L2_512", "small_bert_L12_256")):
        config = tiny_config(vocab_size=30522, **sizes)
        write_model(folder / name, config, seed=seed, vocab=bert)
    config = tiny_config("albert", vocab_size=30000, **sizes)
    write_model(folder / "albert_large_uncased", config, vocab=albert)
    return folder


@pytest.fixture(scope="session")
def environment(models, tmp_path_factory):
    """Variables for the driver and its workers: the models, and Python without network."""
    java = _missing_java()
    if java:
        pytest.skip(f"COULD NOT RUN: {java}")
    refused = tmp_path_factory.mktemp("guard") / "refused"
    guard = REPOSITORY / "tests/spark/guard"
    path = [str(guard), *filter(None, sys.path)]
    yield {
        "EMBEDPIPE_MODELS": str(models),
        "EMBEDPIPE_REFUSED": str(refused),
        "PYTHONPATH": os.pathsep.join(path),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    asked = refused.read_text(encoding="utf-8") if refused.exists() else ""
    assert not asked, f"some worker asked the network:\n{asked}"


@pytest.fixture(scope="session")
def spark(environment):
    """Spark on this machine, with two tasks at once; stopped at the end."""
    before = dict(os.environ)
    os.environ.update(environment)
    import embedpipe

    session = embedpipe.start(
        master="local[2]",
        memory="1g",
        params={
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        },
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run_program(environment, tmp_path):
    """Runs a program of `programs/` as a driver of its own, and gives what it printed."""

    def run(name: str, *args: str, timeout: float = 900) -> str:
        done = subprocess.run(
            [sys.executable, str(PROGRAMS / name), str(tmp_path), *args],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout

    return run


def _missing_java() -> str:
    from embedpipe.errors import MissingDependencyError
    from embedpipe.spark.session import check_java

    try:
        check_java()
    except MissingDependencyError as error:
        return str(error)
    return ""
