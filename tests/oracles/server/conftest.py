"""The encoder that clients of others ask for vectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe import Encoder
from tests.support.golden_models import load_encoders


@pytest.fixture(scope="module")
def encoder(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("models")
    load_encoders(testdata, folder)
    return Encoder.load(folder / "tiny_bert")
