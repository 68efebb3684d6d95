"""Names that no file can have are an OutputError, or nothing is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedpipe.annotator import SentenceDetector
from embedpipe.errors import ModelNotFoundError, OutputError
from embedpipe.output import AtomicDirectory, AtomicFile

NAMES = ["x" * 300, "a\0b", "\ud800"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("kind", [AtomicFile, AtomicDirectory])
def test_such_names_cannot_be_written(name: str, kind: type, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        kind(tmp_path / name)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_nor_saved_under_nor_loaded_from(name: str, tmp_path: Path) -> None:
    stage = SentenceDetector()
    for save in (
        stage.save,
        stage.write().bundle,
        stage.write().overwrite().save,
        stage.write().overwrite().bundle,
    ):
        with pytest.raises(OutputError):
            save(tmp_path / name)
    with pytest.raises(ModelNotFoundError, match="nothing is at"):
        SentenceDetector.load(tmp_path / name)
