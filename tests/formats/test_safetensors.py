"""The safetensors reader: the official one's results on good files, own errors on bad ones."""

from __future__ import annotations

import json
import mmap
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.huggingface.safetensors import read_safetensors

SAMPLE = {
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4),
    "scalar": np.array(2.5, np.float64),
    "empty": np.empty((0, 5), np.float32),
    "half": np.array([1.5, -0.1], np.float16),
    "ids": np.arange(5),
    "mask": np.array([True, False, True]),
    "bytes": np.arange(3, dtype=np.uint8),
    'name with \u00e9, \U0001f600 and "': np.ones((1, 1, 2), np.int32),
}


def build(header: Any, data: bytes = b"", *, length: int | None = None) -> bytes:
    """The bytes of a file; `header` is JSON text, or a value to encode."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}}


def read_bytes(folder: Path, content: bytes) -> dict[str, np.ndarray]:
    path = folder / "file.safetensors"
    path.write_bytes(content)
    return read_safetensors(path)


def test_good_files_read_as_with_the_official_library(tmp_path: Path) -> None:
    path = tmp_path / "good.safetensors"
    safetensors.numpy.save_file(SAMPLE, path, metadata={"format": "np"})
    found = read_safetensors(str(path))
    assert found.keys() == SAMPLE.keys()
    for name, expected in SAMPLE.items():
        assert found[name].dtype == expected.dtype
        assert found[name].shape == expected.shape
        np.testing.assert_array_equal(found[name], expected)
        assert not found[name].flags.writeable


def memory_of(array: np.ndarray) -> object:
    """What lies under an array and its views: the mapped file, or None for memory of its own."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base.obj if isinstance(array.base, memoryview) else array.base


@pytest.mark.parametrize("padding", range(8))
def test_aligned_tensors_are_views_of_the_file_and_others_copies(
    tmp_path: Path, padding: int
) -> None:
    header = json.dumps(one()).encode()
    header += b" " * (-len(header) % 8 + padding)
    found = read_bytes(tmp_path, build(header, np.array([7, 8], "<f4").tobytes()))["a"]
    assert found.tolist() == [7, 8]
    assert found.flags.aligned
    assert not found.flags.writeable
    assert isinstance(memory_of(found), mmap.mmap) == (padding % 4 == 0)


