"""Compact weights: read as an independent unpacking says, close to what was stored, or refused."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from embedpipe.errors import ModelFormatError
from embedpipe.formats.huggingface.compact_writer import compact_file
from embedpipe.formats.reading import open_model
from tests.support.model_folders import TINY_PIECES, tiny_config, write_model

WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small BERT, stored compactly."""
    plain = write_model(tmp_path / "plain", tiny_config(hidden_size=64, vocab_size=50))
    (plain / "vocab.txt").write_text("\n".join(TINY_PIECES))
    (plain / "embedpipe.json").write_text('{"pooling": "mean", "normalize": true, "max_length": 9}')
    convert(plain, tmp_path / "compact", compact=True)
    return tmp_path / "compact"


def unpacked(path: Path) -> dict[str, np.ndarray]:
    """The form's table of meanings, read by the official library and number by number."""
    stored = safetensors.numpy.load_file(path)
    found = {}
    for name, tensor in stored.items():
        scale = stored.get(f"{name}.scale")
        if tensor.dtype == np.int8:
            found[name] = np.array(
                [[np.float32(q) * scale[r] for q in row] for r, row in enumerate(tensor.tolist())]
            )
        elif tensor.dtype == np.uint8:
            nibbles = [
                [half for byte in row for half in (byte % 16, byte // 16)]
                for row in tensor.tolist()
            ]
            found[name] = (np.array(nibbles, np.float32) - 8) * np.repeat(
                scale.astype(np.float32), 32, axis=1
            )
        elif not name.endswith(".scale"):
            found[name] = tensor
    return found


def test_every_number_is_the_one_that_the_form_describes(folder: Path) -> None:
    stored = safetensors.numpy.load_file(folder / "compact.safetensors")
    assert stored[WORDS].dtype == np.uint8
    assert stored[WORDS].shape == (50, 32)
    assert stored[POSITIONS].dtype == np.int8
    expected = unpacked(folder / "compact.safetensors")
    found = open_model(folder).tensors
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, expected[name])


def test_numbers_are_as_close_as_their_bits_allow(folder: Path) -> None:
    before = open_model(folder.parent / "plain").tensors
    after = open_model(folder).tensors
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        difference = np.abs(after[name] - tensor)
        if name == WORDS:  # half a step of the largest number in the group, or what was cut off
            largest = np.abs(tensor.reshape(50, 2, 32)).max(axis=2).repeat(32, axis=1)
            assert (difference <= 0.31 * largest).all()
            assert np.sqrt(np.square(difference).mean() / np.square(tensor).mean()) < 0.12
        elif tensor.ndim == 2 and len(tensor) >= 16:
            half_a_step = np.abs(tensor).max(axis=1, keepdims=True) / 254
            assert (difference <= half_a_step * 1.001).all()
        else:
            assert not difference.any()


def test_the_extreme_numbers_of_a_group_survive() -> None:
    words = np.zeros((2, 32), np.float32)
    words[0] = np.linspace(-7, 7, 32)
    words[1, 5] = 1e-12  # float16 has no scale for it
    content, _ = compact_file({WORDS: words})
    stored = safetensors.numpy.load(content)
    assert np.isfinite(stored[f"{WORDS}.scale"]).all()
    assert (stored[WORDS][1] == 0x88).all()


def test_what_was_written_is_a_file_for_others_and_an_ordinary_folder_again(
    folder: Path, tmp_path: Path
) -> None:
    convert(folder, tmp_path / "again")
    assert not (tmp_path / "again/compact.safetensors").exists()
    assert (tmp_path / "again/modules.json").is_file()
    assert not (
        folder / "modules.json"
    ).exists()  # for sentence-transformers, which reads no such weights
    record = json.loads((tmp_path / "again/embedpipe.json").read_text())
    assert record == {"pooling": "mean", "normalize": True, "max_length": 9}
    plain = safetensors.numpy.load_file(tmp_path / "again/model.safetensors")
    for name, tensor in open_model(folder).tensors.items():
        np.testing.assert_array_equal(plain[name], tensor)
    mine, theirs = Encoder.load(folder), Encoder.load(tmp_path / "again")
    np.testing.assert_array_equal(mine.encode(["a c"]), theirs.encode(["a c"]))


def test_the_same_model_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    convert(folder.parent / "plain", tmp_path / "second", compact=True)
    one, two = (path / "compact.safetensors" for path in (folder, tmp_path / "second"))
    assert one.read_bytes() == two.read_bytes()


def test_other_weights_are_preferred(folder: Path) -> None:
    (folder / "compact.safetensors").write_bytes(b"no model")
    (folder / "model.safetensors").write_bytes(
        (folder.parent / "plain/model.safetensors").read_bytes()
    )
    assert open_model(folder).stored.endswith("model.safetensors")


def set_record(folder: Path, compact: Any) -> None:
    (folder / "embedpipe.json").write_text(json.dumps({"compact": compact}))


def rewrite(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Damage that the checksum does not see, as it is reckoned anew."""

    def damage(folder: Path) -> None:
        path = folder / "compact.safetensors"
        tensors = safetensors.numpy.load_file(path)
        change(tensors)
        safetensors.numpy.save_file(tensors, path)
        set_record(folder, {"version": 1, "crc32": zlib.crc32(path.read_bytes())})

    return damage


def flip(folder: Path) -> None:
    path = folder / "compact.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut(folder: Path) -> None:
    path = folder / "compact.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def drop(name: str) -> Callable[[Path], None]:
    return rewrite(lambda tensors: tensors.pop(name))


def put(name: str, value: Any) -> Callable[[Path], None]:
    return rewrite(lambda tensors: tensors.update({name: value}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip, r"CRC-32 is \d+; embedpipe.json says \d+"),
        (cut, r"CRC-32"),
        (lambda f: (f / "embedpipe.json").unlink(), "declares no compact weights"),
        (lambda f: set_record(f, 5), "declares no compact weights"),
        (lambda f: set_record(f, {"version": 2, "crc32": 1}), r"version.*expected 1.*Read it with"),
        (lambda f: set_record(f, {"version": 1}), "crc32"),
        (lambda f: set_record(f, {"version": 1, "crc32": -1}), "crc32"),
        (drop(f"{WORDS}.scale"), rf"'{WORDS}': uint8 \(50, 32\), scales: none; expected float16"),
        (drop(f"{POSITIONS}.scale"), "scales: none; expected float32"),
        (put(f"{POSITIONS}.scale", np.ones(3, np.float32)), r"expected float32 \(24,\)"),
        (put(f"{WORDS}.scale", np.ones((50, 2), np.float32)), r"expected float16 \(50, 2\)"),
        (put(WORDS, np.zeros((50, 31), np.uint8)), "multiple of 16 bytes a row"),
        (put(WORDS, np.zeros((50, 2, 16), np.uint8)), "or a matrix of int8 or uint8"),
        (put(WORDS, np.zeros((50, 64), np.int32)), "expected float32, or a matrix"),
        (put(WORDS, np.zeros((49, 32), np.uint8)), r"scales: float16 \(50, 2\)"),
        (drop(WORDS), r"float16 \(50, 2\); expected float32"),
        (put("encoder.layer.0.output.dense.bias", np.zeros(3, np.float32)), r"expected \(64,\)"),
        (put(f"{POSITIONS}.scale", np.full(24, np.nan, np.float32)), "a scale is NaN, infinite"),
        (put(f"{POSITIONS}.scale", np.full(24, 3e38, np.float32)), "too large; expected at most"),
    ],
)
def test_damage_is_refused_by_name(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(ModelFormatError, match=f"(?s){message}"):
        open_model(folder)
