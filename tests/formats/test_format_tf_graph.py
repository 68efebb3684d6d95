"""TensorFlow's graphs and names: what is told beyond the tensors, and tables without gaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.engine import EncoderConfig
from embedpipe.engine.tensors import expected_shapes
from embedpipe.formats.graph_facts import Graph, Node, find_facts
from embedpipe.formats.tensorflow.graph import read_graph_def, read_saved_model
from embedpipe.formats.tensorflow.names import map_tensorflow_names
from tests.support.format_parts import constant, google, operation
from tests.support.format_support import damaged, fuzzed, refused, survives

BERT = EncoderConfig("bert", 100, 8, 8, 3, 2, 16, 32, 2, 1e-12, "gelu_erf")
ALBERT = EncoderConfig("albert", 100, 8, 4, 3, 2, 16, 32, 2, 1e-12, "gelu_erf", 2, 1)


def test_the_real_albert_graph_tells_heads_passes_and_gelu(testdata: Path) -> None:
    data = memoryview((testdata / "published/albert_tfhub_v3/saved_model.pb").read_bytes())
    found = read_saved_model(data, "saved_model.pb")
    assert found.do_lower_case is True
    assert found.facts.head_size == 768 // 12
    assert found.facts.passes == 12
    assert found.facts.activation == "gelu_tanh"
    assert found.facts.layer_norm_eps == 1e-12


# ---- names: each naming is made from transformers' names by rules of its own ----


KERAS_EMBEDDINGS = {"word": "weight", "position": "embeddings", "token_type": "embeddings"}


def keras(name: str) -> str:
    """As transformers' TensorFlow classes do (its modeling_tf_pytorch_utils.py, the other way)."""
    for kind, leaf in KERAS_EMBEDDINGS.items():
        name = name.replace(f"{kind}_embeddings.weight", f"{kind}_embeddings.{leaf}")
    if name.rpartition(".")[0].lower().endswith("norm"):
        name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
    if "word_embeddings" not in name:
        name = name.replace(".weight", ".kernel")
    # Numbers of layers stand behind "_._"
    return "tf_model/" + re.sub(r"/([0-9]+)", r"_._\1", name.replace(".", "/"))


OLD = (
    ("embeddings.word_embeddings.weight", "word_embeddings/embeddings"),
    ("embeddings.position_embeddings.weight", "embedding_postprocessor/position_embeddings"),
    ("embeddings.token_type_embeddings.weight", "embedding_postprocessor/type_embeddings"),
    ("embeddings.LayerNorm", "embedding_postprocessor/layer_norm"),
    ("attention.self", "self_attention"),
    ("attention.output.dense", "self_attention_output"),
    ("attention.output.LayerNorm", "self_attention_layer_norm"),
    ("intermediate.dense", "intermediate"),
    ("output.dense", "output"),
    ("output.LayerNorm", "output_layer_norm"),
    ("pooler.dense", "pooler_transform"),
    ("layer.", "layer_"),
)


def old_tf2(name: str) -> str:
    """As the first models of TensorFlow 2 (tf1_checkpoint_converter_lib.py)."""
    for ours, theirs in OLD:
        name = name.replace(ours, theirs)
    if "norm" in name:
        name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
    return "bert_model/" + name.replace(".weight", ".kernel").replace(".", "/")


@pytest.mark.parametrize(
    ("naming", "config"),
    [(google, BERT), (keras, BERT), (keras, ALBERT), (old_tf2, BERT)],
    ids=["google", "keras-bert", "keras-albert", "old-tf2"],
)
def test_a_naming_maps_back_without_gap_or_surplus(
    naming: Callable[[str], str], config: EncoderConfig
) -> None:
    expected = {naming(name): name for name in expected_shapes(config)}
    assert len(expected) == len(expected_shapes(config))
    further = {"global_step", "bert/embeddings/word_embeddings/adam_m", "cls/x/dense/kernel"}
    found = map_tensorflow_names({name: name for name in {*expected, *further}}, source="some")
    assert found.architecture == config.architecture
    assert {place.source: name for name, place in found.placements.items()} == expected
    assert set(found.unused) == further
    for name, placement in found.placements.items():
        assert placement.transposed == placement.source.endswith("kernel"), name


