"""Which file is read, what is left over beside an encoder, and what stands before its names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from embedpipe import Encoder
from embedpipe.errors import ModelFormatError
from embedpipe.formats import open_model, recognize
from tests.support.format_support import refused
from tests.support.model_folders import (
    random_tensors,
    tiny_config,
    write_model,
    write_safetensors,
)

WORDS = "embeddings.word_embeddings.weight"


def save_pickle(path: Path, tensors: dict[str, np.ndarray]) -> None:
    torch.save({name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, path)


SAVERS: dict[str, Callable[[Path, dict[str, np.ndarray]], None]] = {
    "model.safetensors": write_safetensors,
    "pytorch_model.bin": save_pickle,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration; each test adds weights."""
    write_model(tmp_path, tiny_config())
    (tmp_path / "model.safetensors").unlink()
    return tmp_path


def words(path: Path) -> np.ndarray:
    return np.asarray(open_model(path).tensors[WORDS])


# ---- the file that was named ----


def test_the_file_that_was_named_is_the_file_that_is_read(folder: Path) -> None:
    names = ("model.safetensors", "pytorch_model.bin", "older.safetensors", "epoch-3.bin")
    for seed, name in enumerate(names):
        save = SAVERS["pytorch_model.bin" if name.endswith(".bin") else "model.safetensors"]
        save(folder / name, random_tensors(tiny_config(), seed=seed))
    for seed, name in enumerate(names):
        expected = random_tensors(tiny_config(), seed=seed)[WORDS]
        np.testing.assert_array_equal(words(folder / name), expected)
    np.testing.assert_array_equal(words(folder), words(folder / "model.safetensors"))
    np.testing.assert_array_equal(words(folder / "config.json"), words(folder))


def test_a_file_named_beside_a_list_of_steps_is_read_too(folder: Path) -> None:
    steps = [("Transformer", "0_Transformer"), ("Pooling", "1_Pooling")]
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in steps
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    write_model(folder / "0_Transformer", tiny_config(), seed=1)
    write_safetensors(folder / "best.safetensors", random_tensors(tiny_config(), seed=2))
    for seed, path in ((1, folder), (2, folder / "best.safetensors")):
        model = open_model(path)
        assert model.pooling == "mean"
        np.testing.assert_array_equal(
            model.tensors[WORDS], random_tensors(tiny_config(), seed=seed)[WORDS]
        )


def test_one_of_several_shards_means_them_all(folder: Path) -> None:
    tensors = random_tensors(tiny_config(), seed=5)
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    places = {name: shards[i % 2] for i, name in enumerate(tensors)}
    for shard in shards:
        part = {name: tensors[name] for name in tensors if places[name] == shard}
        write_safetensors(folder / shard, part)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    write_safetensors(folder / "model.safetensors", random_tensors(tiny_config(), seed=6))
    for name in (index.name, *shards):
        np.testing.assert_array_equal(words(folder / name), tensors[WORDS])


def test_a_checkpoint_named_among_several_is_read(testdata: Path, tmp_path: Path) -> None:
    origin = testdata / "models/tf1/google_bert_zip/uncased_L-2_H-32_A-2"
    folder = tmp_path / "uncased"
    shutil.copytree(origin, folder)
    (index,) = folder.glob("*.index")
    for file in list(folder.glob(f"{index.stem}.*")):
        file.chmod(0o644)
        shutil.copyfile(file, folder / file.name.replace(index.stem, "model.ckpt-7"))
    refused(lambda: open_model(folder), "found 2 checkpoints", "Give the .index file of one")
    assert recognize(folder / "model.ckpt-7.index") == "google checkpoint"
    np.testing.assert_array_equal(words(folder / "model.ckpt-7.index"), words(origin))
    (folder / "model.ckpt-7.data-00000-of-00001").unlink()
    refused(lambda: open_model(folder / "model.ckpt-7.index"), "has no model.ckpt-7.data")
    assert words(folder / index.name).size


def test_a_named_file_beside_no_configuration_says_so(folder: Path) -> None:
    write_safetensors(folder / "other.safetensors", random_tensors(tiny_config()))
    (folder / "config.json").unlink()
    refused(lambda: open_model(folder / "other.safetensors"), "config.json")


# ---- beside the encoder ----


