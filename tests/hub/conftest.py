"""A server on loopback, a cache and a catalog of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe.hub import retries
from tests.support.download_support import (
    GOOGLE,
    Place,
    entry,
)
from tests.support.model_server import model_server


@pytest.fixture
def server():
    with model_server() as running:
        yield running


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setattr(retries, "_FIRST_WAIT", 0.01)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def fixtures(testdata) -> Path:
    return testdata / "models"


@pytest.fixture
def tiny(place, server, fixtures) -> str:
    """The name of a model whose archive the server has at /tiny.zip."""
    address = server.add("/tiny.zip", (fixtures / GOOGLE).read_bytes())
    place.describe(entry("tiny", {"kind": "archive", "address": address}))
    return "tiny"
