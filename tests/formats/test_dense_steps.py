"""Dense steps, written by hand: what is computed of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.errors import ModelFormatError
from embedpipe.formats import open_model
from tests.support.model_folders import tiny_config, write_model, write_safetensors

STEPS = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")]
WEIGHT = np.random.default_rng(0).standard_normal((5, 16)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_model(tmp_path / "model", tiny_config())
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")
    modules = [{"path": p, "type": f"sentence_transformers.models.{kind}"} for p, kind in STEPS]
    (folder / "modules.json").write_text(json.dumps(modules))
    for name in ("1_Pooling", "2_Dense"):
        (folder / name).mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    put(folder, WEIGHT)
    return folder


def put(folder: Path, weight: np.ndarray, **stated: object) -> None:
    settings = {"in_features": 16, "out_features": 5, "bias": False, **stated}
    (folder / "2_Dense/config.json").write_text(json.dumps(settings))
    write_safetensors(folder / "2_Dense/model.safetensors", {"linear.weight": weight})


def test_the_product_comes_after_pooling_and_before_length_1(folder):
    encoder = Encoder(folder)
    pieces = encoder.tokenize(["a b", "b"]).ids
    means = np.stack([rows.mean(axis=0) for rows in encoder.hidden_states(pieces)])
    expected = np.tanh(means @ WEIGHT.T)
    np.testing.assert_allclose(encoder.encode(["a b", "b"]), expected, atol=1e-5)
    unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(["a b", "b"], normalize=True), unit, atol=1e-5)
    assert (encoder.dimension, encoder.hidden_size) == (5, 16)


def test_another_product_is_another_model(folder):
    encoder = Encoder(folder)
    before, vector = encoder.fingerprint, encoder.encode("a")
    put(folder, -WEIGHT)
    after = Encoder(folder)
    assert after.fingerprint != before
    assert (after.encode("a") == -vector).all()


@pytest.mark.parametrize(
    ("weight", "stated", "message"),
    [
        (
            WEIGHT[:, :15],
            {},
            r"linear.weight has the shape \(5, 15\); config.json .* says \(5, 16\)",
        ),
        (WEIGHT, {"bias": True}, "linear.bias has the shape None"),
        (WEIGHT * np.inf, {}, "linear.weight has numbers that are not finite"),
        (WEIGHT.T, {"in_features": 5, "out_features": 16}, "takes vectors of 5; what comes before"),
        (WEIGHT, {"in_features": "16"}, "in_features: '16'; expected an integer"),
        (WEIGHT, {"module_input_name": "token_embeddings"}, "expected one of sentence_embedding"),
    ],
)
def test_what_does_not_fit_is_refused(folder, weight, stated, message):
    put(folder, weight, **stated)
    with pytest.raises(ModelFormatError, match=message):
        open_model(folder)


def test_missing_weights_are_named(folder):
    (folder / "2_Dense/model.safetensors").unlink()
    with pytest.raises(ModelFormatError, match=r"2_Dense has no model.safetensors"):
        open_model(folder)
