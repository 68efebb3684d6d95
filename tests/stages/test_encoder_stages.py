"""Stages around encoders: their models and defaults, and which vector a token gets."""

from __future__ import annotations

import json
import shutil
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from embedpipe.annotation import AnnotationColumn
from embedpipe.base import DocumentAssembler, PipelineModel
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.stages import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
)
from embedpipe.subword.sequences import join, lay_out, truncated, windows
from embedpipe.text.basic_words import basic_words, first_basic_word
from tests.support.golden_models import load_encoders

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

TEXTS = ["I hate cancer. Antibiotics aren't painkillers!", None, "", "One word", "\ufffd"]


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def bert(encoders):
    return BertEmbeddings(encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="out")


def bert_sentences(encoders):
    return BertSentenceEmbeddings(encoders["tiny_bert"], inputCols=["sentence"], outputCol="out")


def text_stages(**sentence_params):
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence", **sentence_params),
        Tokenizer(inputCols=["document"]),
    ]


def text_table(texts, **sentence_params):
    """A table with sentences and tokens."""
    table = pa.table({"text": pa.array(texts, pa.string())})
    return PipelineModel(text_stages(**sentence_params)).transform(table)


def column(table):
    return AnnotationColumn.from_arrow(table["out"])


word_lists = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), max_size=12)
piece_lists = st.lists(st.lists(st.integers(3, 99), max_size=3), min_size=1, max_size=4)


@given(pieces=piece_lists, words=word_lists, limit=st.integers(0, 6), keep_empty=st.booleans())
def test_sequences_are_those_of_a_plain_loop(pieces, words, limit, keep_empty):
    words = [(word % len(pieces), sentence) for word, sentence in words]
    sentences: list[list[int]] = [[] for _ in range(4)]
    starts: list[tuple[int, int] | None] = []
    for word, sentence in words:
        starts.append(None)
        if sentence >= 0:
            if pieces[word] and len(sentences[sentence]) < limit:
                starts[-1] = sentence, len(sentences[sentence])
            sentences[sentence] += pieces[word]
    wanted = [[1, *ids[:limit], 2] for ids in sentences if ids or keep_empty]
    before = np.cumsum(
        [0] + [len(ids[:limit]) + 2 if ids or keep_empty else 0 for ids in sentences]
    )
    places = [-1 if start is None else before[start[0]] + 1 + start[1] for start in starts]

    columns = np.array(words, dtype=np.int64).reshape(-1, 2).T
    layout = lay_out(Ragged.from_sequences(pieces, np.int32), *columns, len(sentences))
    parts = truncated(layout.pieces.offsets, limit, keep_empty=keep_empty)
    built = join(layout.pieces, parts, cls_id=1, sep_id=2)
    assert [ids.tolist() for ids in layout.pieces] == sentences
    assert [ids.tolist() for ids in built.pieces] == wanted
    assert np.append(built.places, -1)[layout.first].tolist() == places


@given(totals=st.lists(st.integers(0, 40), max_size=5), limit=st.integers(1, 12))
def test_windows_take_each_piece_where_its_nearer_end_is_farthest(totals, limit):
    offsets = np.cumsum([0, *totals])
    parts = windows(offsets, limit)
    layout = lay_out(
        Ragged.from_sequences([[n] for n in range(1, sum(totals) + 1)], np.int32),
        np.arange(sum(totals)),
        np.repeat(np.arange(len(totals)), totals),
        len(totals),
    )
    built = join(layout.pieces, parts, cls_id=-1, sep_id=-2)
    assert built.pieces.values[built.places].tolist() == layout.pieces.values.tolist()
    assert (parts.lengths <= limit).all()
    for number, total in enumerate(totals):
        mine = np.flatnonzero(parts.sentences == number)
        begins = parts.begins[mine] - offsets[number]
        ends = begins + parts.lengths[mine]
        assert (total == 0 and not mine.size) or (begins[0], ends[-1]) == (0, total)
        for piece in range(total):
            nearer = np.minimum(piece - begins, ends - 1 - piece)  # negative outside
            own = np.flatnonzero(
                (parts.own_begins[mine] <= offsets[number] + piece)
                & (offsets[number] + piece < parts.own_ends[mine])
            )
            assert own.tolist() == [int(np.argmax(nearer))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("aren't $5.00", ["aren", "'", "t", "$", "5", ".", "00"]),
        ("[CLS] a_b", ["[", "cls", "]", "a", "_", "b"]),
        (
            "wait\u2026 \u201cno\u201d \u2019s x\u2014y",
            ["wait\u2026", "\u201cno\u201d", "\u2019s", "x\u2014y"],
        ),
        ("a\u060cb \u05be\u05c0c", ["a\u060cb", "\u05be", "\u05c0", "c"]),
        ("a\x07b\x85c\ufffdd\x00e", ["a", "b", "c", "d", "e"]),
        ("no\u00a0break a\u3000b\u2009c\u202fd", ["no\u00a0break", "a", "b", "c\u202fd"]),
        ("na\u00efve Caf\u00e9 \u0301 n\u0303o", ["naive", "cafe", "no"]),
        ("\u4e2d\u6587x \U00020000\U00020001", ["\u4e2d", "\u6587", "x", "\U00020000\U00020001"]),
        ("\u0130stanbul \u03a3\u0391\u03a3", ["istanbul", "\u03c3\u03b1\u03c2"]),
        ("", []),
        (" \t\r\n\x1c", []),
    ],
)
def test_basic_words_follow_the_recorded_rules(text, words):
    assert basic_words(text, case_sensitive=False) == words


