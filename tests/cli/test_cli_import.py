"""`embedpipe import`: every recorded model becomes a folder that computes what was recorded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from embedpipe import Encoder
from embedpipe.cli import main
from embedpipe.cli.import_model import convert
from embedpipe.errors import ModelFormatError
from tests.support.cli_support import names_in
from tests.support.format_support import OUTPUT_TOLERANCE, assert_tensors
from tests.support.recorded_models import (
    GOOGLE,
    MODELS,
    SAME_AS,
    Recorded,
    archives,
    recorded_sequences,
)

CHECKPOINT = GOOGLE.removesuffix(".zip")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_a_converted_model_has_the_recorded_tensors_and_outputs(
    testdata: Path, tmp_path: Path, model: Recorded
) -> None:
    expected = testdata / "models" / SAME_AS.get(model.path, model.expected)
    ids, outputs = recorded_sequences(expected.with_name(f"{expected.name}_outputs.npz"))
    assert ids
    for number, path in enumerate(archives(testdata, model)):
        folder = tmp_path / f"model-{number}"
        convert(path, folder)
        tensors = load_file(folder / "model.safetensors")
        assert_tensors(tensors, expected.with_name(f"{expected.name}.safetensors"))
        encoder = Encoder.load(folder)
        assert encoder.encode(["a b"]).shape == (1, 32)
        for found, output in zip(encoder.hidden_states(ids), outputs, strict=True):
            assert np.abs(found - output).max() < OUTPUT_TOLERANCE


def test_half_precision_is_widened_and_settings_of_the_tokenizer_stay(
    testdata: Path, tmp_path: Path
) -> None:
    source = tmp_path / "half"
    source.mkdir()
    recorded = testdata / "models/torch_bin"
    shutil.copy(recorded / "pytorch_model_half.bin", source / "pytorch_model.bin")
    shutil.copy(recorded / "vocab.txt", source)
    config = json.loads((recorded / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"torch_dtype": "float16"}))
    settings = {"do_lower_case": False, "strip_accents": True, "cls_token": "[CLS]"}
    (source / "tokenizer_config.json").write_text(json.dumps(settings))

    folder = tmp_path / "model"
    convert(source, folder)
    tensors = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float32)}
    for name, tensor in load_file(recorded / "expected.safetensors").items():
        assert (tensors[name] == tensor.astype(np.float16)).all(), name
    assert json.loads((folder / "tokenizer_config.json").read_text()) == settings


def test_the_report_of_a_checkpoint(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my model"
    assert main(["import", str(testdata / "models" / GOOGLE), "-o", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "format        google checkpoint",
        "architecture  bert: 2 layers, hidden size 32, 2 attention heads, vocabulary 193",
        "tensors       39 mapped, 7 unused, 0 missing",
        "  unused      cls/predictions/output_bias",
        "  unused      cls/predictions/transform/LayerNorm/beta",
        "  unused      cls/predictions/transform/LayerNorm/gamma",
        "  unused      cls/predictions/transform/dense/bias",
        "  unused      cls/predictions/transform/dense/kernel",
        "  unused      cls/seq_relationship/output_bias",
        "  unused      cls/seq_relationship/output_weights",
        f"written to    {folder}",
        f"next          embedpipe info --model '{folder}'",
    ]
    assert names_in(tmp_path) == ["my model"]
    assert names_in(folder) == [
        "config.json",
        "model.safetensors",
        "tokenizer_config.json",
        "vocab.txt",
    ]
    assert main(["info", "--model", str(folder)]) == 0


def test_the_report_names_what_is_missing_and_prints_no_control_characters(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded, source = testdata / "models/torch_bin", tmp_path / "source"
    source.mkdir()
    for name in ("config.json", "vocab.txt"):
        shutil.copy(recorded / name, source)
    tensors = load_file(recorded / "expected.safetensors")
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    save_file(tensors | {"\x1b[2Jhead": np.zeros(2, np.float32)}, source / "model.safetensors")
    assert main(["import", str(source), "-o", str(tmp_path / "model")]) == 0
    report = capsys.readouterr().out.splitlines()
    assert report[2:6] == [
        "tensors       37 mapped, 1 unused, 2 missing",
        r"  unused      '\x1b[2Jhead'",
        "  missing     pooler.dense.bias",
        "  missing     pooler.dense.weight",
    ]
    assert not Encoder.load(tmp_path / "model").has_pooler


def hostile_models(testdata: Path, folder: Path) -> list[Path]:
    """The archives and checkpoints that must be refused, and each pickle as a model's weights."""
    malicious, recorded = testdata / "hostile", testdata / "models/torch_bin"
    found = [*sorted(malicious.glob("*.zip")), *sorted(malicious.glob("ckpt_*"))]
    files = {"*.bin": "pytorch_model.bin", "*.safetensors": "model.safetensors"}
    for pattern, name in files.items():
        for weights in sorted(malicious.glob(pattern)):
            model = folder / weights.stem
            model.mkdir()
            shutil.copy(recorded / "config.json", model)
            shutil.copy(recorded / "vocab.txt", model)
            shutil.copy(weights, model / name)
            found.append(model)
    return found


def test_a_hostile_model_leaves_nothing(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, outputs = tmp_path / "models", tmp_path / "outputs"
    models.mkdir()
    outputs.mkdir()
    hostile = hostile_models(testdata, models)
    assert len(hostile) > 20
    for path in hostile:
        assert main(["import", str(path), "-o", str(outputs / "model")]) == 1, path
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("embedpipe: error: "), path
        assert names_in(outputs) == [], path


def test_what_is_there_already_is_not_touched(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(testdata / "models" / CHECKPOINT)
    taken = tmp_path / "taken"
    taken.mkdir()
    assert main(["import", source, "-o", str(taken)]) == 0  # empty
    before = {path.name: path.read_bytes() for path in taken.iterdir()}
    targets = {
        taken: "it exists already; name another one, or replace it with --overwrite",
        taken / "config.json": "it is a file; give the name of a new directory",
        tmp_path / "absent/model": "does not exist; make it first: mkdir -p",
        taken / "config.json/model": "config.json is a file and no folder; name another one",
    }
    for target, finding in targets.items():
        capsys.readouterr()
        assert main(["import", source, "-o", str(target)]) == 1
        message = capsys.readouterr().err
        assert f"cannot write {target}: " in message
        assert finding in message
    assert {path.name: path.read_bytes() for path in taken.iterdir()} == before
    assert names_in(tmp_path) == ["taken"]


def test_a_file_in_the_working_directory_is_told_from_a_name(
    testdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(testdata / "models" / GOOGLE, tmp_path / "bert.zip")
    (tmp_path / "notes").write_text("no model")
    monkeypatch.chdir(tmp_path)
    assert Encoder.load("bert.zip").dimension == 32
    with pytest.raises(ModelFormatError, match="notes is damaged or no zip archive"):
        Encoder.load("notes")
