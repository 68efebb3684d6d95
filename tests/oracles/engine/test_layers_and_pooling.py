"""Names, shapes and the order of layers as in transformers; pooling as PyTorch computes it."""

from __future__ import annotations

import numpy as np
import pytest

from embedpipe.engine import (
    EncoderConfig,
    LinearWeights,
    expected_shapes,
)
from embedpipe.engine.pooling import POOLINGS, normalize, pool
from tests.support.model_folders import SHAPES, tiny_config


@pytest.mark.parametrize(
    ("layers", "groups", "inner"), [(5, 1, 1), (6, 3, 1), (7, 3, 2), (12, 5, 1), (4, 4, 3)]
)
def test_albert_runs_layers_in_the_order_of_transformers(
    layers: int, groups: int, inner: int
) -> None:
    """The order is recorded while AlbertModel itself runs."""
    import torch
    from transformers import AlbertConfig, AlbertModel

    raw = tiny_config(
        "albert", num_hidden_layers=layers, num_hidden_groups=groups, inner_group_num=inner
    )
    model = AlbertModel(AlbertConfig(**raw)).eval()
    order: list[int] = []
    for g, group in enumerate(model.encoder.albert_layer_groups):
        for i, layer in enumerate(group.albert_layers):
            index = g * inner + i
            layer.register_forward_pre_hook(lambda *_, index=index: order.append(index))
    with torch.no_grad():
        model(torch.tensor([[1, 2, 3]]))
    assert EncoderConfig.from_huggingface(raw, source="config.json").layer_schedule == tuple(order)


LENGTHS = (1, 5, 2, 40, 1)


@pytest.fixture(params=[np.float32, np.float64])
def hidden(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(sum(LENGTHS), 33)).astype(request.param)


@pytest.fixture
def offsets() -> np.ndarray:
    return np.concatenate([[0], np.cumsum(LENGTHS)])


@pytest.fixture
def pooler() -> LinearWeights:
    random = np.random.default_rng(1)
    draw = random.normal(size=(34, 33)).astype(np.float32) * np.float32(0.1)
    return LinearWeights(draw[:33], draw[33])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_is_what_pytorch_computes(
    hidden: np.ndarray, offsets: np.ndarray, pooler: LinearWeights, pooling: str
) -> None:
    import torch

    expected = []
    for sequence in np.split(hidden.astype(np.float64), offsets[1:-1]):
        part = torch.from_numpy(sequence)
        weight, bias = torch.from_numpy(pooler.weight), torch.from_numpy(pooler.bias)
        whole = torch.tanh(torch.nn.functional.linear(part[0], weight.double(), bias.double()))
        expected.append({"mean": part.mean(0), "cls": part[0], "pooler": whole}[pooling].numpy())
    found = pool(hidden, offsets, pooling, pooler)
    assert found.dtype == hidden.dtype
    # 33 products of numbers around 1: a few units in the last place
    tolerance = 8 * np.finfo(hidden.dtype).eps
    np.testing.assert_allclose(found, np.stack(expected), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalization_is_pytorchs(dtype: type) -> None:
    import torch

    vectors = np.random.default_rng(2).normal(size=(6, 50)).astype(dtype)
    vectors[1] = 0
    vectors[2] *= 1e-15  # shorter than the smallest length
    vectors[3] *= 1e6
    expected = torch.nn.functional.normalize(torch.from_numpy(vectors.astype(np.float64)), dim=1)
    found = normalize(vectors)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected.numpy(), rtol=2 * np.finfo(dtype).eps, atol=0)
    assert not found[1].any()
    assert np.linalg.norm(found[2]) < 0.1


@pytest.mark.parametrize("name", [*SHAPES, "albert_groups"])
def test_names_and_shapes_are_those_of_transformers(name: str) -> None:
    import torch
    from transformers import (
        AlbertConfig,
        AlbertModel,
        BertConfig,
        BertModel,
        ElectraConfig,
        ElectraModel,
    )

    groups = tiny_config("albert", num_hidden_layers=6, num_hidden_groups=3, inner_group_num=2)
    raw = SHAPES.get(name, groups)
    with torch.device("meta"):  # shapes without memory
        model = {
            "bert": lambda: BertModel(BertConfig(**raw)),
            "electra": lambda: ElectraModel(ElectraConfig(**raw)),
            "albert": lambda: AlbertModel(AlbertConfig(**raw)),
        }[raw["model_type"]]()
    theirs = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert expected_shapes(EncoderConfig.from_huggingface(raw, source="config.json")) == theirs
