"""ONNX graphs: what torch exports is read tensor for tensor, whatever it calls them."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel

from embedpipe.formats.onnx.weights import read_onnx

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
