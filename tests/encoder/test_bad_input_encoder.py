"""What `Encoder` answers to bad texts, bad piece ids and damaged models: an error that helps."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from embedpipe import Encoder, Ragged
from embedpipe.errors import (
    InputError,
    ParameterError,
    TruncationWarning,
)
from tests.support.model_folders import (
    random_tensors,
    tiny_config,
    write_safetensors,
    write_tiny_folder,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_folder(tmp_path / "tiny")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_folder(tmp_path_factory.mktemp("models") / "tiny"))


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
