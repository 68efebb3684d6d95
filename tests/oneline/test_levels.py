"""Rows and columns of each level of output, compared with what the stages find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import embedpipe
from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import InputError, ParameterError

pytestmark = pytest.mark.usefixtures("models")

BOTH = "en.embed.bert.small_L12_256 en.embed_sentence.small_bert_L2_512"
WORDS = "en_embed_bert_small_L12_256_embeddings"
SENTENCES = "en_embed_sentence_small_bert_L2_512_embeddings"
TEXTS = ["i love nlp. it rains 😀 here.", None, "", "so it is"]


@pytest.fixture
def pipe():
    return embedpipe.load(BOTH)


@pytest.fixture
def table():
    return pa.table({"id": [1, 2, 3, 4], "text": TEXTS})


def annotations(pipe, table, name):
    """What the stages find, a list per row; none for a null row."""
    made = pipe.pipeline_model.transform(table.select(["text"]))
    return [row or [] for row in AnnotationColumn.from_arrow(made[name]).rows()]


def rows_of(found):
    """One of None where nothing was found."""
    return [item for row in found for item in (row or [None])]


@pytest.mark.parametrize(("level", "vectors"), [("token", WORDS), ("sentence", SENTENCES)])
def test_each_annotation_of_the_level_is_a_row_with_its_vector(pipe, table, level, vectors):
    found, made = annotations(pipe, table, level), annotations(pipe, table, vectors)
    out = pipe.predict(table, output_level=level)
    assert out.column_names[:3] == ["id", "text", level]
    assert out[level].to_pylist() == [a and a.result for a in rows_of(found)]
    assert out["id"].to_pylist() == [
        i for i, row in zip([1, 2, 3, 4], found, strict=True) for _ in (row or [None])
    ]
    wanted = [a and [float(x) for x in a.embeddings] for a in rows_of(made)]
    assert out[vectors].to_pylist() == wanted
    assert out[vectors].type == pa.list_(pa.float32(), 32)


def test_what_belongs_to_another_level_stands_in_lists_of_what_overlaps_the_row(pipe, table):
    tokens, sentences = annotations(pipe, table, WORDS), annotations(pipe, table, SENTENCES)
    by_sentence = pipe.predict(table, output_level="sentence")[WORDS].to_pylist()
    wanted = [
        [t.embeddings.tolist() for t in row if s.begin <= t.begin <= s.end]
        for row, inside in zip(tokens, sentences, strict=True)
        for s in inside
    ]
    assert [cell for cell in by_sentence if cell is not None] == wanted
    by_token = pipe.predict(table, output_level="token")[SENTENCES].to_pylist()
    wanted = [
        [s.embeddings.tolist() for s in inside if s.begin <= t.begin <= s.end]
        for row, inside in zip(tokens, sentences, strict=True)
        for t in row
    ]
    assert [cell for cell in by_token if cell is not None] == wanted
    assert all(len(cell) == 1 for cell in wanted)


def test_a_document_is_one_row_with_the_vector_of_the_whole_text(pipe, table):
    out = pipe.predict(table, output_level="document")
    assert out["document"].to_pylist() == TEXTS
    encoder = pipe["en.embed_sentence.small_bert_L2_512"].encoder
    found = out[SENTENCES].to_pylist()
    assert found[1] is None
    there = [text for text in TEXTS if text is not None]
    assert np.array_equal(np.array([v for v in found if v], np.float32), encoder.encode(there))
    counts = [None if cell is None else len(cell) for cell in out[WORDS].to_pylist()]
    assert counts == [9, None, 0, 3]


def test_chunks_are_those_that_the_frame_names_with_the_mean_of_their_tokens(pipe):
    frame = pd.DataFrame({"text": ["i love nlp a lot", "it rains"], "chunks": [["love nlp"], []]})
    out = pipe.predict(frame, output_level="chunk")
    assert out["chunk"].tolist()[0] == "love nlp" and out["chunk"].isna().tolist() == [False, True]
    tokens = pipe.predict(["i love nlp a lot"], output_level="token")
    mean = np.stack(list(tokens[WORDS]))[1:3].mean(axis=0)
    assert np.allclose(out[WORDS].iloc[0], mean, atol=1e-6)
    assert out[WORDS].iloc[1] is None
    one = frame.assign(chunks=["nlp", "rains"]).rename(columns={"chunks": "chunk"})
    out = pipe.predict(one, output_level="chunk")
    assert out["chunk"].tolist() == ["nlp", "rains"] and list(out.columns[:1]) == ["text"]


def test_without_chunks_that_level_is_refused_with_what_to_do(pipe, table):
    with pytest.raises(InputError, match="pass a frame with a column 'chunks'"):
        pipe.predict(table, output_level="chunk")


@pytest.mark.parametrize("level", ["word", "relation", 3, ["token"]])
def test_another_level_is_refused_with_those_that_there_are(pipe, level):
    with pytest.raises(
        ParameterError, match=r"output_level: .* expected one of 'token', 'sentence'"
    ):
        pipe.predict("a text", output_level=level)


@pytest.mark.parametrize(
    ("request_", "level"),
    [("en.embed.bert.small_L12_256", "token"), (BOTH, "sentence"), ("bert_", None)],
)
def test_the_usual_level_is_that_of_the_last_model(request_, level):
    if level is None:
        request_, level = " ".join(reversed(BOTH.split())), "token"
    assert embedpipe.load(request_).predict("it rains").columns[0] == level


def test_positions_are_those_of_the_annotations(pipe, table):
    found = rows_of(annotations(pipe, table, "token"))
    out = pipe.predict(table, output_level="token", positions=True)
    for field in ("begin", "end"):
        wanted = [a and getattr(a, field) for a in found]
        assert out[f"token_{field}"].to_pylist() == wanted
        assert out[f"{WORDS}_{field}"].to_pylist() == wanted
    text = TEXTS[0].encode("utf-16-le")
    cut = [
        text[2 * b : 2 * e + 2].decode("utf-16-le")
        for b, e in zip(out["token_begin"].to_pylist(), out["token_end"].to_pylist(), strict=True)
        if b is not None
    ][:9]
    assert cut == out["token"].to_pylist()[:9] and "😀" in cut
    assert out["document_begin"].to_pylist()[0] == 0
    assert out["sentence_begin"].to_pylist()[0] == [0]
    pipe["document_assembler"].setOffsetUnit("codepoint")
    out = pipe.predict(table, output_level="token", positions=True)
    ends = zip(out["token_begin"].to_pylist(), out["token_end"].to_pylist(), strict=True)
    assert [TEXTS[0][b : e + 1] for b, e in ends if b is not None][:9] == cut


def test_metadata_has_what_the_stages_say_typed(pipe, table):
    found = rows_of(annotations(pipe, table, WORDS))
    out = pipe.predict(table, output_level="token", metadata=True)
    for key, name, read in [
        ("sentence", "origin_sentence", int),
        ("pieceId", "piece_id", int),
        ("isOOV", "is_OOV", "true".__eq__),
        ("isWordStart", "is_word_start", "true".__eq__),
    ]:
        wanted = [a and read(a.metadata[key]) for a in found]
        assert out[f"{WORDS}_{name}"].to_pylist() == wanted
    assert out["sentence"].to_pylist()[0] == ["i love nlp."]  # other levels come along
    long = embedpipe.load("en.embed_sentence.small_bert_L2_512")
    with pytest.warns(embedpipe.TruncationWarning):
        out = long.predict(["ab " * 60], output_level="document", metadata=True)
    assert out[f"{SENTENCES}_pieces_total"].tolist() == [122]
    assert out[f"{SENTENCES}_pieces_used"].tolist() == [48]


def test_other_levels_and_vectors_come_as_asked(pipe, table):
    out = pipe.predict(table, "token", drop_irrelevant_cols=False)
    assert out.column_names == ["id", "text", "token", WORDS, SENTENCES, "document", "sentence"]
    plain = pipe.predict(table, "token", get_embeddings=False)
    assert plain.column_names == ["id", "text", "token"]
    assert plain["token"].equals(out["token"])
    alone = pipe.predict(table, "token", keep_stranger_features=False)
    assert alone.column_names == ["token", WORDS, SENTENCES]


def test_no_vectors_are_computed_where_none_are_wanted(pipe, table, monkeypatch):
    stage = type(pipe["en.embed.bert.small_L12_256"])
    monkeypatch.setattr(stage, "annotate", lambda *_: pytest.fail("computed"))
    pipe.predict(table, "token", get_embeddings=False)


def test_settings_of_a_stage_count(pipe):
    (usual,) = pipe.predict_embeds(["a b c"])
    pipe["en.embed_sentence.small_bert_L2_512"].setPooling("cls").setNormalize(True)
    (changed,) = pipe.predict_embeds(["a b c"])
    assert not np.allclose(usual, changed)
    assert abs(np.linalg.norm(changed) - 1) < 1e-5


def test_rows_and_vectors_are_the_same_in_batches_of_any_size(pipe):
    texts = [f"row {i} is here. it is." if i % 7 else None for i in range(2500)]
    table = pa.table({"n": list(range(2500)), "text": texts})
    whole = pipe.predict(table, "sentence")
    parts = pa.Table.from_batches(table.to_batches(max_chunksize=333))
    assert whole.equals(pipe.predict(parts, "sentence"))
    assert len(whole) == sum(2 if i % 7 else 1 for i in range(2500))
    single = pipe.predict(table.slice(1001, 1), "sentence")
    there = whole.filter(pa.compute.equal(whole["n"], 1001))
    assert there.combine_chunks().equals(single.combine_chunks())


def test_vectors_of_a_name_for_sentences_with_an_albert_are_means_of_its_tokens(models):
    (models / "albert_base_uncased").exists() or (models / "albert_base_uncased").symlink_to(
        models / "albert_large_uncased"
    )
    pipe = embedpipe.load("en.embed_sentence.albert")
    out = pipe.predict(["hello world. number 1"], output_level="sentence")
    assert out.columns.tolist() == ["sentence", "en_embed_sentence_albert_embeddings"]
    words = embedpipe.load("albert_large_uncased").predict(["hello world. number 1"], "sentence")
    for mean, vectors in zip(out.iloc[:, 1], words.iloc[:, 1], strict=True):
        assert np.allclose(mean, np.mean(vectors, axis=0), atol=1e-6)
    blank = pipe.predict([" ", "hello"], output_level="document").iloc[:, 1]
    assert blank[0] is None and blank[1] is not None  # without tokens there is no mean


def test_the_vectors_of_a_flattened_pooling_are_refused(pipe):
    stage = pipe["en.embed_sentence.small_bert_L2_512"]
    stage.setParams(compatibility="spark-nlp-5.5.3", pooling="flattened")
    with pytest.raises(InputError, match="expected 32, as all of the model have"):
        pipe.predict(["a b c", "a"], "document")
