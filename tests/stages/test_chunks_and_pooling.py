"""Chunks, vectors pooled of word vectors, tokens put together: what their parameters change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import ChunkEmbeddings, SentenceEmbeddings
from embedpipe.base import Doc2Chunk, Pipeline, PipelineModel, TokenAssembler
from embedpipe.errors import ColumnError, InputError
from tests.support.annotation_tables import annotations, beside, shown, text_stages, words

SPARK_NLP = "spark-nlp-5.5.3"

# Doc2Chunk


def chunks_of(text, chunk, stage, **columns):
    kind = pa.list_(pa.string()) if isinstance(chunk, list) else pa.string()
    table = pa.table({"text": [text], "of": pa.array([chunk], kind), **columns})
    made = stage.copy({"chunkCol": "of", "isArray": isinstance(chunk, list), "outputCol": "chunk"})
    document, sentence, _ = text_stages()
    document.setOffsetUnit(stage.getOffsetUnit())
    return shown(Pipeline(stages=[document, sentence, made]).fit(table).transform(table))[0]


IN_DOCUMENT = Doc2Chunk(inputCols=["document"])
IN_SENTENCES = Doc2Chunk(inputCols=["sentence"])
CATS = "The cat 😀 saw. The cat slept."


@pytest.mark.parametrize(
    ("stage", "chunk", "wanted"),
    [
        (IN_DOCUMENT, "cat", [(4, 6, "cat")]),
        (IN_DOCUMENT, "😀 saw", [(8, 13, "😀 saw")]),
        (IN_DOCUMENT, ["slept", None, " ", "dog", "The"], [(24, 28, "slept"), (0, 2, "The")]),
        (IN_DOCUMENT, [], []),
        (IN_DOCUMENT, None, []),
        (IN_SENTENCES, "cat", [(4, 6, "cat"), (20, 22, "cat")]),
        (IN_SENTENCES.copy({"compatibility": SPARK_NLP}), "cat", [(4, 6, "cat")] * 2),
        (IN_SENTENCES, "saw. The", []),
        (IN_DOCUMENT, "CAT", []),
        (IN_DOCUMENT.copy({"lowerCase": True}), "CAT", [(4, 6, "CAT")]),
        (IN_DOCUMENT.copy({"lowerCase": True, "compatibility": SPARK_NLP}), "CAT", []),
        (IN_DOCUMENT.copy({"lowerCase": True, "compatibility": SPARK_NLP}), "the", [(0, 2, "the")]),
        (IN_DOCUMENT.copy({"offsetUnit": "codepoint"}), "slept", [(23, 27, "slept")]),
    ],
)
def test_chunks_stand_where_they_are_found_first(stage, chunk, wanted):
    assert chunks_of(CATS, chunk, stage) == wanted


@pytest.mark.parametrize(
    ("start", "params", "wanted"),
    [
        (0, {}, [(4, 6, "cat")]),
        (5, {}, [(20, 22, "cat")]),
        (20, {}, [(20, 22, "cat")]),  # counted in UTF-16 units
        (21, {}, []),
        (999, {}, []),
        (-3, {}, [(4, 6, "cat")]),
        (None, {}, [(4, 6, "cat")]),
        (20, {"inputCols": ["sentence"]}, [(20, 22, "cat")]),
        (20, {"inputCols": ["sentence"], "compatibility": SPARK_NLP}, []),
        (1, {"startColByTokenIndex": True}, [(4, 6, "cat")]),
        (2, {"startColByTokenIndex": True}, [(20, 22, "cat")]),
        (7, {"startColByTokenIndex": True}, []),
    ],
)
def test_the_search_begins_where_it_is_told(start, params, wanted):
    stage = IN_DOCUMENT.copy({"startCol": "start", **params})
    column = pa.array([start], pa.int32())
    assert chunks_of(CATS, "cat", stage, start=column) == wanted
    assert chunks_of(CATS, ["cat"], stage, start=column) == wanted


def test_chunks_that_are_missing_are_errors_if_so_wanted():
    stage = IN_SENTENCES.copy({"failOnMissing": True})
    assert chunks_of(CATS, "slept", stage) == [(24, 28, "slept")]
    for chunk in ("dog", ["slept", "dog"], " "):
        with pytest.raises(InputError, match=r"chunk '( |dog)' does not stand in the text 'The c"):
            chunks_of(CATS, chunk, stage)


def test_documents_are_chunks_where_no_column_of_chunks_is_set():
    table = pa.table({"text": [CATS, None]})
    made = Doc2Chunk(inputCols=["sentence"], outputCol="chunk")
    out = PipelineModel([*text_stages()[:2], made]).transform(table)
    assert shown(out) == [[(0, 14, "The cat 😀 saw."), (16, 29, "The cat slept.")], None]
    assert {a["annotatorType"] for a in out["chunk"].to_pylist()[0]} == {"chunk"}


@pytest.mark.parametrize(
    ("array", "column", "wanted"),
    [
        (True, pa.array(["a"]), "'of' holds string; it must hold lists of strings"),
        (False, pa.array([["a"]]), "'of' holds list<.*it must hold strings"),
        (True, pa.array([[1]]), "must hold lists of strings"),
        (False, None, "'of' is missing"),
    ],
)
def test_columns_of_chunks_are_checked(array, column, wanted):
    table = pa.table({"text": ["a"]})
    table = table if column is None else table.append_column("of", column)
    made = IN_DOCUMENT.copy({"chunkCol": "of", "isArray": array, "outputCol": "chunk"})
    with pytest.raises(ColumnError, match=wanted):
        Pipeline(stages=[text_stages()[0], made]).fit(table)
    with pytest.raises(ColumnError, match="'of'"):
        Pipeline(stages=[text_stages()[0], made]).fit(table.to_pandas())


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([["cat", "saw"], None], [["cat", "saw"], []]),
        ([None, None], [[], []]),
        ([np.array(["cat"]), []], [["cat"], []]),
    ],
)
def test_lists_and_starts_come_from_pandas_too(cells, wanted):
    frame = pd.DataFrame({"text": [CATS, CATS], "of": cells, "start": [5, None]})
    made = IN_DOCUMENT.copy(
        {"chunkCol": "of", "isArray": True, "startCol": "start", "outputCol": "chunk"}
    )
    out = Pipeline(stages=[text_stages()[0], made]).fit(frame).transform(frame)
    assert [[a["result"] for a in row] for row in out["chunk"]] == wanted


def test_the_unit_of_offsets_reaches_chunks_and_tokens_put_together():
    document, sentence, token = text_stages()
    stages = [
        document.setOffsetUnit("codepoint"),
        sentence,
        token,
        IN_SENTENCES.copy({"chunkCol": "of", "outputCol": "chunk"}),
        TokenAssembler(inputCols=["sentence", "token"], outputCol="again"),
    ]
    table = pa.table({"text": [CATS], "of": ["cat"]})
    out = Pipeline(stages=stages).fit(table).transform(table)
    for name in ("chunk", "again", "token"):
        assert all(CATS[begin : end + 1] == text for begin, end, text in shown(out, name)[0])
    assert len(shown(out)[0]) == 2


# SentenceEmbeddings and ChunkEmbeddings

OOV = {"sentence": "0", "isOOV": "true"}
KNOWN = {"sentence": "0", "isOOV": "false"}


def pooled(stage, kind, stretches, rows):
    table = beside(annotations(kind, stretches, name="of"), words(rows))
    out = stage.copy({"inputCols": ["of", "words"], "outputCol": "out"}).transform(table)
    return [
        [list(a.embeddings) for a in row] for row in AnnotationColumn.from_arrow(out["out"]).rows()
    ]


TWO = [[(0, 0, "a", KNOWN, [1, 2]), (2, 2, "b", OOV, [0, 0]), (4, 4, "c", KNOWN, [5, 4])]]


@pytest.mark.parametrize(
    ("stage", "kind", "wanted"),
    [
        (SentenceEmbeddings(), "document", [3, 3]),
        (SentenceEmbeddings(poolingStrategy="sum"), "document", [6, 6]),
        (SentenceEmbeddings(compatibility=SPARK_NLP), "document", [2, 2]),
        (ChunkEmbeddings(), "chunk", [3, 3]),
        (ChunkEmbeddings(skipOOV=False), "chunk", [2, 2]),
        (ChunkEmbeddings(skipOOV=False, poolingStrategy="SUM"), "chunk", [6, 6]),
        (ChunkEmbeddings(compatibility=SPARK_NLP), "chunk", [3, 3]),
    ],
)
def test_words_without_a_vector_count_only_where_so_wanted(stage, kind, wanted):
    assert pooled(stage, kind, [[(0, 4, "a b c", {"sentence": "0"})]], TWO) == [[wanted]]
    only = [[(2, 2, "b", {"sentence": "0"})]]
    alone = pooled(stage, kind, only, [TWO[0][1:2]])
    assert alone == [[[0, 0]]]


def test_a_sentence_without_words_has_an_empty_vector_and_a_chunk_is_left_out():
    stretches = [[(0, 4, "a b c", {}), (6, 7, "dd", {})], [], [(0, 0, "a", {})]]
    rows = [*TWO, [], []]
    assert pooled(SentenceEmbeddings(), "document", stretches, rows) == [[[3, 3], []], [], [[]]]
    assert pooled(ChunkEmbeddings(), "chunk", stretches, rows) == [[[3, 3]], [], []]


def test_words_belong_to_what_they_lie_wholly_in():
    stretches = [[(0, 2, "a b", {}), (1, 4, "b c", {}), (4, 4, "c", {}), (0, 9, "all", {})]]
    rows = [[(0, 0, "a", {}, [1, 0]), (2, 3, "b", {}, [2, 0]), (4, 4, "c", {}, [4, 0])]]
    summed = ChunkEmbeddings(poolingStrategy="SUM")
    assert pooled(summed, "chunk", stretches, rows) == [[[1, 0], [6, 0], [4, 0], [7, 0]]]
    assert pooled(summed, "chunk", stretches, [rows[0][::-1]]) == [[[1, 0], [6, 0], [4, 0], [7, 0]]]


def test_rows_are_pooled_apart():
    one = [(0, 9, "all", {})]
    rows = [[(0, 0, "a", {}, [1, 0])], [(0, 0, "b", {}, [2, 0])], []]
    assert pooled(SentenceEmbeddings(), "document", [one] * 3, rows) == [[[1, 0]], [[2, 0]], [[]]]


@pytest.mark.parametrize(
    "stage", [SentenceEmbeddings(), SentenceEmbeddings(compatibility=SPARK_NLP), ChunkEmbeddings()]
)
def test_rows_without_words_come_out_the_same_alone_and_among_others(stage):
    kind = "chunk" if isinstance(stage, ChunkEmbeddings) else "document"
    stretches = [[(0, 4, "a b c", {})], [(0, -1, "", {})], None, [], [(0, 0, "a", {})]]
    table = beside(
        annotations(kind, stretches, name="of"),
        words([*TWO, [], None, [], [(0, 0, "a", KNOWN, [1, 2])]]),
    )
    made = stage.copy({"inputCols": ["of", "words"], "outputCol": "out"})
    whole = made.transform(table)["out"].to_pylist()
    assert len(whole) == 5
    assert [made.transform(table.slice(i, 1))["out"].to_pylist()[0] for i in range(5)] == whole


def test_word_vectors_of_several_lengths_are_refused():
    table = beside(annotations("chunk", [[]], name="of"), words([[]]))
    rows = [[(0, 0, "a", {}, [1, 0]), (2, 2, "b", {}, [2, 0])]]
    uneven = words(rows)["words"].to_pylist()
    uneven[0][1]["embeddings"] = [3.0]
    table = table.set_column(1, table.schema.field("words"), pa.array(uneven, table["words"].type))
    stage = ChunkEmbeddings(inputCols=["of", "words"])
    with pytest.raises(InputError, match=r"word vectors in one column have lengths \[1, 2\]"):
        stage.transform(table)


def metadata_of(stage):
    table = beside(annotations("document", [[]], name="of"), words([[]]))
    made = stage.copy({"inputCols": ["of", "words"], "outputCol": "out"})
    found = made.transform(table).schema.field("out").metadata
    return found[b"dimension"], found[b"ref"]


def test_dimension_and_storage_ref_are_those_of_the_words_unless_set():
    stage = SentenceEmbeddings()
    assert metadata_of(stage) == (b"2", b"w")
    assert metadata_of(stage.copy({"compatibility": SPARK_NLP})) == (b"100", b"w")
    assert metadata_of(stage.setDimension(7).setStorageRef("x")) == (b"7", b"x")


# TokenAssembler
