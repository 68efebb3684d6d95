"""ONNX graphs: what torch exports is read tensor for tensor, whatever it calls them."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.formats.onnx.weights import read_onnx
from tests.support.format_parts import model_of, node, tensor
from tests.support.format_support import damaged, field, fuzzed, refused, survives

# ---- graphs by hand ----


WORDS = tensor("x.embeddings.word_embeddings.weight", (2, 2))


def read(content: bytes) -> Any:
    return read_onnx(memoryview(content), "some.onnx")


def test_kernels_are_named_after_the_bias_of_their_product() -> None:
    numbers = struct.pack("<6f", *range(6))
    found = read(
        model_of(
            WORDS,
            tensor("folded_17", (2, 3), content=numbers),
            tensor("x.pooler.dense.bias", (3,)),
            node("MatMul", ["hidden", "folded_17"], ["product"]),
            node("Add", ["x.pooler.dense.bias", "product"], ["sum"]),
        )
    )
    assert found.tensors["pooler.dense.weight"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found.origins["pooler.dense.weight"] == "folded_17"
    assert found.unused == ()


def test_a_name_given_to_an_equal_tensor_is_followed() -> None:
    found = read(
        model_of(
            WORDS,
            tensor("x.a.bias", (1,), content=struct.pack("<f", 7)),
            node("Identity", ["x.a.bias"], ["x.b.bias"]),
        )
    )
    assert found.tensors["b.bias"].tolist() == [7]


BAD = {
    "empty": (b"", "0 tensors named embeddings.word_embeddings.weight"),
    "two encoders": (
        model_of(WORDS, tensor("y.embeddings.word_embeddings.weight", (2, 2))),
        "2 tensors named",
    ),
    "quantized": (model_of(WORDS, node("MatMulInteger", [], [])), "is quantized (MatMulInteger)"),
    "elsewhere": (
        model_of(field(5, field(8, b"embeddings.word_embeddings.weight") + field(14, 1))),
        "lie in another file",
    ),
    "strings": (model_of(tensor("embeddings.word_embeddings.weight", (1,), 8)), "ONNX's type 8"),
    "too few bytes": (
        model_of(tensor("embeddings.word_embeddings.weight", (2,), content=bytes(7))),
        "with 7 bytes",
    ),
    "negative size": (
        model_of(tensor("embeddings.word_embeddings.weight", (-1,), content=b"")),
        "shape (-1,)",
    ),
    "2^96 numbers": (
        model_of(tensor("embeddings.word_embeddings.weight", (2**32,) * 3, content=b"")),
        "has more than 2^63 bytes",
    ),
    "cut off": (model_of(WORDS)[:-1], "where"),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_a_file_has_its_own_error(case: str) -> None:
    content, finding = BAD[case]
    refused(lambda: read(content), "some.onnx", finding)


@fuzzed
@given(data=st.data())
def test_a_damaged_file_gives_our_error_or_tensors_inside_it(
    testdata: Path, data: st.DataObject
) -> None:
    archive = testdata / "models/spark_nlp_5.5.3/albert_embeddings_onnx/albert_onnx"
    content = data.draw(damaged(zipfile.ZipFile(archive).read("model.onnx")))

    def read_and_measure() -> None:
        for array in read(content).tensors.values():
            assert array.nbytes <= len(content)

    survives(read_and_measure)
