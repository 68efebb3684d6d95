"""int8 and bfloat16: close to float32, the same bits in any company, and chosen as asked.

How exactly the kernels compute is checked in native/tests/test_precisions.cc.
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedpipe import Encoder
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.native import NativeEncoder, multiply_add_peak, supported_precisions
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ParameterError
from tests.support.engines import encoder_of
from tests.support.model_folders import (
    SHAPES,
    random_config,
    random_pieces,
    random_tensors,
    tiny_config,
    write_model,
)
from tests.support.stsb import read_pairs

LOW = [precision for precision in supported_precisions() if precision != "float32"]
LEAST_MEAN = {"int8": 0.999, "bfloat16": 0.9999}


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a.astype(np.float64) * b).sum(axis=1) / norms


def catalog_shapes() -> dict[str, dict[str, Any]]:
    """Every size of Google's small BERT models, and the large ones by name."""
    small = {
        f"bert_L{layers}_H{hidden}": random_config("bert_L2_H128")
        | {
            "num_hidden_layers": layers,
            "hidden_size": hidden,
            "num_attention_heads": hidden // 64,
            "intermediate_size": 4 * hidden,
        }
        for layers in (2, 4, 6, 8, 10, 12)
        for hidden in (128, 256, 512)
    }
    return small | {name: random_config(name) for name in ("bert_L12_H768", "albert_base")}


@pytest.mark.parametrize("precision", LOW)
@pytest.mark.parametrize("shape", catalog_shapes())
def test_every_published_size_stays_close_to_float32(shape: str, precision: str) -> None:
    raw = catalog_shapes()[shape] | {"vocab_size": 2000}
    pieces = random_pieces((3, 12, 25, 25, 60, 128), raw["vocab_size"])
    exact = encoder_of(raw).hidden_states(pieces.values, pieces.offsets)
    found = encoder_of(raw, precision=precision).hidden_states(pieces.values, pieces.offsets)
    measured = cosines(found, exact)
    print(f"{shape} {precision}: mean cosine {measured.mean():.6f}, least {measured.min():.6f}")
    assert measured.mean() >= LEAST_MEAN[precision]


@pytest.mark.parametrize("precision", LOW)
def test_the_trained_model_keeps_its_vectors_and_its_rank_correlation(
    testdata: Path, precision: Any
) -> None:
    first, second, scores = read_pairs(testdata / "stsb/sts-dev.csv")
    exact = Encoder.load("all-MiniLM-L6-v2")
    encoder = exact.with_precision(precision)
    standard, found = exact.encode(first + second), encoder.encode(first + second)
    measured = cosines(found, standard)
    ranks = [
        100 * spearmanr((v[: len(first)] * v[len(first) :]).sum(axis=1), scores).statistic
        for v in (standard, found)
    ]
    print(
        f"{precision}: cosine {measured.mean():.5f}, least {measured.min():.5f}, Spearman {ranks}"
    )
    assert measured.mean() >= {"int8": 0.998, "bfloat16": 0.9999}[precision]
    assert measured.min() >= {"int8": 0.995, "bfloat16": 0.9998}[precision]
    assert abs(ranks[1] - ranks[0]) <= 0.1


@pytest.mark.parametrize("precision", LOW)
def test_bits_do_not_depend_on_batch_order_or_threads(precision: str) -> None:
    raw = random_config("bert_L2_H128") | {"vocab_size": 500}
    random = np.random.default_rng(2)
    lengths = (*random.integers(1, 70, 40).tolist(), 300, 1)
    pieces = random_pieces(lengths, raw["vocab_size"])
    encoders = [encoder_of(raw, precision=precision, threads=threads) for threads in (1, 2, 3)]
    whole = Ragged(encoders[0].hidden_states(pieces.values, pieces.offsets), pieces.offsets)
    order = random.permutation(len(pieces))
    for part in (order, order[:1], order[3:10], np.array([len(lengths) - 2])):
        chosen = Ragged.from_sequences([pieces[i] for i in part], np.int32)
        for encoder in encoders:
            found = Ragged(encoder.hidden_states(chosen.values, chosen.offsets), chosen.offsets)
            assert all(np.array_equal(found[k], whole[i]) for k, i in enumerate(part))


def test_one_long_text_has_the_same_bits_on_a_team_of_threads() -> None:
    raw = random_config("bert_L2_H512") | {"vocab_size": 500}
    pieces = random_pieces((512,), raw["vocab_size"])
    vectors = [
        encoder_of(raw, threads=threads).hidden_states(pieces.values, pieces.offsets)
        for threads in (1, 2, 3, 40)
    ]
    assert all(np.array_equal(other, vectors[0]) for other in vectors[1:])


