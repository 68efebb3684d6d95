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
from tests.support.model_folders import tiny_config, write_model
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
def files(tmp_path) -> dict[str, bytes]:
    """The files of a small model's folder, by name."""
    folder = write_model(tmp_path / "made", tiny_config())
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def fixtures(testdata) -> Path:
    return testdata / "models"


@pytest.fixture
def tiny(place, server, fixtures) -> str:
    """The name of a model whose archive the server has at /tiny.zip."""
    address = server.add("/tiny.zip", (fixtures / GOOGLE).read_bytes())
    place.describe(entry("tiny", {"kind": "archive", "address": address}))
    return "tiny"
