"""The product that may follow pooling: against NumPy's own in float64, and its bits in company."""

from __future__ import annotations

import numpy as np
import pytest

from embedpipe.engine.dense import Dense


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((19, 33)).astype(np.float32)


@pytest.mark.parametrize("activation", ["tanh", "identity"])
@pytest.mark.parametrize("with_bias", [True, False])
def test_dense_is_the_product_that_it_says(weight, activation, with_bias):
    bias = np.linspace(-1, 1, 19, dtype=np.float32) if with_bias else None
    vectors = np.random.default_rng(1).standard_normal((5, 33)).astype(np.float32) / 6
    expected = vectors.astype(np.float64) @ weight.T.astype(np.float64)
    expected = expected + (0 if bias is None else bias)
    expected = np.tanh(expected) if activation == "tanh" else expected
    found = Dense(weight, bias, activation)(vectors)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_row_has_the_same_bits_alone_and_in_company(weight):
    dense = Dense(weight, weight[:, 0].copy(), "tanh")
    vectors = np.random.default_rng(2).standard_normal((37, 33)).astype(np.float32)
    together = dense(vectors)
    for row in range(37):
        assert dense(vectors[row : row + 1])[0].tobytes() == together[row].tobytes()
        assert dense(vectors[row:])[0].tobytes() == together[row].tobytes()
    assert dense(vectors[:0]).shape == (0, 19)


def test_columns_of_another_array_are_taken_too(weight):
    vectors = np.random.default_rng(3).standard_normal((33, 4)).astype(np.float32).T
    dense = Dense(weight, None, "identity")
    assert dense(vectors).tobytes() == dense(np.ascontiguousarray(vectors)).tobytes()
