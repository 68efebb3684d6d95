"""A server over small random models and a saved pipeline, in this process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, Pipeline
from embedpipe.server import Hosted, ServerSettings, create_app
from tests.support.golden_models import load_encoders


def waiting_pieces(metrics: str) -> float:
    """What waits or is computed, as `/metrics` says."""
    found = re.search(r"^embedpipe_waiting_pieces (\S+)$", metrics, re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.fixture(scope="session")
def folder(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two models and of a saved pipeline, `reviews.zip`."""
    folder = tmp_path_factory.mktemp("served")
    load_encoders(testdata, folder)
    stages = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        BertSentenceEmbeddings.load(folder / "tiny_bert")
        .setInputCols("sentence")
        .setOutputCol("sentence_embeddings"),
    ]
    model = Pipeline(stages=stages).fit()
    model.save(folder / "reviews")
    return folder


@pytest.fixture(scope="session")
def hosted(folder: Path) -> Hosted:
    return Hosted.open([str(folder / name) for name in ("tiny_bert", "tiny_albert", "reviews")])


@pytest.fixture(scope="session")
def encoder(hosted: Hosted) -> Encoder:
    """The model that answers where none is named."""
    return hosted.models["tiny_bert"]


@pytest.fixture(scope="session")
def client(hosted: Hosted) -> Iterator[TestClient]:
    with TestClient(create_app(hosted), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client_with(hosted: Hosted) -> Iterator[Callable[[ServerSettings], TestClient]]:
    """A client of a server with other settings."""
    made: list[TestClient] = []

    def make(settings: ServerSettings) -> TestClient:
        client = TestClient(create_app(hosted, settings), raise_server_exceptions=False)
        made.append(client)
        return client.__enter__()

    yield make
    for client in made:
        client.__exit__(None, None, None)
