"""Models under published names, with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.published_names import write_published_names


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three tiny models, called as those of the published cards."""
    return write_published_names(tmp_path_factory.mktemp("oneline") / "models")


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