def test_accents_go_even_where_case_matters():
    assert basic_words("\u00c9tude A", case_sensitive=True) == ["Etude", "A"]


@pytest.mark.parametrize(
    ("token", "word"),
    [("Aren't", "aren"), ("$5", "$"), ("\u0301-x", "-"), ("\ufffd", ""), ("\u0301", ""), ("", "")],
)
def test_a_token_stands_for_its_first_word(token, word):
    assert first_basic_word(token, case_sensitive=False) == word


@given(st.text(max_size=8), st.booleans())
def test_the_first_word_is_the_first_of_all_words_of_a_token(token, case_sensitive):
    lowered = token if case_sensitive else token.lower()
    words = basic_words(lowered, case_sensitive=case_sensitive)
    assert first_basic_word(token, case_sensitive=case_sensitive) == (words or [""])[0]


@given(st.text(st.characters(max_codepoint=0x7F)), st.booleans())
def test_words_of_ascii_do_not_depend_on_other_characters_in_the_text(text, case_sensitive):
    words = basic_words(text, case_sensitive=case_sensitive)
    assert basic_words(f"{text} \u00e9", case_sensitive=case_sensitive) == [*words, "e"]


@given(st.text(st.characters() | st.sampled_from(" \u00a0\u0301\u03a3é,")), st.booleans())
def test_words_of_a_text_are_those_of_what_stands_between_its_spaces(text, case_sensitive):
    words = basic_words(text, case_sensitive=case_sensitive)
    parts = [basic_words(part, case_sensitive=case_sensitive) for part in text.split(" ")]
    assert words == list(chain.from_iterable(parts))


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_tokens_without_pieces_have_zero_vectors_where_others_have_been(encoders, pooling):
    stage = bert(encoders).setPiecePooling(pooling)
    words, unknown = ["painkiller"] * 6000, ["\ufffd"] * 6000
    first = column(stage.transform(text_table([" ".join(words)])))
    kept = first.embeddings.copy()
    column(stage.transform(text_table([" ".join(words[::-1])])))  # whose memory is free again
    none = column(stage.transform(text_table([" ".join(unknown)])))
    assert len(none) == len(unknown)
    assert not none.embeddings.any()
    mixed = column(stage.transform(text_table(["\ufffd I love painkiller \ufffd"])))
    assert mixed.embeddings.any(axis=1).tolist() == [False, True, True, True, False]
    np.testing.assert_array_equal(first.embeddings, kept)


def test_tokens_beyond_the_limit_have_zero_vectors(encoders):
    stage = bert(encoders).setMaxSentenceLength(5)  # three pieces beside [CLS] and [SEP]
    found = column(stage.transform(text_table(["I love painkiller drugs."])))
    assert [a.result for a in found.rows()[0]] == ["i", "love", "painkiller", "drugs", "."]
    assert found.embeddings.any(axis=1).tolist() == [True, True, True, False, False]
    assert found.metadata_field("isOOV").to_pylist() == ["false"] * 3 + ["true"] * 2
    assert found.metadata_field("pieceId").to_pylist()[3] == "5850"


def test_tokens_outside_of_all_sentences_have_zero_vectors(encoders):
    table = text_table(["Short. A longer sentence. End."], minLength=8)
    found = column(bert(encoders).transform(table))
    words = ["short", ".", "a", "longer", "sentence", ".", "end", "."]
    assert [word.result for word in found.rows()[0]] == words
    inside = [False] * 2 + [True] * 4 + [False] * 2
    assert found.embeddings.any(axis=1).tolist() == inside


