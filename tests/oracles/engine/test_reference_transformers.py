"""The reference encoder against Hugging Face transformers, both in float64.

Random weights in every published shape, and the trained all-MiniLM-L6-v2. The largest error seen
was 2e-14; the tolerance leaves room for other processors and BLAS libraries, no more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from transformers.activations import ACT2FN

from embedpipe.engine import EncoderConfig, Ragged, check_weights
from embedpipe.engine.pooling import pool
from embedpipe.engine.reference import ReferenceEncoder, erf, gelu_erf, gelu_tanh
from embedpipe.errors import InputError, ModelFormatError, ParameterError
from tests.oracles.support.frameworks import (
    MODELS,
    oracle,
    random_pieces,
    transformers_model,
    transformers_outputs,
)
from tests.support.model_folders import random_config, random_tensors, tiny_config

TOLERANCE = 1e-12


def reference_encoder(raw: dict[str, Any], tensors: dict[str, np.ndarray], **options: Any) -> Any:
    config = EncoderConfig.from_huggingface(raw, source="config.json")
    return ReferenceEncoder(config, check_weights(tensors, config, source="weights"), **options)


def largest_errors(reference: ReferenceEncoder, model: Any, pieces: Ragged) -> tuple[float, float]:
    """Over all sequences: of the last hidden state, and of the pooler's output."""
    hidden = reference.hidden_states(pieces.values, pieces.offsets)
    pooler = reference.weights.pooler
    pooled = pool(hidden, pieces.offsets, "cls" if pooler is None else "pooler", pooler)
    expected_hidden, expected_pooled = transformers_outputs(model, pieces)
    assert hidden.dtype == expected_hidden.dtype == np.float64
    assert np.isfinite(expected_hidden).all()
    assert hidden.shape == expected_hidden.shape
    assert pooled.shape == expected_pooled.shape
    return (
        float(np.abs(hidden - expected_hidden).max()),
        float(np.abs(pooled - expected_pooled).max()),
    )


@pytest.mark.parametrize("name", MODELS)
def test_published_shapes_and_a_trained_model_agree_with_transformers(name: str) -> None:
    standard = oracle(name)
    encoder, pieces = ReferenceEncoder(standard.config, standard.weights), standard.pieces
    hidden = encoder.hidden_states(pieces.values, pieces.offsets)
    pooler = standard.weights.pooler
    pooled = pool(hidden, pieces.offsets, "cls" if pooler is None else "pooler", pooler)
    assert hidden.dtype == np.float64
    assert np.abs(hidden - standard.hidden).max() <= TOLERANCE
    assert np.abs(pooled - standard.pooled).max() <= TOLERANCE


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
@pytest.mark.parametrize(
    "shape",
    [
        {"model_type": "bert", "num_attention_heads": 4},
        {"model_type": "bert", "layer_norm_eps": 1e-3},
        {"model_type": "electra", "num_attention_heads": 2},
        {"model_type": "electra", "embedding_size": 16},
        {"model_type": "albert", "num_hidden_layers": 7, "num_hidden_groups": 3},
        {"model_type": "albert", "num_hidden_groups": 2, "inner_group_num": 2},
    ],
)
def test_variants_agree_with_transformers(shape: dict[str, Any], activation: str) -> None:
    """Large weights, so that the activations' forms, heads, groups and eps all show."""
    raw = tiny_config(**shape, hidden_act=activation)
    tensors = random_tensors(raw)
    for name in tensors:
        if not name.lower().endswith("norm.weight"):
            tensors[name] *= np.float32(10)
    pieces = random_pieces((1, 2, 24), raw["vocab_size"])
    errors = largest_errors(
        reference_encoder(raw, tensors), transformers_model(raw, tensors), pieces
    )
    assert max(errors) <= TOLERANCE, errors


def test_an_encoder_with_one_changed_number_would_not_pass() -> None:
    """The comparison is able to fail: by far, for one bias of one layer."""
    raw = tiny_config()
    tensors = random_tensors(raw)
    model = transformers_model(raw, tensors)
    tensors["encoder.layer.1.attention.self.value.bias"][3] += 0.001
    errors = largest_errors(reference_encoder(raw, tensors), model, random_pieces((5,), 40))
    assert errors[0] > 1e6 * TOLERANCE


def test_float32_is_close_to_float64_and_stays_float32() -> None:
    raw = random_config("bert_L2_H128")
    tensors = random_tensors(raw)
    pieces = random_pieces((3, 60), raw["vocab_size"])
    double = reference_encoder(raw, tensors).hidden_states(pieces.values, pieces.offsets)
    single = reference_encoder(raw, tensors, dtype=np.float32).hidden_states(
        pieces.values, pieces.offsets
    )
    assert single.dtype == np.float32
    assert np.abs(single - double).max() < 2e-5
    with pytest.raises(ParameterError, match="float16; expected float32 or float64"):
        reference_encoder(raw, tensors, dtype=np.float16)


