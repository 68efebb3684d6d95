"""The engine against transformers in float64, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from embedpipe.engine.native import NativeEncoder
from tests.oracles.support.frameworks import MODELS, oracle
from tests.support.engines import ISAS


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", MODELS)
def test_every_element_is_within_the_bound_of_transformers_in_float64(name: str, isa: str) -> None:
    """2e-5, or 1.5 times transformers' own float32 error where that is larger."""
    standard = oracle(name)
    pieces = standard.pieces
    encoder = NativeEncoder(standard.config, standard.weights, isa=isa)
    hidden = encoder.hidden_states(pieces.values, pieces.offsets)
    pooling = "cls" if standard.weights.pooler is None else "pooler"
    pooled = encoder.encode_pieces(pieces.values, pieces.offsets, pooling=pooling, normalize=False)
    for found, expected, theirs in (
        (hidden, standard.hidden, standard.float32_errors[0]),
        (pooled, standard.pooled, standard.float32_errors[1]),
    ):
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert np.isfinite(found).all()
        ours = float(np.abs(found - expected).max())
        print(f"{name} {isa}: error {ours:.1e}, transformers' float32 {theirs:.1e}")
        assert ours <= max(2e-5, 1.5 * theirs)
