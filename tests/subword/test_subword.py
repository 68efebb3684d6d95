"""Text to piece ids: what callers rely on, against transformers' Python tokenizer and Spark NLP.

That every id is that of transformers and of sentencepiece on any text is in tests/oracles/subword.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given

from embedpipe.errors import InputError, ParameterError
from embedpipe.hub import find_model
from embedpipe.subword import SubwordTokenizer, load_tokenizer
from tests.support.subword_texts import read_lines, real_texts, without_surrogates
from tests.support.subword_tokenizers import ALBERT, BERT, any_text, ids_of, quick


@pytest.fixture(scope="session")
def vocab_file(testdata: Path) -> Path:
    return testdata / "vocabularies/bert_uncased/vocab.txt"


@pytest.fixture(scope="session")
def spiece_file(testdata: Path) -> Path:
    return testdata / "vocabularies/albert_30k/spiece.model"


@pytest.fixture(scope="session")
def bert(vocab_file: Path) -> SubwordTokenizer:
    return load_tokenizer(vocab_file.parent, BERT)


@pytest.fixture(scope="session")
def albert(spiece_file: Path) -> SubwordTokenizer:
    return load_tokenizer(spiece_file.parent, ALBERT)


@pytest.fixture(scope="session")
def spiece(spiece_file: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(spiece_file))


@pytest.fixture(scope="session")
def corpus(testdata: Path) -> list[str]:
    return real_texts(testdata)


def test_tokenizer_json_gives_the_same_pieces_as_vocab_txt(bert, corpus):
    from_json = load_tokenizer(find_model("all-MiniLM-L6-v2"), BERT)
    assert from_json.source.endswith("tokenizer.json")
    assert ids_of(from_json, corpus) == ids_of(bert, corpus)


@quick
@given(any_text)
def test_albert_words_equal_sentencepiece_without_its_word_boundary(albert, spiece, text):
    boundary = spiece.piece_to_id("▁")
    expected = [piece for piece in spiece.encode(without_surrogates(text)) if piece != boundary]
    assert albert.encode_words([text])[0].tolist() == expected


@pytest.mark.parametrize("model", ["bert", "albert"])
@quick
@given(text=any_text)
def test_any_text_gives_ids_of_the_vocabulary_between_cls_and_sep(request, model, text):
    tokenizer = request.getfixturevalue(model)
    batch = tokenizer.encode([text])
    ids = batch.ids[0]
    assert tokenizer.text_pieces([text])[0].tolist() == ids[1:-1].tolist()
    assert (ids[0], ids[-1]) == (tokenizer.cls_id, tokenizer.sep_id)
    assert ids.min() >= 0
    assert ids.max() < tokenizer.vocab_size
    assert len(tokenizer.pieces(ids)) == batch.full_lengths[0]
    words = tokenizer.encode_words([text, "a"])
    assert words.offsets[0] == 0
    assert len(words[1]) == 1


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_first_pieces_of_tokens_equal_spark_nlp(request, testdata, model):
    tokenizer = request.getfixturevalue(model)
    first: dict[str, int] = {}
    for record in read_lines(testdata / f"spark_nlp_answers/{model}_tokens.jsonl"):
        if record["params"] in ({}, {"batchSize": 1}):
            for row in record["embeddings"]:
                first[row["metadata"]["token"]] = int(row["metadata"]["pieceId"])
    if model == "bert":  # other tokens Spark NLP first cuts into basic words
        first = {token: i for token, i in first.items() if token.isascii() and token.isalnum()}
    assert len(first) > 2000
    words = tokenizer.encode_words(list(first))
    assert [ids[0] for ids in words] == list(first.values())


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_words_have_the_same_pieces_when_met_again(request, model, monkeypatch):
    tokenizer = request.getfixturevalue(model)
    monkeypatch.setattr("embedpipe.subword.piece_cache.MOST_WORDS", 3)  # forget often
    words = ["pain", "", "killers", "a" * 33, "unaffable", "pain", "\ufffd", "zyzzyvas", "killers"]
    alone = [tokenizer.encode_words([word])[0].tolist() for word in words]
    for start in range(len(words)):
        found = tokenizer.encode_words(words[start:] + words[:start])
        assert [ids.tolist() for ids in found] == alone[start:] + alone[:start]


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_words_are_what_the_given_function_finds(request, model, monkeypatch):
    tokenizer = request.getfixturevalue(model)
    monkeypatch.setattr("embedpipe.subword.piece_cache.MOST_WORDS", 3)  # forget often
    texts = ["un able", "", "pain-killers", "un able", "pain-" * 9, " ", "pain"]
    for separator in (" ", "-", "i", "n", "a", "p"):
        cut = partial(str.split, sep=separator)
        splitter = tokenizer.word_splitter(cut)
        expected = [
            np.concatenate([tokenizer.encode_words([part])[0] for part in cut(text)]).tolist()
            for text in texts
        ]
        for _ in range(2):  # the second time from memory
            assert [ids.tolist() for ids in splitter.split(texts)] == expected


COPIES = {
    "pickled": lambda tokenizer: pickle.loads(pickle.dumps(tokenizer)),
    "copied": copy.deepcopy,
}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("model", ["bert", "albert"])
def test_a_tokenizer_travels_and_gives_the_same_pieces(request, model, copied, corpus):
    tokenizer = request.getfixturevalue(model)
    splitter = tokenizer.word_splitter(str.split)
    texts, words = corpus[:200], ["pain killers", "pain", ""]
    size = len(pickle.dumps(tokenizer))
    ids, pieces = ids_of(tokenizer, texts), splitter.split(words)
    traveled = COPIES[copied](tokenizer)
    assert ids_of(traveled, texts) == ids
    assert COPIES[copied](splitter).split(words).values.tolist() == pieces.values.tolist()
    assert len(pickle.dumps(tokenizer)) == size  # what was met stays behind


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_threads_share_a_tokenizer(request, model, corpus):
    tokenizer = request.getfixturevalue(model)
    expected = ids_of(tokenizer, corpus[:400])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(partial(ids_of, tokenizer), [corpus[:400]] * 8):
            assert found == expected


def test_a_text_goes_on_behind_a_zero_character(albert, spiece):
    assert albert.encode_words(["pain\0killer"])[0].tolist() == spiece.encode("pain\0killer")
    assert ids_of(albert, ["pain\0killer"])[0][1:-1] == spiece.encode("pain\0killer")


@pytest.mark.parametrize(
    "word",
    ["next\x85line", "a\x1cb", "z\u0351\u0343\u0308a\u0300\u0301\u0302lgo", "e\u0323\u0302t"],
)
def test_words_are_cut_as_sentencepiece_does_it(albert, spiece, word):
    expected = [i for i in spiece.encode(word) if spiece.id_to_piece(i) != "▁"]
    assert albert.encode_words([word])[0].tolist() == expected


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_texts_are_independent_of_their_neighbors(request, corpus, model):
    tokenizer = request.getfixturevalue(model)
    together = ids_of(tokenizer, corpus[:50])
    assert together == [ids_of(tokenizer, [text])[0] for text in corpus[:50]]


def test_truncation_keeps_the_beginning_and_both_special_pieces(bert):
    texts = ["one two three four", "", "one two", "one two three"]
    whole = ids_of(bert, texts)
    batch = bert.encode(texts, max_length=4)
    assert [ids.tolist() for ids in batch.ids] == [
        [*whole[0][:3], bert.sep_id],
        whole[1],
        whole[2],
        [*whole[3][:3], bert.sep_id],
    ]
    assert batch.truncated.tolist() == [True, False, False, True]
    assert batch.full_lengths.tolist() == [6, 2, 4, 5]
    assert batch.ids.values.dtype == np.int32


def test_a_length_without_room_for_special_pieces_is_refused(bert):
    with pytest.raises(ParameterError, match="max_length: found 1; expected at least 2"):
        bert.encode(["a"], max_length=1)


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_nothing_to_read_gives_the_special_pieces_alone(request, model):
    tokenizer = request.getfixturevalue(model)
    alone = [tokenizer.cls_id, tokenizer.sep_id]
    assert ids_of(tokenizer, ["", " ", "\n\t\u3000"]) == [alone] * 3
    assert len(tokenizer.encode([]).ids) == 0
    assert [len(ids) for ids in tokenizer.encode_words(["", " "])][:1] == [0]
    assert len(tokenizer.encode_words([])) == 0


def test_special_pieces_in_text_count_as_such_but_not_in_words(bert, albert, spiece):
    found = bert.pieces(ids_of(bert, ["a [SEP] [sep] [MASK]b"])[0])
    assert found[1:-1] == ["a", "[SEP]", "[", "sep", "]", "[MASK]", "b"]
    assert albert.encode(["a [SEP]"]).ids[0].tolist()[-2:] == [albert.sep_id, albert.sep_id]
    assert albert.encode_words(["[SEP]"])[0].tolist() == spiece.encode("[SEP]")


@pytest.mark.parametrize("model", ["bert", "albert"])
def test_half_of_a_surrogate_pair_counts_as_replacement_character(request, model):
    tokenizer = request.getfixturevalue(model)
    halves = ["a \ud83d b", "\udc00", "fine", "mid\udfffdle"]
    replaced = [
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in halves
    ]
    assert replaced[0] == "a \ufffd b"
    assert ids_of(tokenizer, halves) == ids_of(tokenizer, replaced)
    words, expected = tokenizer.encode_words(halves), tokenizer.encode_words(replaced)
    assert words.values.tolist() == expected.values.tolist()


def test_words_of_100_000_characters(bert, albert):
    word = "a" * 100_000
    assert bert.encode([word]).ids[0].tolist() == [bert.cls_id, bert.unk_id, bert.sep_id]
    batch = albert.encode([word, "." * 100_000], max_length=512)
    assert batch.ids.lengths.tolist() == [512, 512]
    assert batch.full_lengths[1] == 100_003  # one for the word boundary
    assert bert.encode_words([word, "a" * 200])[0].tolist() == [bert.unk_id]


def test_the_longest_known_words_are_of_100_characters_in_text_and_200_alone(bert):
    assert bert.unk_id not in ids_of(bert, ["a" * 100])[0]
    assert ids_of(bert, ["a" * 101])[0] == [bert.cls_id, bert.unk_id, bert.sep_id]
    assert bert.encode_words(["a" * 200])[0][0] != bert.unk_id
    assert bert.encode_words(["a" * 201])[0].tolist() == [bert.unk_id]


def test_an_id_outside_of_the_vocabulary_has_no_piece(bert):
    assert bert.pieces([0, 101]) == ["[PAD]", "[CLS]"]
    for piece_id in (-1, 30522, 2**70):
        with pytest.raises(InputError, match=f"piece id {piece_id}: .* has pieces 0 to 30521"):
            bert.pieces([piece_id])


FORK = """
import os, sys
from embedpipe.hub import find_model
from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import load_tokenizer
config = EncoderConfig("bert", 30522, 64, 64, 2, 4, 256, 512, 2, 1e-12, "gelu_erf")
tokenizer = load_tokenizer(find_model("all-MiniLM-L6-v2"), config)
texts = ["one two three"] * 1000
before = tokenizer.encode(texts).ids.values.tolist()
child = os.fork()
same = tokenizer.encode(texts).ids.values.tolist() == before
if child == 0:
    os._exit(0 if same else 3)
assert same and os.waitpid(child, 0)[1] == 0
print(os.environ.get("TOKENIZERS_PARALLELISM"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_a_forked_child_reads_text_without_a_warning_and_the_parent_stays_as_it_was():
    environment = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    result = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "None\n")
