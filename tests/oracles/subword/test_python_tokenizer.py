"""Pieces equal those of transformers' tokenizer in Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.bert.tokenization_bert_legacy import (
    BertTokenizerLegacy,
    WordpieceTokenizer,
)

from embedpipe.subword import SubwordTokenizer, load_tokenizer
from tests.support.subword_texts import real_texts
from tests.support.subword_tokenizers import (
    BERT,
    ids,
    ids_of,
    latin_text,
    quick,
    write_vocab,
)


@pytest.fixture(scope="session")
def vocab_file(testdata: Path) -> Path:
    return testdata / "vocabularies/bert_uncased/vocab.txt"


@pytest.fixture(scope="session")
def bert(vocab_file: Path) -> SubwordTokenizer:
    return load_tokenizer(vocab_file.parent, BERT)


@pytest.fixture(scope="session")
def corpus(testdata: Path) -> list[str]:
    return real_texts(testdata)


@pytest.fixture(scope="session")
def python_bert(vocab_file: Path) -> BertTokenizerLegacy:
    return BertTokenizerLegacy(str(vocab_file))


def test_bert_pieces_of_real_text_equal_the_python_tokenizer(bert, python_bert, corpus):
    latin = [text for text in corpus if max(text, default="") < "\u0250"]
    assert len(latin) > 5000
    assert ids_of(bert, latin) == [python_bert(text)["input_ids"] for text in latin]


@pytest.mark.parametrize("text", ["a [SEP] [sep] [MASK]b", "a" * 100, "a" * 101])
def test_special_pieces_and_long_words_equal_the_python_tokenizer(bert, python_bert, text):
    assert ids_of(bert, [text]) == [python_bert(text)["input_ids"]]


@quick
@given(latin_text)
def test_bert_pieces_of_latin_text_equal_the_python_tokenizer(bert, python_bert, text):
    assert ids_of(bert, [text]) == [python_bert(text)["input_ids"]]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"do_lower_case": True, "strip_accents": False},
        {"do_lower_case": False, "strip_accents": True},
        {"tokenize_chinese_chars": False},
        {"cls_token": "a", "sep_token": "e"},
    ],
)
def test_settings_of_vocab_txt_act_as_in_transformers(tmp_path, settings):
    folder = write_vocab(tmp_path, **settings)
    python = BertTokenizerLegacy(str(folder / "vocab.txt"), **settings)
    for text in ("A ab", "é É", "漢漢", "[CLS] a [UNK] [MASK]", "zz"):
        assert ids(folder, text) == python(text)["input_ids"]


pieces_of_words = st.lists(
    st.sampled_from(["pain", "##kill", "##er", "[CLS]", "un", "able", "é", "中", "a" * 70, "#"]),
    min_size=1,
    max_size=4,
).map("".join)


@quick
@given(st.lists(pieces_of_words | st.text(st.characters(exclude_categories=["Cs", "Z", "C"]))))
def test_wordpieces_of_words_are_the_longest_ones_from_the_left(bert, vocab_file, words):
    vocabulary = set(vocab_file.read_text(encoding="utf-8").splitlines())
    legacy = WordpieceTokenizer(vocabulary, "[UNK]", max_input_chars_per_word=200)
    expected = [legacy.tokenize(word) for word in words]
    assert [bert.pieces(ids) for ids in bert.encode_words(words)] == expected