BAD = {
    "empty file": (b"", "shorter than the 8 bytes"),
    "seven bytes": (b"\0" * 7, "shorter than the 8 bytes"),
    "no header": (build(b""), "begins with b''"),
    "header past the end": (build({}, length=3), "claims 3 bytes; 2 follow"),
    "header of 2^64 - 1": (build({}, length=2**64 - 1), "claims 18446744073709551615 bytes"),
    "not JSON": (build(b'{"a": ['), "not valid JSON"),
    "not UTF-8": (build(b'{"\xff": 1}'), "not valid JSON"),
    "leading space": (build(b" {}"), "begins with b' '"),
    "an array": (build([]), "begins with b'['"),
    "two values": (build(b"{} {}"), "not valid JSON"),
    "deep nesting": (build(b'{"a":' * 100_000), "not valid JSON"),
    "number of 5000 digits": (build(b'{"a": ' + b"1" * 5000 + b"}"), "not valid JSON"),
    "NaN": (build(b'{"a": NaN}'), "NaN is not a JSON number"),
    "a tensor twice": (build(b'{"a": 1, "a": 1}'), "'a' occurs twice"),
    "a key twice": (build(b'{"a": {"dtype": "F32", "dtype": "F16"}}'), "'dtype' occurs twice"),
    "metadata not strings": (build({"__metadata__": {"a": 1}}), "__metadata__"),
    "metadata a list": (build({"__metadata__": []}), "__metadata__"),
    "entry a number": (build({"a": 1}), "'a': expected an object of dtype"),
    "entry incomplete": (build({"a": {"dtype": "F32"}}), "'a': expected an object of dtype"),
    "entry with more": (build(one(more=1), b"\0" * 8), "'a': expected an object of dtype"),
    "unknown dtype": (build(one("F31"), b"\0" * 8), "dtype 'F31'; embedpipe reads F64, F32"),
    "dtype a list": (build(one(["F32"]), b"\0" * 8), "dtype"),
    "shape a number": (build(one(shape=2), b"\0" * 8), "shape 2; expected"),
    "shape of text": (build(one(shape=["2"]), b"\0" * 8), "expected at most 32 sizes"),
    "shape of fractions": (build(one(shape=[2.0]), b"\0" * 8), "expected at most 32 sizes"),
    "shape of true": (build(one(shape=[True, 2]), b"\0" * 8), "expected at most 32 sizes"),
    "negative shape": (build(one(shape=[-1, -2]), b"\0" * 8), "expected at most 32 sizes"),
    "33 sides": (build(one(shape=[1] * 32 + [2]), b"\0" * 8), "expected at most 32 sizes"),
    "product of 2^96": (build(one(shape=[2**32] * 3), b"\0" * 8), "more than 2^63 bytes"),
    "product of 2^64": (build(one(shape=[2**32, 2**32], offsets=[0, 0])), "more than 2^63"),
    "zero times 2^62": (build(one(shape=[0, 2**62], offsets=[0, 0])), "more than 2^63"),
    "side of 2^63": (build(one(shape=[2**63], offsets=[0, 0])), "expected at most 32 sizes"),
    "one offset": (build(one(offsets=[8]), b"\0" * 8), "expected [begin, end]"),
    "three offsets": (build(one(offsets=[0, 8, 8]), b"\0" * 8), "expected [begin, end]"),
    "offsets reversed": (build(one(offsets=[8, 0]), b"\0" * 8), "expected [begin, end]"),
    "negative offset": (build(one(offsets=[-8, 0]), b"\0" * 8), "expected [begin, end]"),
    "span too long": (build(one(offsets=[0, 9]), b"\0" * 9), "takes 8 bytes"),
    "span too short": (build(one(offsets=[0, 7]), b"\0" * 8), "takes 8 bytes"),
    "data missing": (build(one(), b"\0" * 7), "take 8 bytes; 7 follow"),
    "data left over": (build(one(), b"\0" * 9), "take 8 bytes; 9 follow"),
    "data without tensors": (build({}, b"\0"), "take 0 bytes; 1 follow"),
    "gap at the start": (build(one(offsets=[1, 9]), b"\0" * 9), "leaves a gap: begins at 1"),
    "gap": (build(one() | {"b": one(offsets=[9, 17])["a"]}, b"\0" * 17), "'b' leaves a gap"),
    "overlap": (build(one() | {"b": one(offsets=[4, 12])["a"]}, b"\0" * 12), "'b' overlaps"),
    "same place": (build(one() | {"b": one()["a"]}, b"\0" * 8), "'b' overlaps"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_the_format_has_its_own_error(tmp_path: Path, case: str) -> None:
    content, finding = BAD[case]
    with pytest.raises(ModelFormatError) as caught:
        read_bytes(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "file.safetensors"))
    assert finding in str(caught.value)


def test_the_good_neighbors_of_the_bad_files_are_read(tmp_path: Path) -> None:
    """So the errors above come from the one thing that is wrong with each."""
    pair = one() | {"b": one(offsets=[8, 16])["a"]}
    assert len(read_bytes(tmp_path, build(pair, b"\0" * 16))) == 2
    assert read_bytes(tmp_path, build(one(shape=[1] * 31 + [2]), b"\0" * 8))["a"].ndim == 32
    assert read_bytes(tmp_path, build(one(shape=[0, 2**20], offsets=[0, 0])))["a"].size == 0
    assert read_bytes(tmp_path, build({"__metadata__": {"a": "1"}})) == {}


HOSTILE = (
    "bad_json",
    "header_max",
    "header_past_end",
    "offsets_past_end",
    "overlap",
    "shape_overflow",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_recorded_hostile_files_are_refused(testdata: Path, name: str) -> None:
    path = testdata / "hostile" / f"safetensors_{name}.safetensors"
    assert path.is_file()
    with pytest.raises(ModelFormatError, match=f"safetensors_{name}"):
        read_safetensors(path)


def test_recorded_models_are_read_as_with_the_official_library(testdata: Path) -> None:
    paths = sorted(testdata.glob("models/*/**/*expected.safetensors"))
    assert len(paths) >= 6
    for path in paths:
        found, expected = read_safetensors(path), safetensors.numpy.load_file(path)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_missing_files_folders_and_pipes_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        read_safetensors(tmp_path / "nothing")
    with pytest.raises(ModelFormatError, match="not a regular file"):
        read_safetensors(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFormatError, match="not a regular file"):
        read_safetensors(tmp_path / "pipe")  # opening it would wait for ever


def _sample_bytes() -> bytes:
    return safetensors.numpy.save(SAMPLE, metadata={"format": "np"})


MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(_sample_bytes()) - 1), st.integers(0, 255)), max_size=4
)


@settings(max_examples=400, deadline=None)
@given(mutations=MUTATIONS, cut=st.integers(-3, 3))
def test_mutated_files_give_our_error_or_what_the_official_library_reads(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(_sample_bytes())
    for position, value in mutations:
        content[position] = value
    content = content[:cut] if cut < 0 else content + b"\0" * cut
    try:
        found = read_bytes(tmp_path_factory.getbasetemp(), bytes(content))
    except ModelFormatError:
        return
    expected = safetensors.numpy.load(bytes(content))  # raises, and fails, where it would refuse
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        if array.dtype != np.bool_:  # there, other bytes than 0 and 1 are true to us
            assert found[name].tobytes() == array.tobytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BF16", "F8_E4M3", ""]) | JSON,
        "shape": st.lists(st.integers(-1, 3) | st.just(2**62), max_size=3) | JSON,
        "data_offsets": st.tuples(st.integers(-1, 12), st.integers(-1, 12)) | JSON,
    }
)


@settings(max_examples=200, deadline=None)
@given(
    header=st.dictionaries(st.text(max_size=2), ENTRY | JSON, max_size=3), size=st.integers(0, 24)
)
def test_any_header_gives_our_error_or_tensors_inside_the_file(
    tmp_path_factory: pytest.TempPathFactory, header: dict, size: int
) -> None:
    content = build(header, bytes(range(size)))
    try:
        found = read_bytes(tmp_path_factory.getbasetemp(), content)
    except ModelFormatError:
        return
    stored = {"BF16": 2}
    total = sum(
        array.size * stored.get(header[name]["dtype"], array.itemsize)
        for name, array in found.items()
    )
    assert total == size
