"""A fingerprint tells models apart, and one model from no other form of itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from tests.support.cli_support import write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def copied(model: Path, to: Path) -> Path:
    shutil.copytree(model, to)
    return to


def changed(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_it_is_64_digits_and_the_same_each_time(model: Path) -> None:
    encoder = Encoder.load(model)
    assert len(bytes.fromhex(encoder.fingerprint)) == 32
    assert Encoder.load(model).fingerprint == encoder.fingerprint


def test_form_and_precision_have_no_part_in_it(model: Path, tmp_path: Path) -> None:
    encoder = Encoder.load(model)
    assert encoder.with_precision("int8").fingerprint == encoder.fingerprint
    assert Encoder.load(model, implementation="reference").fingerprint == encoder.fingerprint
    convert(model, tmp_path / "imported")
    assert Encoder.load(tmp_path / "imported").fingerprint == encoder.fingerprint
    archive = shutil.make_archive(str(tmp_path / "model"), "zip", model)
    assert Encoder.load(archive).fingerprint == encoder.fingerprint


def test_other_weights_settings_or_pieces_have_another(model: Path, tmp_path: Path) -> None:
    found = {Encoder.load(model).fingerprint}
    found.add(Encoder.load(write_tiny_model(tmp_path / "seed", seed=1)).fingerprint)
    found.add(Encoder.load(write_tiny_model(tmp_path / "size", hidden=64)).fingerprint)
    for name, value in (("layer_norm_eps", 1e-5), ("hidden_act", "gelu_new")):
        folder = copied(model, tmp_path / name)
        changed(folder / "config.json", **{name: value})
        found.add(Encoder.load(folder).fingerprint)
    folder = copied(model, tmp_path / "cased")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    found.add(Encoder.load(folder).fingerprint)
    assert len(found) == 6
