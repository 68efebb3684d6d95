"""check_weights: names and shapes as in transformers, and every fault reported at once."""

from __future__ import annotations

import numpy as np
import pytest

from embedpipe.engine import EncoderConfig, EncoderWeights, check_weights
from embedpipe.engine.tensors import layer_names
from embedpipe.errors import ModelFormatError
from tests.support.model_folders import random_tensors, tiny_config


def config_of(raw: dict) -> EncoderConfig:
    return EncoderConfig.from_huggingface(raw, source="config.json")


def check(tensors: dict, raw: dict | None = None) -> EncoderWeights:
    return check_weights(tensors, config_of(raw or tiny_config()), source="weights.file")


def problems(tensors: dict, raw: dict | None = None) -> list[str]:
    """The listed findings, without the sentences around them."""
    with pytest.raises(ModelFormatError, match=r"^weights\.file ") as caught:
        check(tensors, raw)
    return [line[4:] for line in str(caught.value).splitlines() if line.startswith("  - ")]


@pytest.fixture
def tensors() -> dict[str, np.ndarray]:
    return random_tensors(tiny_config())


def test_bert_tensors_are_grouped_under_the_right_names(tensors: dict) -> None:
    weights = check(tensors)
    layer, name = weights.layers[1], "encoder.layer.1"
    expected = {
        "attention.self.query": layer.query,
        "attention.self.key": layer.key,
        "attention.self.value": layer.value,
        "attention.output.dense": layer.attention_output,
        "attention.output.LayerNorm": layer.attention_norm,
        "intermediate.dense": layer.intermediate,
        "output.dense": layer.output,
        "output.LayerNorm": layer.output_norm,
    }
    for suffix, part in expected.items():
        np.testing.assert_array_equal(part.weight, tensors[f"{name}.{suffix}.weight"])
        np.testing.assert_array_equal(part.bias, tensors[f"{name}.{suffix}.bias"])
    assert weights.embedding_projection is None
    assert weights.pooler is not None
    np.testing.assert_array_equal(weights.pooler.weight, tensors["pooler.dense.weight"])


def test_albert_layers_are_in_the_order_that_the_schedule_counts() -> None:
    raw = tiny_config("albert", num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2)
    tensors = random_tensors(raw)
    weights = check(tensors, raw)
    names = layer_names(config_of(raw))
    assert len(weights.layers) == len(names) == config_of(raw).num_distinct_layers == 4
    assert names[2] == "encoder.albert_layer_groups.1.albert_layers.0"
    for layer, name in zip(weights.layers, names, strict=True):
        np.testing.assert_array_equal(layer.intermediate.weight, tensors[f"{name}.ffn.weight"])
        np.testing.assert_array_equal(
            layer.output_norm.bias, tensors[f"{name}.full_layer_layer_norm.bias"]
        )
    assert weights.embedding_projection is not None
    assert weights.embedding_projection.weight.shape == (16, 8)


def test_float32_arrays_are_shared_not_copied(tensors: dict) -> None:
    weights = check(tensors)
    assert np.shares_memory(weights.word_embeddings, tensors["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_become_float32_and_tables_contiguous(tensors: dict, dtype: str) -> None:
    converted = {name: np.asfortranarray(t.astype(dtype)) for name, t in tensors.items()}
    weights = check(converted)
    found = {
        "encoder.layer.0.attention.self.query.weight": weights.layers[0].query.weight,
        "embeddings.word_embeddings.weight": weights.word_embeddings,
    }
    for name, weight in found.items():
        assert weight.dtype == np.float32
        expected = tensors[name].astype(dtype)
        np.testing.assert_array_equal(weight, expected.astype(np.float32))
    assert weights.word_embeddings.flags.c_contiguous


def test_matrices_are_shared_in_any_order_and_at_any_address(tensors: dict) -> None:
    name = "encoder.layer.0.attention.self.query.weight"
    moved = np.frombuffer(b"x" + tensors[name].T.tobytes(), np.uint8)[1:].view(np.float32)
    turned = moved.reshape(tensors[name].shape[::-1]).T
    assert not turned.flags.aligned
    found = check({**tensors, name: turned}).layers[0].query.weight
    assert np.shares_memory(found, moved)


def test_old_layer_norm_names_are_understood(tensors: dict) -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert "embeddings.LayerNorm.gamma" in old
    norm = check(old).layers[0].attention_norm
    name = "encoder.layer.0.attention.output.LayerNorm"
    np.testing.assert_array_equal(norm.weight, tensors[f"{name}.weight"])
    np.testing.assert_array_equal(norm.bias, tensors[f"{name}.bias"])


def test_old_and_new_layer_norm_names_together_are_refused(tensors: dict) -> None:
    both = tensors | {"embeddings.LayerNorm.gamma": np.ones(16, np.float32)}
    (problem,) = problems(both)
    assert "gamma" in problem


def test_the_pooler_may_be_absent_but_not_half(tensors: dict) -> None:
    bias = tensors.pop("pooler.dense.bias")
    assert problems(tensors) == ["pooler.dense.bias: missing; expected shape (16,)"]
    del tensors["pooler.dense.weight"]
    assert check(tensors).pooler is None
    assert bias.shape == (16,)


def test_tensors_of_heads_are_ignored(tensors: dict) -> None:
    extra = np.zeros(3, np.float32)
    names = (
        "cls.predictions.bias",
        "cls.seq_relationship.weight",
        "predictions.decoder.weight",
        "sop_classifier.classifier.bias",
        "classifier.weight",
        "linear.weight",
        "crf.transitions",
        "qa_outputs.bias",
        "embeddings.position_ids",
        "embeddings.token_type_ids",
    )
    check(tensors | dict.fromkeys(names, extra))


def test_missing_misshapen_surplus_and_broken_tensors_are_reported_together(tensors: dict) -> None:
    del tensors["encoder.layer.0.output.dense.bias"]
    tensors["encoder.layer.1.intermediate.dense.weight"] = np.zeros((16, 32), np.float32)
    tensors["encoder.layer.2.output.dense.bias"] = np.zeros(16, np.float32)
    tensors["embeddings.word_embeddings.weight"][3, 4:6] = np.nan
    tensors["embeddings.LayerNorm.bias"][0] = -np.inf
    tensors["pooler.dense.bias"] = np.zeros(16, np.int64)
    assert sorted(problems(tensors)) == [
        "embeddings.LayerNorm.bias: 1 of 16 numbers are NaN or infinite",
        "embeddings.word_embeddings.weight: 2 of 640 numbers are NaN or infinite",
        "encoder.layer.0.output.dense.bias: missing; expected shape (16,)",
        "encoder.layer.1.intermediate.dense.weight: shape (16, 32); expected (32, 16)",
        "encoder.layer.2.output.dense.bias: shape (16,); the configuration has no such tensor",
        "pooler.dense.bias: int64; expected floating-point numbers",
    ]


def test_float64_beyond_float32_counts_as_infinite(tensors: dict) -> None:
    name = "encoder.layer.0.output.dense.bias"
    tensors[name] = tensors[name].astype(np.float64)
    tensors[name][2] = 1e300
    assert problems(tensors) == [f"{name}: 1 of 16 numbers are NaN or infinite"]
