"""ONNX graphs: what torch exports is read tensor for tensor, whatever it calls them."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel

from embedpipe.formats.onnx.weights import read_onnx
from tests.support.format_parts import model_of, node, tensor
from tests.support.format_support import damaged, field, fuzzed, refused, survives

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 16,
}


class Outputs(torch.nn.Module):
    """A model with plain arguments and results, which the exporter wants."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.bert = model

    def forward(self, ids: Any, mask: Any, types: Any) -> tuple[Any, Any]:
        found = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types)
        return found[0], found[1]


def exported(model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> bytes:
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    # The only step for which torch wants the onnx package: functions that this model has not
    monkeypatch.setattr(onnx_proto_utils, "_add_onnxscript_fn", lambda model, _: model)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.tensor([[1, 2, 3, 4]])
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Outputs(model),
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            buffer,
            input_names=names,
            dynamic_axes={name: {0: "batch", 1: "pieces"} for name in names},
            opset_version=14,
            dynamo=False,
        )
    return buffer.getvalue()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_an_export_of_torch_has_the_model_s_tensors(
    kind: str, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    if kind == "bert":
        model: Any = BertModel(BertConfig(**SIZES, attn_implementation=attention))
    else:
        config = AlbertConfig(
            **SIZES, embedding_size=8, hidden_act="gelu_new", attn_implementation=attention
        )
        model = AlbertModel(config)
    for parameter in model.parameters():  # all different, so that none is stored once for two
        torch.nn.init.normal_(parameter)
    found = read_onnx(memoryview(exported(model.eval(), monkeypatch)), "some.onnx")
    expected = {name: values.numpy() for name, values in model.state_dict().items()}
    assert sorted(found.tensors) == sorted(expected)
    for name, values in expected.items():
        assert found.tensors[name].tobytes() == np.ascontiguousarray(values).tobytes(), name
    assert found.architecture == kind
    assert found.facts.head_size == 8
    assert found.facts.passes == 2
    assert found.facts.layer_norm_eps == 1e-12
    assert found.facts.activation == ("gelu_erf" if kind == "bert" else "gelu_tanh")


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
        "with 0 bytes",
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
