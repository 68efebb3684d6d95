"""Models under published names, with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_support import write_tiny_model
from tests.support.model_folders import tiny_config, write_model
from tests.support.spiece_files import train_spiece

WORDS, SENTENCES, ALBERT = "small_bert_L12_256", "sent_small_bert_L2_512", "albert_large_uncased"


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three tiny models, called as those of the published cards."""
    folder = tmp_path_factory.mktemp("oneline") / "models"
    write_tiny_model(folder / WORDS, seed=1)
    write_tiny_model(folder / SENTENCES, seed=2)
    (folder / ALBERT).mkdir()
    train_spiece(folder / ALBERT)
    write_model(folder / ALBERT, tiny_config("albert", vocab_size=60), seed=3)
    return folder


@pytest.fixture
def models(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where names are looked for; nothing is downloaded."""
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tiny_models))
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    return tiny_models


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings that come once in a process come once in a test."""
    monkeypatch.setattr("embedpipe.oneline.notices._told", set())