@pytest.mark.parametrize("file", SAVERS)
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_heads_are_left_over_and_named_by_every_reader(
    folder: Path, file: str, prefix: str
) -> None:
    tensors = {f"{prefix}{name}": t for name, t in random_tensors(tiny_config()).items()}
    heads = ("linear.weight", "crf.transitions", "classifier.weight", "dropout.scale")
    SAVERS[file](folder / file, tensors | dict.fromkeys(heads, np.zeros((4, 16), np.float32)))
    model = open_model(folder)
    assert model.unused == tuple(sorted(heads))
    assert model.origins[WORDS] == prefix + WORDS
    assert model.missing == ()


@pytest.mark.parametrize("file", SAVERS)
def test_a_tensor_among_the_encoders_own_that_has_no_place_is_refused(
    folder: Path, file: str
) -> None:
    tensors = {f"bert.{name}": t for name, t in random_tensors(tiny_config()).items()}
    extra = "bert.encoder.layer.2.output.dense.bias"
    SAVERS[file](folder / file, tensors | {extra: np.zeros(16, np.float32)})
    refused(lambda: open_model(folder), f"{extra[5:]}: shape (16,); the configuration has no such")


# ---- prefixes ----


@pytest.mark.parametrize("file", SAVERS)
@pytest.mark.parametrize("prefix", ["module.bert.", "module.", "0.auto_model.", "model.encoder."])
def test_one_prefix_before_all_names_is_found(folder: Path, file: str, prefix: str) -> None:
    tensors = random_tensors(tiny_config())
    SAVERS[file](folder / file, {f"{prefix}{name}": t for name, t in tensors.items()})
    model = open_model(folder)
    np.testing.assert_array_equal(model.tensors[WORDS], tensors[WORDS])
    assert model.origins[WORDS] == prefix + WORDS


def test_two_encoders_in_one_file_are_told_by_their_prefixes(folder: Path) -> None:
    tensors = random_tensors(tiny_config())
    both = {f"{side}.{name}": t for side in ("query", "passage") for name, t in tensors.items()}
    write_safetensors(folder / "model.safetensors", both)
    refused(lambda: open_model(folder), "2 encoders, under the prefixes 'passage.', 'query.'")


def test_names_of_no_encoder_are_shown_and_the_list_is_short(folder: Path) -> None:
    strange = {f"gpt.h.{i}.weight": np.zeros(2, np.float32) for i in range(50)}
    write_safetensors(folder / "model.safetensors", strange)
    message = refused(lambda: open_model(folder), "'gpt.h.0.weight'", "more")
    assert message.count("\n") < 30
    assert "fetch" not in message.lower()


# ---- Git LFS ----

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("file", [*SAVERS, "config.json"])
def test_pointers_of_git_lfs_are_called_so(folder: Path, file: str) -> None:
    (folder / "model.safetensors").touch()
    if file == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(POINTER)
    refused(lambda: open_model(folder), str(folder / file), "Git LFS pointer", "git lfs pull")


def test_pointers_in_place_of_other_formats_are_called_so(testdata: Path, tmp_path: Path) -> None:
    archive = tmp_path / "model.zip"
    archive.write_bytes(POINTER)
    refused(lambda: open_model(archive), "Git LFS pointer")
    folder = tmp_path / "uncased"
    shutil.copytree(testdata / "models/tf1/google_bert_zip/uncased_L-2_H-32_A-2", folder)
    (content,) = folder.glob("*.data-*")
    content.chmod(0o644)
    content.write_bytes(POINTER)
    refused(lambda: open_model(folder), content.name, "Git LFS pointer")


def test_a_vocabulary_that_is_a_pointer_is_called_so(folder: Path) -> None:
    write_safetensors(folder / "model.safetensors", random_tensors(tiny_config()))
    (folder / "vocab.txt").write_bytes(POINTER)
    with pytest.raises(ModelFormatError, match="Git LFS pointer"):
        Encoder.load(folder)


# ---- folders that hold a folder with the model ----


def test_the_only_model_in_the_folders_below_is_read(tmp_path: Path) -> None:
    write_model(tmp_path / "snapshots/abc", tiny_config())
    assert open_model(tmp_path).path == tmp_path / "snapshots/abc"
    write_model(tmp_path / "snapshots/def", tiny_config())
    refused(lambda: open_model(tmp_path), "holds 2 models", "snapshots/abc", "Give the folder")