@pytest.mark.trained_model
def test_the_default_models_own_pooling_and_normalization_are_used(encoders):
    encoder = encoders["all-MiniLM-L6-v2"]
    sentences = ["The train is late.", "Nobody knows why."]
    documents = DocumentAssembler(inputCol="text").transform(pa.table({"text": sentences}))
    stage = BertSentenceEmbeddings(encoder, inputCols=["document"], outputCol="out")
    out = stage.transform(documents)
    np.testing.assert_allclose(column(out).embeddings, encoder.encode(sentences), atol=1e-6)
    cls = stage.copy({"pooling": "cls", "normalize": False})
    out = cls.transform(documents)
    wanted = encoder.encode(sentences, pooling="cls", normalize=False)
    np.testing.assert_allclose(column(out).embeddings, wanted, atol=1e-5)


def test_case_matters_by_default_where_it_does_to_the_model(encoders, tmp_path):
    assert not BertEmbeddings(encoders["tiny_bert"]).getCaseSensitive()
    assert not AlbertEmbeddings(encoders["tiny_albert"]).getCaseSensitive()
    folder = shutil.copytree(encoders["tiny_bert"].path, tmp_path / "cased")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    stage = BertEmbeddings.load(folder)
    assert stage.getCaseSensitive()
    assert not stage.isSet("caseSensitive")


def test_defaults_follow_from_the_model(encoders, tmp_path):
    stage = BertEmbeddings(encoders["tiny_bert"])
    assert stage.getDimension() == 64
    assert not stage.isSet("dimension")
    assert BertEmbeddings().getDimension() == 768
    folder = shutil.copytree(encoders["tiny_bert"].path, tmp_path / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 16}))
    tensors = load_file(folder / "model.safetensors")
    name = "embeddings.position_embeddings.weight"
    save_file({**tensors, name: tensors[name][:16].copy()}, folder / "model.safetensors")
    short = BertEmbeddings.load(folder)
    assert short.getMaxSentenceLength() == 16
    with pytest.raises(ParameterError, match="at most 16, the positions of this model, got 17"):
        short.setMaxSentenceLength(17)


@pytest.mark.trained_model
def test_models_load_from_a_folder_by_every_name_there_is_for_it(encoders):
    folder = encoders["tiny_albert"].path
    for stage in (
        AlbertEmbeddings.load(folder),
        AlbertEmbeddings.loadSavedModel(str(folder), None),
        AlbertEmbeddings.pretrained(folder.name, "en", str(folder.parent)),
    ):
        assert stage.encoder.path.samefile(folder)
    assert BertSentenceEmbeddings.pretrained().encoder.name == "embedpipe-small-v1"
    assert BertEmbeddings.pretrained("all-MiniLM-L6-v2").getDimension() == 384


def test_a_model_that_is_not_there_or_of_another_architecture_is_refused(encoders, tmp_path):
    with pytest.raises(ModelNotFoundError, match="albert_base_uncased"):
        AlbertEmbeddings.pretrained()
    with pytest.raises(ModelNotFoundError, match=r"BertEmbeddings\.load: nothing is at"):
        BertEmbeddings.load(tmp_path / "gone")
    with pytest.raises(ModelFormatError, match="takes no model of architecture bert"):
        AlbertEmbeddings.load(encoders["tiny_bert"].path)
    with pytest.raises(ParameterError, match="the default model is for lang 'en', got 'fr'"):
        BertEmbeddings.pretrained(lang="fr")
    with pytest.raises(ParameterError, match="remote_loc needs a name"):
        BertEmbeddings.pretrained(remote_loc=str(tmp_path))


@pytest.mark.parametrize("limit", [0, -1])
def test_no_maximum_length_means_what_spark_nlp_recorded(limit, encoders):
    words = bert(encoders).setMaxSentenceLength(limit)
    out = words.transform(text_table(TEXTS))
    assert out["out"].to_pylist() == [None if text is None else [] for text in TEXTS]
    sentences = bert_sentences(encoders).setMaxSentenceLength(limit)
    vectors = column(sentences.transform(text_table(TEXTS))).embeddings
    alone = encoders["tiny_bert"].encode([""], pooling=encoders["tiny_bert"].pooling)
    np.testing.assert_allclose(vectors, np.broadcast_to(alone, vectors.shape), atol=1e-6)


def test_one_encoder_serves_all_copies(encoders):
    stage = bert(encoders)
    assert stage.copy().encoder is stage.encoder
    assert PipelineModel([stage]).copy().stages[0].encoder is encoders["tiny_bert"]