def test_two_encoders_in_one_checkpoint_are_refused() -> None:
    names = [f"{tower}/{google(name)}" for tower in "ab" for name in expected_shapes(BERT)]
    refused(
        lambda: map_tensorflow_names({name: name for name in names}, source="some.index"),
        "some.index holds more than one encoder",
        "b/bert/embeddings/word_embeddings",
    )


def test_names_of_something_else_are_refused() -> None:
    refused(
        lambda: map_tensorflow_names({"conv1/kernel": "conv1/kernel"}, source="some.index"),
        "some.index: no word embeddings",
        "'conv1/kernel'",
    )


# ---- facts ----


def attention(**changes: Any) -> Graph:
    nodes: dict[str, Node] = {
        "query": Node("MatMul", ("x", "wq")),
        "key": Node("MatMul", ("x", "wk")),
        "scores": Node("BatchMatMulV2", ("query", "key")),
        "scaled": Node("Mul", ("scores", "scale")),
        "masked": Node("AddV2", ("scaled", "mask")),
        "softmax": Node("Softmax", ("masked",)),
    }
    scalars = {"scale": 0.25, "root": 0.5}
    for name, change in changes.items():
        if isinstance(change, Node):
            nodes[name] = change
        else:
            scalars[name] = change
    return Graph(nodes, scalars)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, 16),
        ({"scale": 0.125}, 64),
        ({"scale": 1.0}, None),
        ({"scale": 0.3}, None),
        ({"scaled": Node("RealDiv", ("scores", "eight")), "eight": 8.0}, 64),
        ({"masked": Node("AddV2", ("scores", "mask"))}, None),
        (
            {
                "masked": Node("AddV2", ("scores", "mask")),
                "scores": Node("Einsum", ("key", "q2")),
                "q2": Node("Mul", ("query", "scale")),
            },
            16,
        ),
        (
            {
                "masked": Node("AddV2", ("scores", "mask")),
                "scores": Node("MatMul", ("q2", "k2")),
                "q2": Node("Mul", ("query", "root")),
                "k2": Node("Mul", ("key", "root")),
            },
            16,
        ),
    ],
)
def test_head_size_is_read_wherever_the_scale_stands(changes: dict, size: int | None) -> None:
    assert find_facts(attention(**changes), "some.pb").head_size == size


def test_a_circle_in_a_graph_ends() -> None:
    circle = {"masked": Node("AddV2", ("scaled", "masked")), "scaled": Node("Add", ("masked",) * 2)}
    assert find_facts(attention(**circle), "some.pb").head_size is None


def test_layers_that_differ_are_refused() -> None:
    more = {
        "softmax2": Node("Softmax", ("scaled2",)),
        "scaled2": Node("Mul", ("scores", "scale2")),
        "scale2": 0.125,
    }
    refused(lambda: find_facts(attention(**more), "some.pb"), "some.pb", "attention scale: 16, 64")


def test_no_graph_is_said() -> None:
    refused(lambda: read_saved_model(memoryview(b""), "some.pb"), "some.pb holds no graph")


def test_a_bare_graph_is_read_without_weights() -> None:
    nodes = constant(b"scale", 0.25)
    nodes += operation(b"scores", b"MatMul")
    nodes += operation(b"scaled", b"Mul", b"scores:0", b"scale")
    nodes += operation(b"softmax", b"Softmax", b"scaled", b"^scale")
    found = read_graph_def(memoryview(nodes), "some.pb")
    assert (found.head_size, found.passes, found.activation) == (16, 1, None)


def test_a_message_of_too_many_fields_is_refused() -> None:
    """Each of two bytes takes two hundred in memory."""
    most = 2**20
    refused(
        lambda: read_graph_def(memoryview(b"\x0a\0" * (most + 1)), "some.pb"),
        "some.pb",
        f"more than {most} fields",
    )


@fuzzed
@given(data=st.data())
def test_a_damaged_graph_gives_our_error_or_facts(testdata: Path, data: st.DataObject) -> None:
    path = testdata / "models/tf1/tfhub_bert_2_flat/saved_model.pb"
    content = data.draw(damaged(path.read_bytes()))
    survives(lambda: read_saved_model(memoryview(content), "some.pb"))
    survives(lambda: read_graph_def(memoryview(content[:5000]), "some.pb"))
