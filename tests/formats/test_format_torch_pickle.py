"""PyTorch files: what the real torch writes is read, and no pickle gets to run anything."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.huggingface.folder import read_huggingface
from embedpipe.formats.pytorch.state_dict import read_torch_pickle
from tests.support.format_support import (
    OUTPUT_TOLERANCE,
    assert_tensors,
    largest_difference,
    refused,
)


def read(content: bytes) -> dict[str, np.ndarray]:
    return read_torch_pickle(memoryview(content), "some.bin")


# ---- models ----


def folder_with(testdata: Path, folder: Path, files: dict[str, bytes]) -> Path:
    for name in ("config.json", "vocab.txt"):
        (folder / name).write_bytes((testdata / "models/torch_bin" / name).read_bytes())
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("file", ["pytorch_model.bin", "pytorch_model_prefixed.bin"])
def test_the_recorded_model_has_the_recorded_tensors_and_outputs(
    testdata: Path, tmp_path: Path, file: str
) -> None:
    recorded = testdata / "models/torch_bin"
    folder = folder_with(testdata, tmp_path, {"pytorch_model.bin": (recorded / file).read_bytes()})
    model = read_huggingface(open_tree(folder))
    assert_tensors(dict(model.tensors), recorded / "expected.safetensors")
    assert model.missing == ()
    assert model.config.activation == "gelu_erf"
    assert largest_difference(model, recorded / "expected_outputs.npz") < OUTPUT_TOLERANCE


def test_half_precision_stays_half(testdata: Path, tmp_path: Path) -> None:
    recorded = testdata / "models/torch_bin"
    content = (recorded / "pytorch_model_half.bin").read_bytes()
    folder = folder_with(testdata, tmp_path, {"pytorch_model.bin": content})
    model = read_huggingface(open_tree(folder))
    for name, tensor in load_file(recorded / "expected.safetensors").items():
        assert model.tensors[name].dtype == np.float16
        assert model.tensors[name].tobytes() == tensor.astype(np.float16).tobytes()


# ---- refusals ----


HOSTILE = {
    "bin_storage_too_short.bin": "bytes",
    "pickle_eval.bin": "eval",
    "pickle_os_system.bin": "system",
    "pickle_os_system_legacy.bin": "system",
}


def test_every_hostile_pickle_is_in_the_list(testdata: Path) -> None:
    files = (testdata / "hostile").glob("*.bin")
    assert sorted(HOSTILE) == sorted(file.name for file in files)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_runs(
    testdata: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, function in ((os, "system"), (os, "popen")):
        monkeypatch.setattr(module, function, lambda *_: pytest.fail("it ran"))
    content = (testdata / "hostile" / name).read_bytes()
    message = refused(lambda: read(content), "some.bin", HOSTILE[name])
    assert "safetensors" in message or "Get a new copy" in message
