"""A tiny model for the frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe.encoder import Encoder
from tests.support.golden_models import load_encoders


@pytest.fixture(scope="session")
def encoder(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """BERT, 64 numbers a vector."""
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]
