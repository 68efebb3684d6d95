"""Packed weights in files: the bits of packing, used again while they belong to the weights."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.engine import EncoderConfig, check_weights, native
from embedpipe.engine.native import NativeEncoder, supported_isas, supported_precisions
from embedpipe.engine.packed_cache import PackedCache
from embedpipe.engine.tensors import expected_shapes
from embedpipe.engine.weights import EncoderWeights, WeightsFile
from embedpipe.formats import open_model
from tests.support.cli_support import write_tiny_model
from tests.support.model_folders import random_pieces, tiny_config
from tests.support.packed_support import (
    TEXTS,
    the_file,
    vectors,
    vectors_without_cache,
    without_weights,
)

KINDS = [(isa, precision) for isa in supported_isas() for precision in supported_precisions(isa)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "models" / "tiny")


@pytest.mark.parametrize(("isa", "precision"), KINDS)
def test_mapped_weights_give_the_bits_of_packed_ones_and_are_not_packed_again(
    isa: str, precision: Any, model: Path, packed_folder: Path
) -> None:
    read = open_model(model)
    options = {"isa": isa, "precision": precision}
    pieces = random_pieces((1, 30, 7), read.config.vocab_size)
    cache = PackedCache(packed_folder, read.weights_files)

    def all_bits(encoder: NativeEncoder) -> bytes:
        pooled = encoder.encode_pieces(
            pieces.values, pieces.offsets, pooling="pooler", normalize=False
        )
        return encoder.hidden_states(pieces.values, pieces.offsets).tobytes() + pooled.tobytes()

    expected = all_bits(NativeEncoder(read.config, read.weights, **options))
    first = NativeEncoder(read.config, read.weights, cache=cache, **options)
    assert all_bits(first) == expected
    nothing = without_weights(read.weights)
    assert all_bits(NativeEncoder(read.config, nothing, cache=cache, **options)) == expected
    assert all_bits(NativeEncoder(read.config, nothing, **options)) != expected
    assert the_file(packed_folder).name.endswith(f"-{isa}-{precision}.packed")


def test_the_process_that_packs_uses_the_file_too(model: Path, packed_folder: Path) -> None:
    encoder = Encoder.load(model)
    before = encoder.encode(["a text"], normalize=False)
    with the_file(packed_folder).open("r+b") as file:  # which nobody but a test may do
        file.seek(4096)
        file.write(bytes(the_file(packed_folder).stat().st_size - 4096))
    assert not np.array_equal(encoder.encode(["a text"], normalize=False), before)


def test_a_file_of_another_processor_or_precision_is_not_used(
    model: Path, packed_folder: Path
) -> None:
    for option in ("float32", "int8"):
        vectors(model, precision=option)
    expected = vectors_without_cache(model)
    exact, low = sorted(packed_folder.glob("*.packed"))
    assert low.name.endswith("int8.packed")
    shutil.copy(low, exact)
    assert vectors(model) == expected
    key = exact.read_bytes()
    for other in ("portable", "avx2"):  # of the same length as what it stands for, or not
        isa = supported_isas()[0].encode()
        exact.write_bytes(key.replace(isa, other.encode().ljust(len(isa))[: len(isa)]))
        assert vectors(model) == expected
        assert exact.read_bytes() == key


def test_a_newer_version_replaces_the_file_and_no_other(
    model: Path, packed_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_tiny_model(tmp_path / "others" / "tiny", seed=1)
    expected = vectors(model), vectors(other)
    before = {path.name: path.stat().st_ino for path in packed_folder.iterdir()}
    for home, name, value in (
        (native, "__version__", "99.0"),
        (native._native, "PACKING_FORMAT", 99),
    ):
        monkeypatch.setattr(home, name, value)
        assert vectors(model) == expected[0]
        after = {path.name: path.stat().st_ino for path in packed_folder.iterdir()}
        changed = [name for name, inode in after.items() if inode != before[name]]
        assert len(after) == 2
        assert len(changed) == 1
        before = after


def test_models_of_the_same_name_do_not_meet(
    model: Path, packed_folder: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "others" / "tiny", seed=1)
    expected = [vectors_without_cache(model), vectors_without_cache(other)]
    assert expected[0] != expected[1]
    assert [vectors(model), vectors(other)] == expected
    assert [vectors(model), vectors(other)] == expected
    assert len(list(packed_folder.iterdir())) == 2


@pytest.mark.parametrize("how", ["overwritten", "renamed"])
def test_a_changed_model_has_new_vectors_even_with_the_old_size_and_time(
    how: str, model: Path, packed_folder: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "others" / "tiny", seed=1)
    old, new = vectors(model), vectors_without_cache(other)
    weights, others = model / "model.safetensors", other / "model.safetensors"
    status = weights.stat()
    os.utime(others, ns=(status.st_atime_ns, status.st_mtime_ns))
    if how == "overwritten":
        weights.write_bytes(others.read_bytes())
        os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        others.rename(weights)
    assert (weights.stat().st_size, weights.stat().st_mtime_ns) == (
        status.st_size,
        status.st_mtime_ns,
    )
    assert old != new
    assert vectors(model) == new
    assert vectors(model) == new
    assert len(list(packed_folder.iterdir())) == 1


@pytest.mark.usefixtures("packed_folder")
def test_a_model_that_is_replaced_while_in_use_does_not_enter_the_cache_as_the_new_one(
    model: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path / "others" / "tiny", seed=1)
    old, new = vectors_without_cache(model), vectors_without_cache(other)
    encoder = Encoder.load(model)  # packs when first used
    (other / "model.safetensors").rename(model / "model.safetensors")
    assert encoder.encode(TEXTS).tobytes() == old
    assert vectors(model) == new
    assert encoder.encode(TEXTS).tobytes() == old


@pytest.mark.usefixtures("packed_folder")
def test_another_configuration_of_the_same_weights_is_packed_anew(model: Path) -> None:
    before = vectors(model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"hidden_act": "gelu_new"}))
    assert vectors(model) == vectors_without_cache(model) != before


def test_the_cache_can_be_switched_off(
    model: Path, packed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDPIPE_PACKED_CACHE", "0")
    vectors(model)
    assert not packed_folder.exists()
    monkeypatch.setenv("EMBEDPIPE_PACKED_CACHE", "1")
    vectors(model)
    assert the_file(packed_folder)


def test_archives_and_the_reference_keep_nothing(
    model: Path, packed_folder: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "tiny"), "zip", model))
    assert vectors(archive) == vectors_without_cache(model)
    vectors(model, implementation="reference")
    assert not packed_folder.exists()


def test_weights_in_shards_are_kept_until_one_of_them_changes(
    model: Path, packed_folder: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    sharded = tmp_path / "models" / "sharded"
    shutil.copytree(model, sharded)
    (sharded / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, sharded / file)
    places = {name: file for file, part in parts.items() for name in part}
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert vectors(sharded) == vectors(sharded) == vectors_without_cache(model)
    for file, part in parts.items():
        save_file({name: 2 * tensors[name] for name in part}, sharded / file)
        assert vectors(sharded) == vectors_without_cache(sharded)
    assert vectors(sharded) != vectors_without_cache(model)
    assert len(list(packed_folder.iterdir())) == 1


def test_small_blocks_are_not_worth_a_file(
    model: Path, packed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(packed_folder.parent))
    vectors(model)
    assert not packed_folder.exists()


# CRC-32 of the block that fixed weights are packed into.
PACKED = {
    ("amx", "float32"): 108227542,
    ("amx", "bfloat16"): 3020189987,
    ("amx", "int8"): 1693471865,
    ("avx512_bf16", "float32"): 108227542,
    ("avx512_bf16", "bfloat16"): 705785138,
    ("avx512_bf16", "int8"): 546963071,
    ("avx512_vnni", "float32"): 108227542,
    ("avx512_vnni", "int8"): 546963071,
    ("avx512", "float32"): 108227542,
    ("avx512", "int8"): 546963071,
    ("avx_vnni", "float32"): 677476936,
    ("avx_vnni", "int8"): 158063682,
    ("avx2", "float32"): 677476936,
    ("avx2", "int8"): 158063682,
    ("portable", "float32"): 1716475612,
    ("portable", "int8"): 3907021002,
}


def fixed_weights() -> tuple[EncoderConfig, EncoderWeights]:
    config = EncoderConfig.from_huggingface(tiny_config(hidden_size=20), source="config.json")
    tensors, begin = {}, 0
    for name, shape in expected_shapes(config).items():
        count = np.arange(begin, begin + np.prod(shape), dtype=np.uint64)
        begin += count.size
        numbers = (count * 2654435761 % 2**32).astype(np.float64) / 2**32 - 0.5
        tensors[name] = numbers.astype(np.float32).reshape(shape)
    return config, check_weights(tensors, config, source="weights")


# The model of AMX's tiles packs as they do, where vectors are as wide.
MODEL = [("amx_model", precision) for precision in supported_precisions("amx_model")]


@pytest.mark.parametrize(("isa", "precision"), KINDS + ("avx512" in supported_isas()) * MODEL)
def test_packing_has_not_changed_without_a_new_format(
    isa: str, precision: Any, packed_folder: Path
) -> None:
    """Where this fails because weights are packed otherwise, count kPackingFormat up."""
    config, weights = fixed_weights()
    cache = PackedCache(packed_folder, (WeightsFile("/weights", 1, 2, 3),))
    NativeEncoder(config, weights, isa=isa, precision=precision, cache=cache)
    block = the_file(packed_folder).read_bytes()[4096:]
    expected = PACKED[isa.removesuffix("_model"), precision]
    assert (native._native.PACKING_FORMAT, zlib.crc32(block)) == (4, expected)
