"""A model of a few kilobytes, and its encoder on one thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe import Encoder
from tests.support.cli_support import write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(model: Path) -> Encoder:
    return Encoder.load(model, threads=1)
