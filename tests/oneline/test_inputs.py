"""What may be passed as texts, and of what kind the result is."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import embedpipe
from embedpipe.errors import AmbiguousColumnWarning, ColumnError, InputError, ParameterError

pytestmark = pytest.mark.usefixtures("models")

NAME = "en.embed_sentence.small_bert_L2_512"
COLUMN = "en_embed_sentence_small_bert_L2_512_embeddings"
TEXTS = ["i love nlp", "it rains. it is late"]


@pytest.fixture
def pipe():
    return embedpipe.load(NAME)


@pytest.fixture
def wanted(pipe):
    return pipe["en_embed_sentence_small_bert_L2_512"].encoder.encode(TEXTS)


@pytest.mark.parametrize(
    "make",
    [list, tuple, iter, np.array, lambda t: np.array(t, object), pd.Series, pd.Index],
    ids=["list", "tuple", "iterator", "numpy", "objects", "series", "index"],
)
def test_texts_without_a_frame_become_a_pandas_frame(pipe, wanted, make):
    out = pipe.predict(make(TEXTS), output_level="document")
    assert out.columns.tolist() == ["document", COLUMN]
    assert out["document"].tolist() == TEXTS and out.index.tolist() == [0, 1]
    assert np.array_equal(np.stack(list(out[COLUMN])), wanted)
    assert out[COLUMN].iloc[0].dtype == np.float32


def test_one_text_is_one_row(pipe, wanted):
    out = pipe.predict(TEXTS[0], output_level="document")
    assert out.shape == (1, 2) and np.array_equal(out[COLUMN].iloc[0], wanted[0])


@pytest.mark.parametrize("make", [pl.Series, pa.array, lambda t: pa.chunked_array([t])])
def test_a_column_becomes_a_frame_of_its_own_kind(pipe, wanted, make):
    column = make(TEXTS)
    out = pipe.predict(column, output_level="document")
    assert type(out).__module__.partition(".")[0] == type(column).__module__.partition(".")[0]
    arrow = out.to_arrow() if isinstance(out, pl.DataFrame) else out
    assert arrow.column_names == ["document", COLUMN]
    numbers = arrow[COLUMN].combine_chunks().flatten().to_numpy().reshape(2, -1)
    assert np.array_equal(numbers, wanted)


def test_the_index_and_all_columns_of_a_pandas_frame_are_kept(pipe):
    zone = pd.Timestamp("2024-05-01 12:00", tz="Europe/Berlin")
    frame = pd.DataFrame(
        {
            "text": TEXTS,
            "when": [zone, pd.NaT],
            "price": [decimal.Decimal("1.10"), None],
            "kind": pd.Categorical(["a", "b"]),
            "nested": [{"a": [1, 2]}, None],
            "n": pd.array([1, None], dtype="Int64"),
            3: [0.5, float("nan")],
        },
        index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)]),
    )
    before = frame.copy(deep=True)
    out = pipe.predict(frame, output_level="sentence")
    assert out.index.tolist() == [("x", 1), ("y", 2), ("y", 2)]
    assert out.columns.tolist() == [*frame.columns, "sentence", COLUMN]
    pd.testing.assert_frame_equal(out[list(frame.columns)], frame.iloc[[0, 1, 1]])
    pd.testing.assert_frame_equal(frame, before)


def test_what_is_made_has_the_types_that_pandas_has_itself():
    pipe = embedpipe.load(f"en.embed.bert.small_L12_256 {NAME}")
    whole = pipe.predict(["it rains"], "sentence", positions=True, metadata=True)
    assert whole["sentence"].dtype == pd.Series(["it"]).dtype
    assert whole["sentence_begin"].dtype == np.int32
    assert whole[f"{COLUMN}_is_word_start"].dtype == np.bool_
    assert whole["token"].tolist() == [["it", "rains"]]
    assert whole["token_begin"].tolist() == [[0, 3]]
    assert np.stack(whole["en_embed_bert_small_L12_256_embeddings"][0]).shape == (2, 32)
    gaps = pipe.predict(["it rains", None], "sentence", positions=True, metadata=True)
    assert str(gaps["sentence_begin"].dtype) == "Int32"
    assert str(gaps[f"{COLUMN}_is_word_start"].dtype) == "boolean"


def test_columns_of_one_name_are_kept_unless_they_hold_the_text(pipe):
    frame = pd.DataFrame([["i love nlp", 1, 2]], columns=["text", "n", "n"])
    out = pipe.predict(frame)
    assert out.columns.tolist() == ["text", "n", "n", "sentence", COLUMN]
    twice = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(ColumnError, match="column 'text' is there 2 times; rename"):
        pipe.predict(twice)


def test_polars_and_arrow_frames_keep_their_columns_and_kinds(pipe, wanted):
    frame = pl.DataFrame(
        {
            "text": TEXTS,
            "when": [datetime.datetime(2024, 5, 1), None],
            "nested": [{"a": 1}, {"a": 2}],
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
        }
    )
    out = pipe.predict(frame, output_level="document")
    assert out.select(frame.columns).equals(frame)
    assert out.schema[COLUMN] == pl.Array(pl.Float32, 32)
    assert np.array_equal(out[COLUMN].to_numpy(), wanted)
    table = frame.to_arrow()
    for given in (table, table.combine_chunks().to_batches()[0]):
        made = pipe.predict(given, output_level="document")
        assert type(made) is type(given)
        assert made.select(table.column_names).equals(given)
    reader = pipe.predict(table.to_reader(), output_level="document")
    assert (
        reader.read_all()
        .select([COLUMN])
        .equals(pipe.predict(table, output_level="document").select([COLUMN]))
    )


def test_further_kinds_of_frames_come_back_as_such(pipe, wanted):
    whole = {"text": TEXTS, "n": [1, 2]}
    made = pipe.predict(whole, output_level="document")
    assert type(made) is dict and list(made) == ["text", "n", "document", COLUMN]
    assert np.array_equal(made[COLUMN], wanted)
    lazy = pipe.predict(pl.LazyFrame(whole), output_level="sentence")
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect()["n"].to_list() == [1, 2, 2]


def test_progress_tells_how_many_rows_there_are(pipe, capsys):
    pipe.predict(["a b"] * 7, output_level="document", progress=True)
    assert "7 rows" in capsys.readouterr().err
    pipe.predict(["a b"] * 7)
    assert capsys.readouterr().err == ""


def test_all_kinds_give_the_same_bytes(pipe):
    texts = [*TEXTS, None, "", "é 😀 漢字. so it is"]
    table = pa.table({"text": texts})
    made = [
        pipe.predict(table, "sentence"),
        pipe.predict(pl.DataFrame({"text": texts}), "sentence").to_arrow(),
        pa.table(
            {
                name: pa.array(list(column), from_pandas=True)
                for name, column in pipe.predict(pd.DataFrame({"text": texts}), "sentence").items()
            }
        ),
    ]
    first, *others = [[table["sentence"].to_pylist(), table[COLUMN].to_pylist()] for table in made]
    assert all(other == first for other in others)
    stacked = [v for v in pipe.predict(texts, "sentence")[COLUMN] if v is not None]
    assert np.stack(stacked).tolist() == [v for v in first[1] if v is not None]


def test_a_column_of_texts_is_read_whatever_pandas_calls_them(pipe, wanted):
    for dtype in ("object", "str", "string[pyarrow]", pd.ArrowDtype(pa.string()), "category"):
        frame = pd.DataFrame({"n": [1, 2], "comment": pd.Series(TEXTS, dtype=dtype)})
        out = pipe.predict(frame, output_level="document")
        assert np.array_equal(np.stack(list(out[COLUMN])), wanted)


def test_the_first_column_of_texts_is_read_and_the_choice_is_told(pipe):
    frame = pd.DataFrame({"id": [1], "title": ["one"], "body": ["two"]})
    with pytest.warns(
        AmbiguousColumnWarning, match="'title', .* not 'body'. .* text_column="
    ) as got:
        out = pipe.predict(frame, output_level="document")
    assert got[0].filename == __file__
    assert out["document"].tolist() == ["one"]
    out = pipe.predict(frame, output_level="document", text_column="body")
    assert out["document"].tolist() == ["two"]
    with pytest.raises(ColumnError, match="no column is named 'bdy'; there are: 'id'"):
        pipe.predict(frame, text_column="bdy")


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"id": [1], "when": [2.5]}), pl.DataFrame({"id": [1]})]
)
def test_a_frame_without_texts_is_refused_with_its_columns(pipe, frame):
    with pytest.raises(ColumnError, match=r"no column is named 'text', and none .* 'id' .int64"):
        pipe.predict(frame if isinstance(frame, pd.DataFrame) else frame.to_arrow())


def test_what_is_no_text_is_named(pipe):
    with pytest.raises(InputError, match=r"texts\[1\]: found int 5; expected str"):
        pipe.predict(["one", 5])
    with pytest.raises(ColumnError, match="column 'text', row 1: found 5 of type int"):
        pipe.predict(pd.DataFrame({"text": ["one", 5]}))
    with pytest.raises(ColumnError, match="'text' holds int64; it must hold strings"):
        pipe.predict(pd.DataFrame({"text": [1, 5]}))
    with pytest.raises(InputError, match="data: found set; expected a text"):
        pipe.predict({"one"})
    with pytest.raises(InputError, match="expected a list or one column"):
        pipe.predict(np.array([["one"], ["two"]]))
    with pytest.raises(InputError, match=r"a frame of type builtins\.int is not supported"):
        pipe.predict(5)


def test_columns_with_the_names_of_those_made(pipe):
    frame = pd.DataFrame({"text": ["one"], "sentence": [3]})
    with pytest.raises(ColumnError, match=r"'sentence' .*is there already.*rename"):
        pipe.predict(frame)
    out = pipe.predict(frame, keep_stranger_features=False)
    assert out.columns.tolist() == ["sentence", COLUMN]
    # the text itself may be called so: its rows become those of the level
    out = pipe.predict(pd.DataFrame({"n": [7], "sentence": ["it is. so it is."]}))
    assert out.columns.tolist() == ["n", "sentence", COLUMN]
    assert out["sentence"].tolist() == ["it is.", "so it is."] and out["n"].tolist() == [7, 7]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_no_rows_give_none(pipe, make):
    empty = make({"text": pa.array([], pa.string()).to_pandas() if make is pd.DataFrame else []})
    if make is pl.DataFrame:
        empty = pl.DataFrame({"text": []}, schema={"text": pl.String})
    if make is pa.table:
        empty = pa.table({"text": pa.array([], pa.string())})
    out = pipe.predict(empty)
    assert out.shape == (0, 3) and list(getattr(out, "column_names", out.columns))[-1] is not None
    assert len(pipe.predict([])) == 0


def test_switches_are_checked(pipe):
    with pytest.raises(ParameterError, match="positions: found 'yes'; expected True or False"):
        pipe.predict("one", positions="yes")


def test_vectors_alone_are_a_matrix(pipe, wanted):
    for data in (TEXTS, pd.DataFrame({"text": TEXTS}), pl.DataFrame({"text": TEXTS})):
        assert np.array_equal(pipe.predict_embeds(data), wanted)
    assert np.array_equal(pipe.predict_embeds(pa.table({"text": TEXTS})), wanted)
    gaps = pipe.predict_embeds(["i love nlp", None])
    assert gaps.dtype == np.float32 and np.isnan(gaps[1]).all() and not np.isnan(gaps[0]).any()
    assert pipe.predict_embeds([]).shape == (0, 32)
    for later in (pl.LazyFrame({"text": TEXTS}), pa.table({"text": TEXTS}).to_reader()):
        with pytest.raises(InputError, match="a matrix is wanted now; pass a frame or texts"):
            pipe.predict_embeds(later)
    words = embedpipe.load("en.embed.bert.small_L12_256")
    with pytest.raises(ParameterError, match="load a name with 'embed_sentence'"):
        words.predict_embeds(TEXTS)
