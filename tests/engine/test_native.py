"""The compiled encoder: exact, the same bits in any company, safe to call from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import _native
from embedpipe.engine import EncoderConfig, Ragged, check_weights
from embedpipe.engine.native import NativeEncoder, supported_isas
from embedpipe.engine.reference import ReferenceEncoder
from embedpipe.errors import InputError, ParameterError
from tests.support.engines import ISAS, encoder_of
from tests.support.model_folders import random_config, random_pieces, random_tensors, tiny_config

"""Those whose float32 kernels differ; the others share them."""


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
@pytest.mark.parametrize(
    "shape",
    [
        {"model_type": "bert", "num_attention_heads": 4},
        {
            "model_type": "bert",
            "hidden_size": 36,
            "intermediate_size": 50,
            "num_attention_heads": 3,
        },
        {"model_type": "bert", "layer_norm_eps": 1e-3},
        {"model_type": "electra", "num_attention_heads": 2},
        {"model_type": "electra", "embedding_size": 16},
        {"model_type": "albert", "num_hidden_layers": 7, "num_hidden_groups": 3},
        {"model_type": "albert", "num_hidden_groups": 2, "inner_group_num": 2},
    ],
)
def test_variants_agree_with_the_reference(
    shape: dict[str, Any], activation: str, isa: str
) -> None:
    raw = tiny_config(**shape, hidden_act=activation)
    pieces = random_pieces((1, 2, 24, 7), raw["vocab_size"])
    expected, encoder = encoder_of(raw, ReferenceEncoder), encoder_of(raw, isa=isa)
    difference = encoder.hidden_states(pieces.values, pieces.offsets) - expected.hidden_states(
        pieces.values, pieces.offsets
    )
    assert np.abs(difference).max() < 2e-5
    for pooling in ("cls", "mean", "pooler")[: 2 if raw["model_type"] == "electra" else 3]:
        for normalize in (False, True):
            options = {"pooling": pooling, "normalize": normalize}
            difference = encoder.encode_pieces(
                pieces.values, pieces.offsets, **options
            ) - expected.encode_pieces(pieces.values, pieces.offsets, **options)
            assert np.abs(difference).max() < 2e-5


def moved(tensor: np.ndarray) -> np.ndarray:
    """The same numbers, transposed in memory and at an odd address."""
    content = np.frombuffer(b"x" + tensor.T.tobytes(), np.uint8)[1:].view(np.float32)
    return content.reshape(tensor.shape[::-1]).T


@pytest.mark.parametrize("isa", ISAS)
def test_where_weights_lie_in_memory_changes_no_bit(isa: str) -> None:
    raw = tiny_config()
    config = EncoderConfig.from_huggingface(raw, source="config.json")
    tensors = random_tensors(raw)
    elsewhere = {name: moved(tensor) for name, tensor in tensors.items()}
    pieces = random_pieces((5, 1, 9), raw["vocab_size"])
    hidden = [
        NativeEncoder(config, check_weights(each, config, source="weights"), isa=isa).hidden_states(
            pieces.values, pieces.offsets
        )
        for each in (tensors, elsewhere)
    ]
    assert hidden[0].tobytes() == hidden[1].tobytes()


def test_a_changed_weight_shows() -> None:
    """The comparison is able to fail: one bias of one layer moves the result beyond the bound."""
    raw = tiny_config()
    config = EncoderConfig.from_huggingface(raw, source="config.json")
    tensors = random_tensors(raw)
    expected = ReferenceEncoder(config, check_weights(tensors, config, source="weights"))
    tensors["encoder.layer.1.attention.self.value.bias"][3] += 0.01
    changed = NativeEncoder(config, check_weights(tensors, config, source="weights"))
    pieces = random_pieces((5,), raw["vocab_size"])
    difference = changed.hidden_states(pieces.values, pieces.offsets) - expected.hidden_states(
        pieces.values, pieces.offsets
    )
    assert np.abs(difference).max() > 2e-5


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", ["bert_L2_H128", "albert_base"])
def test_bits_do_not_depend_on_batch_order_chunks_or_threads(shape: str, isa: str) -> None:
    raw = random_config(shape)
    raw |= {"num_hidden_layers": 2, "hidden_size": 256, "intermediate_size": 1024}
    raw |= {"num_attention_heads": 4}
    random = np.random.default_rng(1)
    lengths = (*random.integers(1, 70, 40).tolist(), 200, 1)
    pieces = random_pieces(lengths, raw["vocab_size"])
    encoders = [encoder_of(raw, isa=isa, threads=threads) for threads in (1, 2, 3)]
    whole = Ragged(encoders[0].hidden_states(pieces.values, pieces.offsets), pieces.offsets)
    for encoder in encoders[1:]:
        assert np.array_equal(encoder.hidden_states(pieces.values, pieces.offsets), whole.values)
    order = random.permutation(len(pieces))
    for part in (order, order[:1], order[3:10], order[20:]):
        chosen = Ragged.from_sequences([pieces[i] for i in part], np.int32)
        for encoder in encoders:
            found = Ragged(encoder.hidden_states(chosen.values, chosen.offsets), chosen.offsets)
            assert all(np.array_equal(found[k], whole[i]) for k, i in enumerate(part))
            pooled = encoder.encode_pieces(
                chosen.values, chosen.offsets, pooling="cls", normalize=False
            )
            assert all(np.array_equal(pooled[k], whole[i][0]) for k, i in enumerate(part))


def test_no_sequences_give_no_rows() -> None:
    encoder = encoder_of(tiny_config())
    nothing, start = np.empty(0, np.int32), np.zeros(1, np.int64)
    assert encoder.hidden_states(nothing, start).shape == (0, 16)
    assert encoder.encode_pieces(nothing, start, pooling="mean", normalize=True).shape == (0, 16)


@pytest.mark.parametrize(
    ("ids", "offsets", "message"),
    [
        ([40], [0, 1], "piece id 40"),
        ([-1], [0, 1], "piece id -1"),
        ([1, 2], [0, 1], "from 0 to 1"),
        ([1, 2], [0, 2, 1, 2], "must not decrease"),
        ([1], [0, 0, 1], "no piece ids"),
        ([1] * 25, [0, 25], "25 piece ids"),
    ],
)
def test_bad_pieces_are_refused_before_they_are_computed(
    ids: list[int], offsets: list[int], message: str
) -> None:
    encoder = encoder_of(tiny_config())
    with pytest.raises(InputError, match=message):
        encoder.hidden_states(np.array(ids, np.int32), np.array(offsets, np.int64))
    with pytest.raises(ValueError, match="encoder: "):  # the last line of defense
        encoder._encoder.hidden_states(np.array(ids, np.int32), np.array(offsets, np.int64), 1)


def test_the_compiled_module_takes_no_array_it_would_have_to_convert() -> None:
    encoder = encoder_of(tiny_config())._encoder
    offsets = np.array([0, 2], np.int64)
    for wrong in (np.array([1, 2], np.int64), np.array([1, 0, 2, 0], np.int32)[::2], [1, 2]):
        with pytest.raises(TypeError):
            encoder.hidden_states(wrong, offsets, 1)
    with pytest.raises(ValueError, match="wrong shape"):
        _native.Model(**_broken_arguments())


def _broken_arguments() -> dict[str, Any]:
    zeros = np.zeros((4, 4), np.float32)
    linear = _native.Linear(zeros, np.zeros(4, np.float32))
    norm = _native.LayerNorm(np.ones(4, np.float32), np.zeros(4, np.float32), 1e-12)
    short = _native.LayerNorm(np.ones(3, np.float32), np.zeros(4, np.float32), 1e-12)
    layer = _native.Layer(
        query=linear,
        key=linear,
        value=linear,
        attention_output=linear,
        attention_norm=norm,
        intermediate=linear,
        output=linear,
        output_norm=short,
    )
    return {
        "hidden_size": 4,
        "attention_heads": 1,
        "activation": "gelu_erf",
        "word_embeddings": zeros,
        "position_embeddings": zeros,
        "token_type_embeddings": zeros,
        "embedding_norm": norm,
        "embedding_projection": None,
        "layers": [layer],
        "schedule": [0],
        "pooler": None,
    }


def test_the_environment_chooses_the_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDPIPE_ISA", "portable")
    assert encoder_of(tiny_config()).isa == "portable"
    monkeypatch.setenv("EMBEDPIPE_ISA", "avx1024")
    with pytest.raises(ParameterError, match=r"EMBEDPIPE_ISA is 'avx1024'.* it has: .*portable"):
        encoder_of(tiny_config())
    monkeypatch.delenv("EMBEDPIPE_ISA")
    assert encoder_of(tiny_config()).isa == supported_isas()[0]


def test_many_python_threads_may_share_one_encoder() -> None:
    encoder = encoder_of(random_config("bert_L2_H128"), threads=2)
    pieces = random_pieces((30, 5, 90, 64), encoder.config.vocab_size)
    expected = encoder.hidden_states(pieces.values, pieces.offsets)
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: encoder.hidden_states(pieces.values, pieces.offsets), range(40))
        )
    assert all(np.array_equal(expected, one) for one in found)


def test_other_python_threads_run_while_the_encoder_computes() -> None:
    encoder = encoder_of(random_config("bert_L2_H512"), threads=1)
    pieces = random_pieces((128,) * 30, encoder.config.vocab_size)
    done = threading.Event()
    counted_meanwhile = 0

    def compute() -> None:
        encoder.hidden_states(pieces.values, pieces.offsets)
        done.set()

    worker = threading.Thread(target=compute)
    worker.start()
    while not done.is_set():
        counted_meanwhile += 1
        done.wait(0.001)
    worker.join()
    assert counted_meanwhile > 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_computes_the_same() -> None:
    code = """
import os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from tests.support.engines import encoder_of
from tests.support.model_folders import random_pieces, tiny_config
encoder = encoder_of(tiny_config(), threads=2)
pieces = random_pieces((5,) * 60, 40)
before = encoder.hidden_states(pieces.values, pieces.offsets)
child = os.fork()
if child == 0:
    same = np.array_equal(encoder.hidden_states(pieces.values, pieces.offsets), before)
    os._exit(0 if same else 7)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
    folder = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=120)


def test_ctrl_c_stops_a_computation_of_minutes() -> None:
    code = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from tests.support.engines import encoder_of
from tests.support.model_folders import random_config, random_pieces
encoder = encoder_of(random_config("bert_L12_H768"), threads=1)
pieces = random_pieces((200,) * 1000, 30000)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    encoder.hidden_states(pieces.values, pieces.offsets)
except KeyboardInterrupt:
    sys.exit(3)
"""
    folder = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", code, folder], check=False, timeout=120)
    assert done.returncode == 3
