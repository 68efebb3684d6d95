"""PyTorch files: what the real torch writes is read, and damaged ones are refused."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from embedpipe.engine import EncoderConfig
from embedpipe.engine.tensors import expected_shapes
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.huggingface.folder import read_huggingface
from embedpipe.formats.pytorch.state_dict import read_torch_pickle
from tests.support.format_support import (
    assert_tensors,
    refused,
)
from tests.support.torch_files import write_torch

LAYOUTS = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


def saved(value: object, *, new: bool = True, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=new, pickle_protocol=protocol)
    return buffer.getvalue()


def read(content: bytes) -> dict[str, np.ndarray]:
    return read_torch_pickle(memoryview(content), "some.bin")


def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    matrix = torch.randn(4, 6, generator=generator)
    return {
        "matrix": matrix,
        "transposed": matrix.T,
        "row": matrix[1],
        "columns": matrix[:, 1:5:2],
        "scalar": torch.tensor(2.5),
        "double": torch.randn(3, generator=generator).double(),
        "half": torch.randn(2, 5, generator=generator).half(),
        "bfloat": torch.randn(2, 5, generator=generator).bfloat16(),
        "long": torch.arange(5),
        "int": torch.arange(5, dtype=torch.int32),
        "byte": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "na\u00efve": torch.zeros(1),
    }


@LAYOUTS
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_tensors_are_what_torch_saved(new: bool, protocol: int) -> None:
    expected = state()
    found = read(saved(expected, new=new, protocol=protocol))
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        values = tensor.detach()
        values = values.float() if values.dtype == torch.bfloat16 else values
        assert found[name].dtype == values.numpy().dtype, name
        np.testing.assert_array_equal(found[name], values.numpy())
        assert not found[name].flags.writeable or name in ("bfloat", "bool")


@LAYOUTS
def test_what_the_tests_write_is_what_torch_reads(tmp_path: Path, new: bool) -> None:
    tensors = {
        "a.b": np.arange(6, dtype=np.float32).reshape(2, 3),
        "c": np.ones(1, np.float32),
        "d": np.float32(8),
    }
    write_torch(tmp_path / "some.bin", tensors, new=new)
    found = torch.load(tmp_path / "some.bin", weights_only=True)
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name].numpy(), tensor)


@LAYOUTS
def test_a_module_s_state_with_its_metadata_is_read(new: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    found = read(saved(module.state_dict(), new=new))
    assert list(found) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    np.testing.assert_array_equal(found["0.weight"], module[0].weight.detach().numpy())


@LAYOUTS
def test_tensors_that_share_a_storage_share_its_memory(new: bool) -> None:
    matrix = torch.arange(12.0).reshape(3, 4)
    found = read(saved({"whole": matrix, "part": matrix[1:], "tied": matrix}, new=new))
    assert np.shares_memory(found["whole"], found["part"])
    assert np.shares_memory(found["whole"], found["tied"])
    assert found["part"].tolist() == matrix[1:].tolist()


def folder_with(testdata: Path, folder: Path, files: dict[str, bytes]) -> Path:
    for name in ("config.json", "vocab.txt"):
        (folder / name).write_bytes((testdata / "models/torch_bin" / name).read_bytes())
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


CONFIG = b"""{"model_type": "bert", "vocab_size": 20000, "hidden_size": 256, "hidden_act": "gelu",
"num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 512,
"max_position_embeddings": 64}"""


def model_state(testdata: Path) -> dict[str, torch.Tensor]:
    tensors = load_file(testdata / "models/torch_bin/expected.safetensors")
    return {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}


@LAYOUTS
def test_old_names_and_heads_as_in_published_files_are_mapped(
    testdata: Path, tmp_path: Path, new: bool
) -> None:
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor
        for name, tensor in model_state(testdata).items()
    }
    old["cls.predictions.bias"] = torch.zeros(193)
    folder = folder_with(testdata, tmp_path, {"pytorch_model.bin": saved(old, new=new)})
    model = read_huggingface(open_tree(folder))
    assert_tensors(dict(model.tensors), testdata / "models/torch_bin/expected.safetensors")
    assert model.unused == ("cls.predictions.bias",)
    gamma = "embeddings.LayerNorm.weight"
    assert model.origins[gamma] == "bert.embeddings.LayerNorm.gamma"


def test_shards_are_put_together(testdata: Path, tmp_path: Path) -> None:
    whole = model_state(testdata)
    files = {name: f"pytorch_model-0000{1 + i % 2}-of-00002.bin" for i, name in enumerate(whole)}
    shards = {
        file: saved({name: whole[name] for name in whole if files[name] == file})
        for file in set(files.values())
    }
    index = json.dumps({"metadata": {}, "weight_map": files}).encode()
    folder = folder_with(testdata, tmp_path, {**shards, "pytorch_model.bin.index.json": index})
    model = read_huggingface(open_tree(folder))
    assert_tensors(dict(model.tensors), testdata / "models/torch_bin/expected.safetensors")

    (folder / min(shards)).unlink()
    refused(lambda: read_huggingface(open_tree(folder)), "index.json", f"missing {min(shards)}")
    outside = json.dumps({"weight_map": {"a": "../secret.bin"}}).encode()
    (folder / "pytorch_model.bin.index.json").write_bytes(outside)
    expected = "names '../secret.bin'; expected names of .bin files"
    refused(lambda: read_huggingface(open_tree(folder)), expected)


def test_tensors_are_not_copied(tmp_path: Path) -> None:
    """Peak memory stays far below the tensors: the file is mapped."""
    raw = json.loads(CONFIG)
    config = EncoderConfig.from_huggingface(raw, source="here")
    whole = {name: torch.ones(shape) for name, shape in expected_shapes(config).items()}
    (tmp_path / "config.json").write_bytes(CONFIG)
    torch.save(whole, tmp_path / "pytorch_model.bin")
    tracemalloc.start()
    try:
        model = read_huggingface(open_tree(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = sum(tensor.nbytes for tensor in model.tensors.values())
    assert size > 20_000_000
    # One array of bools for the search for NaN in the word embeddings: a quarter of their size
    assert peak < 0.3 * size


def test_a_tensor_with_and_without_prefix_is_refused(testdata: Path, tmp_path: Path) -> None:
    twice = model_state(testdata)
    twice["bert.pooler.dense.bias"] = torch.zeros(32)
    folder = folder_with(testdata, tmp_path, {"pytorch_model.bin": saved(twice)})
    refused(lambda: read_huggingface(open_tree(folder)), "as bert.pooler.dense.bias; keep one")
