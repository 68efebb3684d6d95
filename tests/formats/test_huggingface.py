"""Model folders: weights whole and in shards, prefixes, and what is declared about pooling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats import Model, open_model
from tests.support.model_folders import random_tensors, tiny_config, write_model, write_safetensors


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def put_sentence_steps(folder: Path, *steps: str, pooling: dict | None = None) -> None:
    """The files that sentence-transformers writes for these steps."""
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": paths.get(step, f"{i}_{step}"),
            "type": f"sentence_transformers.models.{step}",
        }
        for i, step in enumerate(steps)
    ]
    put(folder / "modules.json", modules)
    mean = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
    put(folder / "1_Pooling/config.json", mean if pooling is None else pooling)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", tiny_config())


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFormatError) as caught:
        open_model(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def same_weights(model: Model, raw: dict) -> None:
    tensors = random_tensors(raw)
    np.testing.assert_array_equal(
        model.weights.word_embeddings, tensors["embeddings.word_embeddings.weight"]
    )
    assert model.weights.pooler is not None


def test_a_plain_folder_has_default_pooling_and_says_so(folder: Path) -> None:
    model = open_model(str(folder))
    assert (model.pooling, model.normalize, model.pooling_declared) == ("mean", False, False)
    assert model.max_length == model.config.max_position_embeddings == 24
    assert model.path == folder
    same_weights(model, tiny_config())


def test_weights_are_views_of_the_mapped_file(folder: Path) -> None:
    weight = open_model(folder).weights.layers[0].query.weight
    assert not weight.flags.writeable
    assert not weight.flags.owndata


@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_prefixed_weights_with_heads_are_read(tmp_path: Path, kind: str) -> None:
    raw = tiny_config(kind)
    write_model(tmp_path, raw)
    tensors = {f"{kind}.{name}": tensor for name, tensor in random_tensors(raw).items()}
    head = {"bert": "cls.predictions.bias", "albert": "predictions.bias"}[kind]
    tensors[head] = np.zeros(40, np.float32)
    write_safetensors(tmp_path / "model.safetensors", tensors)
    same_weights(open_model(tmp_path), raw)


def test_the_same_tensor_with_and_without_prefix_is_refused(folder: Path) -> None:
    tensors = random_tensors(tiny_config())
    tensors["bert.pooler.dense.bias"] = tensors["pooler.dense.bias"]
    write_safetensors(folder / "model.safetensors", tensors)
    assert "stored as pooler.dense.bias and as bert.pooler.dense.bias; keep one" in refusal(folder)


def test_faults_of_weights_are_listed_with_the_file(folder: Path) -> None:
    tensors = random_tensors(tiny_config())
    del tensors["embeddings.LayerNorm.bias"]
    tensors["encoder.layer.1.output.dense.weight"][0, :3] = np.nan
    write_safetensors(folder / "model.safetensors", tensors)
    message = refusal(folder)
    assert str(folder / "model.safetensors") in message
    assert "embeddings.LayerNorm.bias: missing" in message
    assert "encoder.layer.1.output.dense.weight: 3 of 512 numbers are NaN or infinite" in message


def shard(folder: Path, **changed_map: str) -> None:
    """Split the weights into two files with an index; `changed_map` misplaces the first tensors."""
    tensors = random_tensors(tiny_config())
    names = list(tensors)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in files.items():
        write_safetensors(folder / file, {name: tensors[name] for name in part})
    places = {name: file for file, part in files.items() for name in part}
    first = dict(zip(names, changed_map.values(), strict=False))
    put(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places | first})
    (folder / "model.safetensors").unlink()


def test_shards_are_joined(folder: Path) -> None:
    shard(folder)
    same_weights(open_model(folder), tiny_config())


@pytest.mark.parametrize(
    "name",
    [
        "../a.safetensors",
        "/etc/passwd",
        "sub/a.safetensors",
        "..\\a.safetensors",
        "C:a.safetensors",
        "a.safetensors\0",
        "a.bin",
        "..",
        "",
        7,
        None,
    ],
)
def test_shards_outside_the_folder_are_refused_unread(folder: Path, name: Any) -> None:
    (folder.parent / "a.safetensors").write_bytes(b"never to be read")
    shard(folder, first=name)
    message = refusal(folder)
    assert "expected names of .safetensors files in the same folder" in message
    assert repr(name) in message


def test_missing_shards_and_misplaced_tensors_are_named(folder: Path) -> None:
    shard(folder, first="b.safetensors")
    assert "'embeddings.word_embeddings.weight' in b.safetensors" in refusal(folder)
    (folder / "a.safetensors").unlink()
    (folder / "b.safetensors").unlink()
    assert "missing a.safetensors, b.safetensors" in refusal(folder)


@pytest.mark.parametrize("index", [{}, {"weight_map": {}}, {"weight_map": []}, {"weight_map": 1}])
def test_an_index_without_map_is_refused(folder: Path, index: dict) -> None:
    (folder / "model.safetensors").unlink()
    put(folder / "model.safetensors.index.json", index)
    assert "weight_map is no object" in refusal(folder)


def test_missing_files_are_told_apart(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        open_model(tmp_path / "nothing")
    (folder / "model.safetensors").unlink()
    assert "found no weights at all" in refusal(folder)
    put(folder / "tf_model.h5", "")
    message = refusal(folder)
    assert "none of model.safetensors, pytorch_model.bin" in message
    assert "found tf_model.h5" in message
    assert "save_pretrained" in message
    write_safetensors(folder / "model.safetensors", random_tensors(tiny_config()))
    (folder / "config.json").unlink()
    assert "has no config.json" in refusal(folder)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "not valid JSON"),
        ("[]", "the outermost value is an array; expected an object"),
        ("7", "the outermost value is a number or constant"),
        ('{"model_type": "bert", "model_type": "bert"}', "occurs twice"),
        ('{"model_type": "gpt2"}', "'gpt2'; expected one of bert, electra, albert"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_configurations_are_refused(folder: Path, text: str, found: str) -> None:
    put(folder / "config.json", text)
    message = refusal(folder)
    assert found in message
    assert "config.json" in message


def test_an_enormous_configuration_is_not_read_whole(folder: Path) -> None:
    with (folder / "config.json").open("wb") as file:
        file.truncate(2**40)  # a sparse file of a terabyte
    assert "at most 16777216 are allowed" in refusal(folder)
