"""Damaged, incomplete and contradictory folders are refused when they are loaded or first used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from embedpipe import Encoder
from embedpipe.errors import (
    InputError,
    ModelFormatError,
    ModelNotFoundError,
)
from tests.support.model_folders import (
    TINY_PIECES,
    random_tensors,
    tiny_config,
    write_safetensors,
    write_tiny_folder,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_folder(tmp_path / "tiny")


def test_every_damaged_tensor_is_reported_at_once(folder):
    tensors = random_tensors(tiny_config())
    del tensors["encoder.layer.1.output.dense.bias"]
    tensors["encoder.layer.0.attention.self.query.weight"][3, 5] = np.nan
    tensors["embeddings.LayerNorm.weight"][0] = np.inf
    tensors["encoder.layer.0.output.dense.weight"] = np.zeros((16, 31), np.float32)
    tensors["encoder.layer.2.output.dense.bias"] = np.zeros(16, np.float32)
    write_safetensors(folder / "model.safetensors", tensors)
    with pytest.raises(ModelFormatError) as caught:
        Encoder.load(folder)
    message = str(caught.value)
    for name in (
        "model.safetensors",
        "encoder.layer.1.output.dense.bias",
        "encoder.layer.0.attention.self.query.weight",
        "embeddings.LayerNorm.weight",
        "encoder.layer.0.output.dense.weight",
        "encoder.layer.2.output.dense.bias",
    ):
        assert name in message


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocab.txt", None, "has no tokenizer: found none of spiece.model, tokenizer.json, voca"),
        ("config.json", None, "has no config.json"),
        ("model.safetensors", None, "has none of model.safetensors"),
        ("model.safetensors", b"", "model.safetensors"),
        ("model.safetensors", b"\xff" * 16, "model.safetensors"),
        ("config.json", b"{", "config.json"),
        ("config.json", b'{"model_type": "gpt2"}', "model_type: 'gpt2'"),
        ("vocab.txt", "\n".join(map(str, [*TINY_PIECES, *range(40)])).encode(), "have 40 rows"),
    ],
)
def test_a_damaged_or_incomplete_folder_is_refused(folder, file, content, message):
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelFormatError, match=message):
        Encoder.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 17}, "hidden_size 17 is not a multiple of num_attention_heads 2"),
        ({"vocab_size": 41}, r"word_embeddings\.weight: shape \(40, 16\); expected \(41, 16\)"),
        ({"hidden_act": "relu"}, "hidden_act: 'relu'"),
        ({"num_hidden_layers": 3}, r"encoder\.layer\.2\.output\.dense\.bias"),
    ],
)
def test_a_configuration_that_contradicts_the_weights_is_refused(folder, changes, message):
    (folder / "config.json").write_text(json.dumps(tiny_config() | changes))
    with pytest.raises(ModelFormatError, match=message):
        Encoder.load(folder)


def test_a_folder_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no such directory"):
        Encoder.load(tmp_path / "nothing")
    assert issubclass(ModelNotFoundError, FileNotFoundError)


def test_strings_of_arrow_that_are_not_utf8_are_named(folder):
    buffers = pa.array([b"\xff", b"a"]).buffers()
    texts = pa.Array.from_buffers(pa.string(), 2, buffers)
    with pytest.raises(InputError, match="texts: one is not UTF-8"):
        Encoder.load(folder).encode(texts)


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.word_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.1.output.dense.weight",
        "encoder.layer.0.attention.self.key.bias",
    ],
)
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("precision", ["float32", "int8", "reference"])
def test_weights_that_are_not_finite_are_refused_when_they_are_first_used(
    name: str, bad: float, precision: str, folder: Path, packed_folder: Path
) -> None:
    tensors = random_tensors(tiny_config())
    tensors[name].reshape(-1)[-1] = bad
    write_safetensors(folder / "model.safetensors", tensors)
    if precision == "reference":
        encoder = Encoder.load(folder, implementation="reference")
    else:
        encoder = Encoder.load(folder, precision=precision)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(ModelFormatError, match=f"{name}: 1 of [0-9]* numbers are NaN"):
            encoder.encode(["a"])
    assert not list(packed_folder.glob("*.packed"))
