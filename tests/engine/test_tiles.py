"""AMX's tiles: their model in whole encoders, and what becomes of processors and systems without.

The model itself, and products by tiles, are checked in native/tests/test_tiles.cc.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.engine import Ragged, native
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.native import isa_for, supported_isas, supported_precisions
from embedpipe.errors import ParameterError
from tests.support.engines import encoder_of
from tests.support.model_folders import random_config, random_pieces, tiny_config

MODEL = "amx_model"
SHAPE = random_config("bert_L2_H128") | {"vocab_size": 300}


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize(("precision", "least"), [("int8", 0.999), ("bfloat16", 0.9999)])
def test_encoders_by_tiles_are_close_to_float32_with_the_same_bits_in_any_company(
    precision: Any, least: float
) -> None:
    pieces = random_pieces((3, 40, 1, 70), SHAPE["vocab_size"])
    exact = encoder_of(SHAPE).hidden_states(pieces.values, pieces.offsets)
    encoder = encoder_of(SHAPE, precision=precision, isa=MODEL, threads=1)
    found = encoder.hidden_states(pieces.values, pieces.offsets)
    assert cosines(found, exact).mean() >= least
    team = encoder_of(SHAPE, precision=precision, isa=MODEL, threads=2)
    rows = Ragged(found, pieces.offsets)
    for i in (3, 0):
        ids = pieces[i]
        for each in (encoder, team):
            alone = each.hidden_states(ids, np.array([0, len(ids)], np.int64))
            assert np.array_equal(alone, rows[i])


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
@pytest.mark.parametrize("width", [20, 100])
def test_widths_that_fill_no_tile_are_padded(precision: Any, width: int) -> None:
    raw = tiny_config(hidden_size=width, num_attention_heads=2, intermediate_size=70)
    pieces = random_pieces((5, 1), raw["vocab_size"])
    exact = encoder_of(raw).hidden_states(pieces.values, pieces.offsets)
    found = encoder_of(raw, precision=precision, isa=MODEL).hidden_states(
        pieces.values, pieces.offsets
    )
    assert cosines(found, exact).min() >= 0.995


def test_the_model_is_for_those_who_name_it() -> None:
    assert MODEL not in supported_isas()
    assert supported_precisions(MODEL) == ("float32", "bfloat16", "int8")


def test_amx_is_demanded_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "supported_isas", lambda: ("avx2", "portable"))
    monkeypatch.setenv("EMBEDPIPE_ISA", "amx")
    with pytest.raises(ParameterError, match="EMBEDPIPE_ISA is 'amx', which this processor does"):
        Encoder.load(precision="int8")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A processor with AMX, and a system that does not lend tiles; what it was asked for."""
    asked: list[str] = []

    def permitted() -> bool:
        asked.append("tiles")
        return False

    monkeypatch.setattr(native, "supported_isas", lambda: ("amx", "avx2", "portable"))
    monkeypatch.setattr(native._native, "tiles_are_permitted", permitted)
    return asked


def test_a_refusing_system_is_asked_only_for_low_precisions_and_passed_over(
    refusing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert EngineChoice.of("native").isa == "amx"
    assert refusing == []
    low = EngineChoice.of("native", precision="int8")
    assert (low.isa, low.precision) == ("avx2", "int8")
    assert EngineChoice.of("native", precision="auto").precision == "float32"
    assert refusing
    monkeypatch.setenv("EMBEDPIPE_ISA", "amx")
    assert isa_for("amx", "float32") == "amx"
    with pytest.raises(ParameterError, match=r"does not lend this process tiles.*use 'avx2'"):
        EngineChoice.of("native", precision="int8")
