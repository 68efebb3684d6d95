"""What `Encoder` answers to bad texts, bad piece ids and damaged models: an error that helps."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow as pa
import pytest

from embedpipe import Encoder, Ragged
from embedpipe.errors import (
    InputError,
    ModelFormatError,
    ModelNotFoundError,
    ParameterError,
    TruncationWarning,
)
from tests.support.model_folders import random_tensors, tiny_config, write_model, write_safetensors

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "c"]


def write_tiny(folder: Path, **changes: object) -> Path:
    """A model of a few kilobytes with a vocabulary: 40 ids, 24 positions."""
    write_model(folder, tiny_config(**changes))
    (folder / "vocab.txt").write_text("\n".join(PIECES))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (b"one text", "texts: found a single bytes"),
        (None, "texts: found NoneType; expected a list, column or iterator of str"),
        (5, "texts: found int"),
        ({"a": "b"}, "texts: found dict; expected a list or one column"),
        ({"a", "b"}, "texts: found set"),
        (pandas.DataFrame({"t": ["a"]}), r"texts: found DataFrame of shape \(1, 1\)"),
        (np.array([["a"]]), r"texts: found ndarray of shape \(1, 1\)"),
        (np.array("a"), r"texts: found ndarray of shape \(\)"),
        (["a", None], r"texts\[1\]: found None, a missing value; expected str. Leave such rows"),
        (["a", "b", float("nan")], r"texts\[2\]: found nan, a missing value"),
        (["a", b"b"], r"texts\[1\]: found bytes b'b'; expected str: decode it"),
        ([5, None], r"texts\[0\]: found int 5; expected str: convert it to str"),
        ([["a"]], r"texts\[0\]: found list \['a'\]"),
        (iter(["a", None]), r"texts\[1\]: found None"),
        (np.array(["a", np.nan], dtype=object), r"texts\[1\]: found nan, a missing value"),
        (np.array([1.5]), r"texts\[0\]: found float 1.5"),
        (pandas.Series(["a", None]), r"texts\[1\]: found nan, a missing value"),
        (pandas.Series(["a", None], dtype=object), r"texts\[1\]: found None, a missing value"),
        (pandas.Series(["a", pandas.NA], dtype=object), r"texts\[1\]: found <NA>, a missing value"),
        (pandas.Series([pandas.NaT]), r"texts\[0\]: found NaT, a missing value"),
        (pyarrow.array(["a", None]), r"texts\[1\]: found None, a missing value"),
        (
            pyarrow.table({"t": ["a"]}),
            r"texts: found Table of shape \(1, 1\)|texts\[0\]: found dict",
        ),
    ],
    ids=repr,
)
def test_what_is_no_column_of_texts_is_refused(tiny, texts, message):
    with pytest.raises(InputError, match=message):
        tiny.encode(texts, missing="error")


MISSING = [
    [None],
    ["a", None, "b"],
    ["a", "b", float("nan")],
    [np.float32("nan"), np.str_("a")],
    np.array(["a", np.nan], dtype=object),
    np.ma.array(["a", "b"], mask=[False, True]),
    pandas.Series(["a", None]),
    pandas.Series(["a", None], dtype=object),
    pandas.Series(["a", pandas.NA], dtype=object),
    pandas.Series(["a", None], dtype="string"),
    pandas.Series(["a", None, "a"], dtype="category"),
    pandas.Series([pandas.NaT, pandas.NaT]),
    pyarrow.array(["a", None]),
    pyarrow.chunked_array([["a"], [None, "b"]]),
    pyarrow.array(["a", None], pyarrow.large_string()),
    pyarrow.array(["a", None, "a"]).dictionary_encode(),
    polars.Series(["a", None]),
]


@pytest.mark.parametrize("texts", MISSING, ids=repr)
def test_a_missing_text_has_a_row_of_nan_and_others_are_as_without_it(tiny, texts):
    missing = [type(text) not in (str, np.str_) for text in texts_of(texts)]
    assert any(missing)
    vectors = tiny.encode(texts)
    assert vectors.dtype == np.float32
    assert np.isnan(vectors[missing]).all()
    there = [str(text) for text, gone in zip(texts_of(texts), missing, strict=True) if not gone]
    assert vectors[np.invert(missing)].tobytes() == tiny.encode(there).tobytes()
    with pytest.raises(InputError, match=rf"texts\[{missing.index(True)}\]: .* a missing value"):
        tiny.encode(texts, missing="error")


def texts_of(texts: object) -> list[object]:
    return texts if isinstance(texts, list) else getattr(texts, "to_pylist", texts.__iter__)()


def test_what_is_no_text_is_refused_beside_missing_ones(tiny):
    with pytest.raises(InputError, match=r"texts\[2\]: found int 5; expected str"):
        tiny.encode(["a", None, 5])
    with pytest.raises(ParameterError, match="missing: 'drop'; expected 'null' or 'error'"):
        tiny.encode(["a"], missing="drop")


def test_one_warning_counts_the_texts_of_a_call_that_were_cut(tiny):
    texts = ["a " * 100, "a", None, "b " * 23]
    with pytest.warns(TruncationWarning) as caught:
        tiny.encode(texts)
    assert [str(one.message).split(",")[0] for one in caught] == [
        "2 of 3 texts have more than 24 pieces"
    ]
    assert caught[0].filename == __file__
    tiny.encode(["a " * 22, None])  # as long as may be: no warning, which would be an error here


def test_tokenize_refuses_the_same(tiny):
    with pytest.raises(InputError, match=r"texts\[1\]: found None, a missing value"):
        tiny.tokenize(["a", None])


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([[2, 3], [2, 40]], "sequence 1, position 1: piece id 40 .* has ids 0 to 39"),
        ([[2, 3], [2, 3, -1]], "sequence 1, position 2: piece id -1 "),
        ([[2, 3], [2**40]], f"sequence 1: found int64 from {2**40} to {2**40}"),
        ([[2**70]], "sequence 0"),
        ([[2, 3], [2] * 25], "sequence 1 has 25 piece ids .* the model has 24 positions"),
        ([[2, 3], []], "sequence 1 has no piece ids"),
        ([[2, True]], "sequence 0: found bool; expected integers"),
        ([np.array([True])], "sequence 0: found bool"),
        ([[2, 3.0]], "sequence 0: found float64"),
        ([np.array([2.0])], "sequence 0: found float64"),
        ([[2, None]], "sequence 0: found list of object"),
        ([["a"]], "sequence 0: found list of <U1"),
        ([2, 3], "sequence 0: found int of int64"),
        (["ab"], "sequence 0: found str"),
        ([[[2, 3], [2, 3]]], r"ids: found int32 of shape \(2, 2\)"),
        ([[2, [3]]], "sequence 0 is not an array of numbers"),
        ("ab", "sequences: found str; expected a list of lists of piece ids"),
        ({1: [2]}, "sequences: found dict"),
        (None, "sequences: found NoneType"),
        (np.array([2, 3]), "sequence 0: found int"),
        (Ragged(np.array([2, 99], np.int32), np.array([0, 2])), "sequence 0, position 1: piece id"),
        (Ragged(np.array([2.0]), np.array([0, 1])), "found float64"),
        (Ragged(np.array([2], np.int32), np.array([0, 0, 1])), "sequence 0 has no piece ids"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_piece_ids_is_refused(tiny, sequences, message):
    for method in (tiny.hidden_states, tiny.encode_pieces):
        with pytest.raises(InputError, match=message):
            method(sequences)


def test_a_bad_sequence_is_counted_from_the_first_not_from_its_window(tiny):
    sequences = [[2, 3]] * 20_000 + [[40]]
    with pytest.raises(InputError, match="sequence 20000, position 0: piece id 40"):
        tiny.hidden_states(sequences)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"pooling": "top"}, ParameterError, "pooling: 'top'; expected one of cls, mean, pooler"),
        ({"truncate_dim": 0}, ParameterError, "truncate_dim: found 0; expected how many"),
        ({"truncate_dim": True}, ParameterError, "truncate_dim: found True; expected how many"),
        ({"pooling": 5}, ParameterError, "pooling: 5; expected one of"),
        ({"normalize": "yes"}, ParameterError, "normalize: found 'yes'; expected True, False or"),
        ({"normalize": 1}, ParameterError, "normalize: found 1; expected True, False or None"),
    ],
)
@pytest.mark.parametrize("texts", [[], ["a"]])
def test_bad_arguments_of_encode_are_refused(tiny, texts, arguments, error, message):
    with pytest.raises(error, match=message):
        tiny.encode(texts, **arguments)


def test_a_model_without_a_pooler_says_so(folder):
    tensors = random_tensors(tiny_config())
    without = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    write_safetensors(folder / "model.safetensors", without)
    with pytest.raises(ParameterError, match="pooling 'pooler' needs the model's pooler"):
        Encoder.load(folder).encode(["a"], pooling="pooler")


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "a " * 50_000, "\U0001f600" * 100_000, "\ud800\udfff"]
)
def test_extreme_texts_give_finite_vectors(tiny, text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        vectors = tiny.encode([text, "a"])
    assert np.isfinite(vectors).all()
    assert vectors[1].tobytes() == tiny.encode(["a"])[0].tobytes()
    assert tiny.tokenize([text]).ids.lengths[0] <= tiny.max_length == 24


def test_every_damaged_tensor_is_reported_at_once(folder):
    tensors = random_tensors(tiny_config())
    del tensors["encoder.layer.1.output.dense.bias"]
    tensors["encoder.layer.0.attention.self.query.weight"][3, 5] = np.nan
    tensors["embeddings.LayerNorm.weight"][0] = np.inf
    tensors["encoder.layer.0.output.dense.weight"] = np.zeros((16, 31), np.float32)
    tensors["encoder.layer.2.output.dense.bias"] = np.zeros(16, np.float32)
    write_safetensors(folder / "model.safetensors", tensors)
    with pytest.raises(ModelFormatError) as caught:
        Encoder.load(folder)
    message = str(caught.value)
    for name in (
        "model.safetensors",
        "encoder.layer.1.output.dense.bias",
        "encoder.layer.0.attention.self.query.weight",
        "embeddings.LayerNorm.weight",
        "encoder.layer.0.output.dense.weight",
        "encoder.layer.2.output.dense.bias",
    ):
        assert name in message


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocab.txt", None, "has no tokenizer: found none of spiece.model, tokenizer.json, voca"),
        ("config.json", None, "has no config.json"),
        ("model.safetensors", None, "has none of model.safetensors"),
        ("model.safetensors", b"", "model.safetensors"),
        ("model.safetensors", b"\xff" * 16, "model.safetensors"),
        ("config.json", b"{", "config.json"),
        ("config.json", b'{"model_type": "gpt2"}', "model_type: 'gpt2'"),
        ("vocab.txt", "\n".join(map(str, [*PIECES, *range(40)])).encode(), "have 40 rows"),
    ],
)
def test_a_damaged_or_incomplete_folder_is_refused(folder, file, content, message):
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(ModelFormatError, match=message):
        Encoder.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 17}, "hidden_size 17 is not a multiple of num_attention_heads 2"),
        ({"vocab_size": 41}, r"word_embeddings\.weight: shape \(40, 16\); expected \(41, 16\)"),
        ({"hidden_act": "relu"}, "hidden_act: 'relu'"),
        ({"num_hidden_layers": 3}, r"encoder\.layer\.2\.output\.dense\.bias"),
    ],
)
def test_a_configuration_that_contradicts_the_weights_is_refused(folder, changes, message):
    (folder / "config.json").write_text(json.dumps(tiny_config() | changes))
    with pytest.raises(ModelFormatError, match=message):
        Encoder.load(folder)


def test_a_folder_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no such directory"):
        Encoder.load(tmp_path / "nothing")
    assert issubclass(ModelNotFoundError, FileNotFoundError)


def test_strings_of_arrow_that_are_not_utf8_are_named(folder):
    buffers = pa.array([b"\xff", b"a"]).buffers()
    texts = pa.Array.from_buffers(pa.string(), 2, buffers)
    with pytest.raises(InputError, match="texts: one is not UTF-8"):
        Encoder.load(folder).encode(texts)


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.word_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.1.output.dense.weight",
        "encoder.layer.0.attention.self.key.bias",
    ],
)
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("precision", ["float32", "int8", "reference"])
def test_weights_that_are_not_finite_are_refused_when_they_are_first_used(
    name: str, bad: float, precision: str, folder: Path, packed_folder: Path
) -> None:
    tensors = random_tensors(tiny_config())
    tensors[name].reshape(-1)[-1] = bad
    write_safetensors(folder / "model.safetensors", tensors)
    if precision == "reference":
        encoder = Encoder.load(folder, implementation="reference")
    else:
        encoder = Encoder.load(folder, precision=precision)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(ModelFormatError, match=f"{name}: 1 of [0-9]* numbers are NaN"):
            encoder.encode(["a"])
    assert not list(packed_folder.glob("*"))
