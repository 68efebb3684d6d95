"""PyTorch files that are damaged or hostile are refused, each with its own error."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.formats.pytorch.state_dict import read_torch_pickle
from tests.support.format_support import (
    damaged,
    fuzzed,
    refused,
    survives,
)

LAYOUTS = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


def saved(value: object, *, new: bool = True, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=new, pickle_protocol=protocol)
    return buffer.getvalue()


def read(content: bytes) -> dict[str, np.ndarray]:
    return read_torch_pickle(memoryview(content), "some.bin")


def in_zip(pickled: bytes, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        for name, content in members.items():
            file.writestr(f"archive/data/{name[1:]}", content)
    return buffer.getvalue()


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.called = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.called


def calls(function: Callable[..., object], *arguments: object) -> bytes:
    return in_zip(pickle.dumps({"a": Call(function, *arguments)}, protocol=2))


class Handmade:
    """Pickles of tensors with anything in the place of their numbers."""

    class Storage:
        pass

    @classmethod
    def of(cls, *arguments: object, key: object = "0", numel: object = 4) -> bytes:
        class Pickler(pickle.Pickler):
            def persistent_id(self, value: object) -> object:
                kind = torch.FloatStorage
                return ("storage", kind, key, "cpu", numel) if value is cls else None

        buffer = io.BytesIO()
        function = torch._utils._rebuild_tensor_v2
        filled = [cls if argument == "storage" else argument for argument in arguments]
        Pickler(buffer, protocol=2).dump({"a": Call(function, *filled)})
        return in_zip(buffer.getvalue(), _0=bytes(16))


REST = (False, collections.OrderedDict())


BAD = {
    "empty": (b"", "within an instruction"),
    "not a pickle": (b"!", "the instruction b'!' at byte 0"),
    "a list": (saved([torch.zeros(1)]), "no dictionary of tensors (found list)"),
    "a tensor": (saved(torch.zeros(1)), "no dictionary of tensors"),
    "nothing": (saved({}), "no dictionary of tensors"),
    "a number in it": (saved({"a": torch.zeros(1), "step": 3}), "'step' is no tensor but int"),
    "a whole module": (saved(torch.nn.Linear(1, 1)), "asks for 'torch.nn.modules.linear.Linear'"),
    "a sparse tensor": (saved({"a": torch.eye(2).to_sparse()}), "_rebuild_sparse_tensor'"),
    "eval": (calls(eval, "1"), "asks for '__builtin__.eval'"),
    "system": (calls(os.system, "true"), ".system'"),
    "a file": (calls(open, "/etc/passwd"), "asks for"),
    "getattr": (calls(getattr, "a", "b"), "asks for '__builtin__.getattr'"),
    "protocol 0": (in_zip(pickle.dumps({"a": 1}, protocol=0)), "no file of tensors needs"),
    "no pickle": (in_zip(b""), "within an instruction"),
    "endless": (in_zip(b"\x80\x02" + b")" * 500_001), "more than 500000 instructions"),
    "memo from nowhere": (in_zip(b"\x80\x02j\xff\xff\xff\xff."), "value 4294967295 is used"),
    "long text": (in_zip(b"\x80\x02X\xff\xff\xff\xff."), "within an instruction"),
    "long integer": (in_zip(b"\x80\x02\x8a\xff" + b"1" * 300 + b"."), "an integer of 255 bytes"),
    "keys of tuples": (in_zip(b"\x80\x02})K\x01s."), "neither text nor integers"),
    "a key twice": (in_zip(b"\x80\x02}(K\x01NK\x01Nu."), "same key twice"),
    "odd items": (in_zip(b"\x80\x02}(K\x01u."), "neither text"),
    "no group": (in_zip(b"\x80\x02}u."), "no beginning of the group"),
    "nothing to take": (in_zip(b"\x80\x02."), "nothing to take"),
    "a name without end": (in_zip(b"\x80\x02ctorch"), "a name without end"),
    "an id of nothing": (in_zip(b"\x80\x02NQ."), "persistent id that is no storage"),
    "attributes": (in_zip(b"\x80\x02)}b."), "no dict to extend"),
    "call of a text": (in_zip(b"\x80\x02X\1\0\0\0a)R."), "a call of no function"),
    "no arguments": (Handmade.of(), "a tensor without a storage"),
    "negative offset": (Handmade.of("storage", -1, (4,), (1,), *REST), "without a storage"),
    "offset past the end": (Handmade.of("storage", 1, (4,), (1,), *REST), "reaches beyond"),
    "shape past the end": (Handmade.of("storage", 0, (5,), (1,), *REST), "reaches beyond"),
    "stride past the end": (Handmade.of("storage", 0, (2, 2), (3, 1), *REST), "reaches beyond"),
    "repeated": (Handmade.of("storage", 0, (2**40,), (0,), *REST), "reaches beyond"),
    "empty tensor": (Handmade.of("storage", 0, (0, 2**62), (1, 1), *REST), "with numbers in it"),
    "negative stride": (Handmade.of("storage", 0, (4,), (-1,), *REST), "strides (-1,)"),
    "33 sides": (Handmade.of("storage", 0, (1,) * 33, (1,) * 33, *REST), "a tensor of shape"),
    "strides missing": (Handmade.of("storage", 0, (4,), (), *REST), "a tensor of shape"),
    "shape a list": (Handmade.of("storage", 0, [4], (1,), *REST), "a tensor of shape"),
    "storage too short": (Handmade.of("storage", 0, (4,), (1,), numel=5), "has 16 bytes; expected"),
    "storage missing": (Handmade.of("storage", 0, (4,), (1,), key="1"), "'1' is missing"),
    "key upwards": (Handmade.of("storage", 0, (4,), (1,), key="../a"), "is missing"),
    "numel negative": (Handmade.of("storage", 0, (4,), (1,), numel=-1), "no storage"),
    "legacy cut off": (saved({"a": torch.ones(3)}, new=False)[:-1], "has"),
    "legacy without magic": (pickle.dumps(1, protocol=2) * 5, "neither a zip archive"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_a_file_has_its_own_error(case: str) -> None:
    content, finding = BAD[case]
    refused(lambda: read(content), "some.bin", finding)


SMALL = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2).half()}


@LAYOUTS
@fuzzed
@given(data=st.data())
def test_a_damaged_file_gives_our_error_or_tensors_inside_it(
    new: bool, data: st.DataObject
) -> None:
    content = data.draw(damaged(saved(SMALL, new=new)))
    survives(lambda: [array.sum() for array in read(content).values()])


PICKLED = zipfile.ZipFile(io.BytesIO(saved(SMALL))).read("archive/data.pkl")


@fuzzed
@given(pickled=damaged(PICKLED) | st.binary(max_size=40).map(lambda tail: b"\x80\x02" + tail))
def test_a_damaged_pickle_behind_a_fitting_checksum_gives_our_error_or_tensors(
    pickled: bytes,
) -> None:
    content = in_zip(pickled, _0=bytes(24), _1=bytes(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        survives(lambda: [array.sum() for array in read(content).values()])


def test_the_sample_that_is_damaged_is_good() -> None:
    found = read(in_zip(PICKLED, _0=struct.pack("<6f", *range(6)), _1=bytes(4)))
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
