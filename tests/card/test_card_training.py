"""A card tells how its model was trained, where `training.json` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedpipe.card import gather, write_card
from embedpipe.errors import ModelFormatError
from tests.support.card_support import write_kind

TOLD = {
    "lines": ["60 records of pairs.csv.", "Loss: <b>CoSENTLoss</b>"],
    "rows": [["model", "spearman"], ["base", "80.80"], ["made", "82.68"]],
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = write_kind("sentence", tmp_path / "made")
    (folder / "training.json").write_text(json.dumps({"told": TOLD, "seed": 0}))
    (folder / "training.svg").write_text("<svg/>")
    return folder


def test_it_tells_how_what_was_gained_and_shows_the_curve(model: Path, tmp_path: Path) -> None:
    paths = write_card(gather(model, measuring=None), tmp_path / "card")
    readme, page = (path.read_text(encoding="utf-8") for path in paths)
    part = readme.partition("## How it was trained\n")[2].partition("\n## ")[0]
    assert "60 records of pairs.csv." in part
    assert "| made | 82.68 |" in part
    assert "](training.svg)" in part
    assert "<b>" not in page and '<img src="training.svg"' in page
    assert (tmp_path / "card" / "training.svg").read_text() == "<svg/>"


def test_a_model_without_a_record_has_no_such_part(model: Path, tmp_path: Path) -> None:
    (model / "training.json").write_text('{"made by": "somebody else"}')
    paths = write_card(gather(model, measuring=None), tmp_path / "card")
    assert "How it was trained" not in paths[0].read_text(encoding="utf-8")


def test_a_damaged_record(model: Path) -> None:
    (model / "training.json").write_text('{"told": {"lines": [1], "rows": []}}')
    with pytest.raises(ModelFormatError, match=r"training\.json, told: .*lines.* a list of texts"):
        gather(model, measuring=None)


def test_a_card_in_the_models_own_folder_keeps_the_curve(model: Path) -> None:
    write_card(gather(model, measuring=None), model, overwrite=True)
    assert (model / "training.svg").read_text() == "<svg/>"
    assert "How it was trained" in (model / "README.md").read_text(encoding="utf-8")