@pytest.mark.parametrize("model_type", ["bert", "albert"])
@pytest.mark.parametrize("scale", [1e4, 1e-42, 0.0])
def test_activations_of_any_size_give_numbers(model_type: str, scale: float) -> None:
    """Outliers, denormals and zeros, made by a LayerNorm that scales one feature so."""
    raw = tiny_config(model_type)
    tensors = random_tensors(raw)
    for name, tensor in tensors.items():
        if "LayerNorm" in name or "layer_norm" in name.lower():
            tensor[3] = scale
            if scale == 0.0:
                tensor[:] = 0.0
    from embedpipe.engine.config import EncoderConfig
    from embedpipe.engine.weights import check_weights

    config = EncoderConfig.from_huggingface(raw, source="config.json")
    weights = check_weights(tensors, config, source="weights")
    pieces = random_pieces((5, 12), raw["vocab_size"])
    exact = NativeEncoder(config, weights).hidden_states(pieces.values, pieces.offsets)
    assert np.isfinite(exact).all()
    for precision in LOW:
        encoder = NativeEncoder(config, weights, precision=precision)
        found = encoder.hidden_states(pieces.values, pieces.offsets)
        assert np.isfinite(found).all()
        assert np.abs(found - exact).max() <= 0.05 * max(np.abs(exact).max(), 1e-6)


@pytest.mark.parametrize(
    ("isa", "asked", "computed"),
    [
        ("portable", "bfloat16", "float32"),
        ("portable", "auto", "float32"),
        ("portable", "int8", "int8"),
        (None, "auto", "bfloat16" if "bfloat16" in LOW else "float32"),
    ],
)
def test_what_the_processor_lacks_is_computed_in_float32(
    monkeypatch: pytest.MonkeyPatch, isa: str | None, asked: Any, computed: str
) -> None:
    if isa:
        monkeypatch.setenv("EMBEDPIPE_ISA", isa)
    encoder = Encoder.load(precision=asked)
    assert encoder.precision == computed
    assert f"precision={computed!r}" in repr(encoder)
    assert encoder.encode(["one"]).shape == (1, 384)


def test_an_encoder_gives_others_in_other_precisions(tmp_path: Path, testdata: Path) -> None:
    write_model(
        tmp_path / "m", "bert_L2_H128", vocab=testdata / "vocabularies/bert_uncased/vocab.txt"
    )
    exact = Encoder.load(tmp_path / "m", threads=1)
    low = exact.with_precision("int8")
    assert low.with_precision("int8") is low
    assert (low.with_precision("float32").precision, exact.precision) == ("float32", "float32")
    assert exact.with_precision("auto").precision == low.with_precision("bfloat16").precision
    assert (low.precision, low.threads, low.tokenizer) == ("int8", 1, exact.tokenizer)
    loaded = Encoder.load(tmp_path / "m", precision="int8")
    assert np.array_equal(low.encode(["a text"]), loaded.encode(["a text"]))
    assert not np.array_equal(low.encode(["a text"]), exact.encode(["a text"]))
    used = Encoder.load(tmp_path / "m")
    assert np.array_equal(used.encode(["a text"]), exact.encode(["a text"]))
    assert np.array_equal(used.with_precision("int8").encode(["a text"]), low.encode(["a text"]))
    with pytest.raises(ParameterError, match="precision: found 'half'"):
        exact.with_precision("half")  # type: ignore[arg-type]


def test_weights_are_packed_once_and_go_when_nobody_uses_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    make = EngineChoice.make

    def counted(*args: Any) -> Any:
        engine = make(*args)
        made.append(weakref.ref(engine))
        return engine

    monkeypatch.setattr(EngineChoice, "make", counted)
    gc.disable()  # nothing may be left to it: it does not know how large weights are
    try:
        exact = Encoder.load()
        low = exact.with_precision("int8")
        expected = low.encode(["a text"]).tobytes()
        again = low.with_precision("float32").with_precision("int8")
        assert again.encode(["a text"]).tobytes() == expected
        assert len(made) == 1
        del exact, low
        assert again.encode(["a text"]).tobytes() == expected
        del again
        assert [each() is None for each in made] == [True]
    finally:
        gc.enable()


def test_each_precision_has_a_peak() -> None:
    peaks = [multiply_add_peak(1, precision=precision) for precision in supported_precisions()]
    assert all(peak > 0 for peak in peaks)


def test_shapes_are_those_of_the_published_models() -> None:
    for name in ("bert_L2_H128", "bert_L2_H512", "bert_L12_H256"):
        assert catalog_shapes()[name] == SHAPES[name]
