"""EncoderConfig: what it takes from a config.json, what it refuses, and the order of layers."""

from __future__ import annotations

import math

import pytest

from embedpipe.engine import EncoderConfig
from embedpipe.errors import EmbedpipeError, ModelFormatError
from tests.support.model_folders import SHAPES, random_config, tiny_config


def read(config: dict) -> EncoderConfig:
    return EncoderConfig.from_huggingface(config, source="some/config.json")


def problems(config: dict) -> str:
    with pytest.raises(ModelFormatError) as caught:
        read(config)
    assert isinstance(caught.value, EmbedpipeError)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def without(config: dict, *keys: str) -> dict:
    return {key: value for key, value in config.items() if key not in keys}


def test_bert_sizes_are_taken_over() -> None:
    config = read(random_config("bert_L12_H256"))
    assert config == EncoderConfig(
        architecture="bert",
        vocab_size=30522,
        hidden_size=256,
        embedding_size=256,
        num_hidden_layers=12,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=512,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        activation="gelu_erf",
    )
    assert config.head_size == 64
    assert config.layer_schedule == tuple(range(12))
    assert config.num_distinct_layers == 12


def test_albert_sizes_are_taken_over() -> None:
    config = read(random_config("albert_large"))
    assert (config.hidden_size, config.embedding_size, config.vocab_size) == (1024, 128, 30000)
    assert (config.num_attention_heads, config.intermediate_size) == (16, 4096)
    assert config.activation == "gelu_tanh"
    assert config.layer_schedule == (0,) * 24
    assert config.num_distinct_layers == 1


@pytest.mark.parametrize("name", SHAPES)
def test_every_published_shape_has_heads_of_64(name: str) -> None:
    assert read(random_config(name)).head_size == 64


def test_settings_with_transformers_defaults_may_be_absent() -> None:
    keys = ("type_vocab_size", "layer_norm_eps", "position_embedding_type")
    config = read(without(tiny_config(), *keys))
    assert (config.type_vocab_size, config.layer_norm_eps) == (2, 1e-12)
    albert = read(without(tiny_config("albert"), "num_hidden_groups", "inner_group_num"))
    assert (albert.num_hidden_groups, albert.inner_group_num) == (1, 1)


def test_an_embedding_size_in_a_bert_is_not_its_own() -> None:
    """BertModel has no such setting and ignores it."""
    assert read(tiny_config(embedding_size=4)).embedding_size == 16


def test_every_problem_is_reported_at_once() -> None:
    bad = without(tiny_config(), "vocab_size") | {
        "hidden_act": "relu",
        "num_hidden_layers": -1,
        "intermediate_size": "32",
        "layer_norm_eps": -1,
        "position_embedding_type": "relative_key",
        "is_decoder": True,
    }
    message = problems(bad)
    assert message.startswith("some/config.json ")
    for found in (
        "vocab_size: missing",
        "hidden_act: 'relu'",
        "num_hidden_layers: -1",
        "intermediate_size: '32'",
        "layer_norm_eps: -1",
        "position_embedding_type: 'relative_key'; expected 'absolute'",
        "is_decoder: True",
    ):
        assert f"\n  - {found}" in message
    assert message.count("\n  - ") == 7


@pytest.mark.parametrize("key", ["vocab_size", "hidden_size", "num_attention_heads"])
@pytest.mark.parametrize("value", [0, -3, True, 16.0, "16", None, [16], 2**31])
def test_sizes_that_cannot_be_are_refused(key: str, value: object) -> None:
    assert f"\n  - {key}: " in problems(tiny_config(**{key: value}))


@pytest.mark.parametrize("value", [0, 1, math.nan, math.inf, True, "1e-12", None])
def test_layer_norm_eps_must_be_a_small_positive_number(value: object) -> None:
    assert "\n  - layer_norm_eps: " in problems(tiny_config(layer_norm_eps=value))


def test_hidden_size_must_be_a_multiple_of_the_heads() -> None:
    message = problems(tiny_config(num_attention_heads=3))
    assert "hidden_size 16 is not a multiple of num_attention_heads 3" in message


def test_a_billion_layers_are_refused_before_anything_is_counted() -> None:
    assert "num_hidden_layers: 1000000000" in problems(tiny_config(num_hidden_layers=10**9))


@pytest.mark.parametrize("model_type", [None, "roberta", "distilbert", 7, ["bert"]])
def test_other_model_types_are_refused_by_name(model_type: object) -> None:
    message = problems(tiny_config() | {"model_type": model_type})
    assert f"model_type: {model_type!r}; expected one of bert, electra, albert" in message


def test_albert_needs_an_embedding_size() -> None:
    assert "embedding_size: missing" in problems(without(tiny_config("albert"), "embedding_size"))


def test_more_groups_than_passes_are_refused() -> None:
    message = problems(tiny_config("albert", num_hidden_groups=3))
    assert "num_hidden_groups 3 is larger than num_hidden_layers 2" in message