def test_embed_pools_and_normalises_each_sequence_by_itself() -> None:
    raw = tiny_config("albert")
    encoder = reference_encoder(raw, random_tensors(raw))
    pieces = random_pieces((4, 1, 9), raw["vocab_size"])
    hidden = Ragged(encoder.hidden_states(pieces.values, pieces.offsets), pieces.offsets)
    found = encoder.encode_pieces(pieces.values, pieces.offsets, pooling="mean", normalize=False)
    np.testing.assert_allclose(found, [h.mean(axis=0) for h in hidden], rtol=1e-13)
    unit = encoder.encode_pieces(pieces.values, pieces.offsets, pooling="cls", normalize=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-13)
    np.testing.assert_allclose(unit[2], hidden[2][0] / np.linalg.norm(hidden[2][0]), rtol=1e-13)


def test_no_sequences_give_empty_results_and_bad_ids_are_refused() -> None:
    raw = tiny_config()
    encoder = reference_encoder(raw, random_tensors(raw))
    nothing, start = np.empty(0, np.int32), np.array([0])
    assert encoder.hidden_states(nothing, start).shape == (0, 16)
    assert encoder.encode_pieces(nothing, start, pooling="cls", normalize=True).shape == (0, 16)
    with pytest.raises(InputError, match="piece id 40"):
        encoder.hidden_states(np.array([40], np.int32), np.array([0, 1]))
    with pytest.raises(InputError, match="25 piece ids"):
        encoder.encode_pieces(
            np.zeros(25, np.int32), np.array([0, 25]), pooling="cls", normalize=False
        )


def test_a_missing_pooler_is_named() -> None:
    raw = tiny_config()
    tensors = {n: t for n, t in random_tensors(raw).items() if not n.startswith("pooler")}
    encoder = reference_encoder(raw, tensors)
    ids, offsets = np.array([1], np.int32), np.array([0, 1])
    with pytest.raises(ParameterError, match="this model has none"):
        encoder.encode_pieces(ids, offsets, pooling="pooler", normalize=False)


def test_erf_is_exact_to_double_precision() -> None:
    random = np.random.default_rng(3)
    x = np.concatenate(
        [
            random.normal(size=20_000) * 2,
            np.linspace(-7, 7, 50_001),
            np.arange(-800, 800) / 128,  # on the tabulated points and midway between them
            10.0 ** random.uniform(-300, 0, 2_000),
            [0.0, -0.0, 6.0, np.nextafter(6.0, 0), 1e300, math.inf, -math.inf],
        ]
    )
    found = erf(x)
    by_math = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(found, by_math, rtol=1e-15, atol=0)
    np.testing.assert_allclose(found, scipy.special.erf(x), rtol=1e-15, atol=0)
    assert math.copysign(1, erf(np.array([-0.0]))[0]) == -1
    assert np.isnan(erf(np.array([np.nan, 1.0]))).tolist() == [True, False]


ERF_NAMES = ("gelu", "gelu_python")
TANH_NAMES = ("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast")


@pytest.mark.parametrize("name", [*ERF_NAMES, *TANH_NAMES])
def test_each_accepted_activation_is_what_transformers_computes(name: str) -> None:
    config = EncoderConfig.from_huggingface(tiny_config(hidden_act=name), source="config.json")
    assert config.activation == ("gelu_erf" if name in ERF_NAMES else "gelu_tanh")
    ours = gelu_erf if config.activation == "gelu_erf" else gelu_tanh
    x = np.linspace(-12, 12, 4_801)
    theirs = ACT2FN[name](torch.from_numpy(x)).numpy()
    # gelu_fast writes sqrt(2 / pi) with ten digits
    tolerance = 1e-11 if name == "gelu_fast" else 5e-15
    np.testing.assert_allclose(ours(x), theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["gelu_10", "quick_gelu", "relu", "silu", "tanh"])
def test_each_refused_activation_is_another_function(name: str) -> None:
    with pytest.raises(ModelFormatError, match=f"hidden_act: '{name}'"):
        EncoderConfig.from_huggingface(tiny_config(hidden_act=name), source="config.json")
    x = np.linspace(-12, 12, 4_801)
    theirs = ACT2FN[name](torch.from_numpy(x)).numpy()
    assert min(np.abs(ours(x) - theirs).max() for ours in (gelu_erf, gelu_tanh)) > 1e-3
