"""Pieces equal, id by id, those of transformers' BertTokenizer and of sentencepiece.

On real texts, on every code point of Unicode and on 20,000 texts that hypothesis makes up, for each
tokenizer. A surrogate, which has no UTF-8 form, counts as U+FFFD; the standards are given that.

BertTokenizer of transformers 5 is the standard for BERT. BertTokenizerLegacy, in Python, differs
from it in 830,593 of 1,112,064 characters between two letters: it drops the 829,834 that its Python
(3.11) does not know as assigned, and knows the classes of 759 characters by a newer Unicode.
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import SubwordTokenizer, load_tokenizer
from embedpipe.subword.sentencepiece_model import SentencePiece
from tests.support.spiece_files import piece, train_spiece
from tests.support.subword_texts import TEXTS, every_code_point, real_texts, without_surrogates

BERT = EncoderConfig("bert", 200_000, 64, 64, 2, 4, 256, 512, 2, 1e-12, "gelu_erf")
ALBERT = dataclasses.replace(BERT, architecture="albert")

Texts = list[str]
Ids = list[list[int]]
Pair = tuple[Callable[[Texts], Iterable[Iterable[int]]], Callable[[Texts], Ids]]

thorough = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def assert_equal(pair: Pair, texts: Texts) -> None:
    """Ours equal the standard; name the first texts that differ rather than print all."""
    found, standard = pair
    rows = zip(texts, found(texts), standard(texts), strict=True)
    different = [(text, list(ours), theirs) for text, ours, theirs in rows if list(ours) != theirs]
    assert not different, f"{len(different)} of {len(texts)}, such as {different[:3]!r:.2000}"


def load(folder: Path, file: Path | bytes, config: EncoderConfig, **settings) -> SubwordTokenizer:
    """The tokenizer of a folder with that vocabulary and those settings."""
    name = "vocab.txt" if config.architecture == "bert" else "spiece.model"
    (folder / name).write_bytes(file if isinstance(file, bytes) else file.read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return load_tokenizer(folder, config)


def text_ids(tokenizer: SubwordTokenizer, texts: Texts) -> Iterable[Iterable[int]]:
    return tokenizer.encode(texts).ids


def cased_vocabulary() -> list[str]:
    """Words, letters in either case, and every 50th character of Unicode, alone and continued."""
    characters = [chr(c) for c in range(0x21, 0x250)]
    characters += [chr(c) for c in range(0x250, 0x110000, 50) if not 0xD800 <= c < 0xE000]
    words = ["The", "the", "Straße", "ing", "tion", "É", "e\u0301", "漢字"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *characters]
    return list(dict.fromkeys([*pieces, *(f"##{piece}" for piece in (*words, *characters))]))


def bert_pair(folder: Path, vocabulary: bytes, *, lowercase: bool) -> Pair:
    lines = vocabulary.decode().removesuffix("\n").split("\n")
    ids = {piece: piece_id for piece_id, piece in enumerate(lines)}
    standard = BertTokenizer(vocab=ids, do_lower_case=lowercase)

    def standard_ids(texts: Texts) -> Ids:
        return standard([without_surrogates(text) for text in texts])["input_ids"]

    tokenizer = load(folder, vocabulary, BERT, do_lower_case=lowercase)
    return partial(text_ids, tokenizer), standard_ids


def albert_ids(
    spiece: sentencepiece.SentencePieceProcessor, text: str, *, lowercase: bool
) -> list[int]:
    """Google's ALBERT around SentencePiece: fold text, and split a comma off a number."""
    text = " ".join(without_surrogates(text).split()).replace("``", '"').replace("''", '"')
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    pieces: list[str] = []
    for part in spiece.encode(text.lower() if lowercase else text, out_type=str):
        if len(part) > 1 and part[-1] == "," and part[-2].isdigit():
            number = spiece.encode(part[:-1].replace("▁", ""), out_type=str)
            if part[0] != "▁":
                number[0] = number[0].removeprefix("▁")
            pieces += [part for part in number if part] + [","]
        else:
            pieces.append(part)
    return [2, *map(spiece.piece_to_id, pieces), 3]


def albert_pair(folder: Path, spiece: Path, *, lowercase: bool) -> Pair:
    """Running text; special pieces in it, which SentencePiece takes for text, are broken."""
    standard = sentencepiece.SentencePieceProcessor(model_file=str(spiece))
    tokenizer = load(folder, spiece, ALBERT, do_lower_case=lowercase)
    special = re.compile("|".join(map(re.escape, ("[CLS]", "[SEP]", "[MASK]", "<pad>", "<unk>"))))

    def broken(texts: Texts) -> Texts:
        return [special.sub("{}", text) for text in texts]

    return (
        lambda texts: tokenizer.encode(broken(texts)).ids,
        lambda texts: [albert_ids(standard, text, lowercase=lowercase) for text in broken(texts)],
    )


def spiece_pair(path: Path) -> Pair:
    """SentencePiece alone, as words go through it, but with the boundaries that those leave out."""
    ours = SentencePiece(path.read_bytes(), str(path))
    standard = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return (
        lambda texts: ours.split([without_surrogates(text) for text in texts]),
        lambda texts: standard.encode([without_surrogates(text) for text in texts]),
    )


BERTS = ["BERT uncased", "BERT uncased, keeping case", "BERT cased", "BERT cased, in lower case"]
ALBERTS = ["ALBERT uncased", "ALBERT cased", "SentencePiece"]


@pytest.fixture(scope="module")
def pairs(testdata, tmp_path_factory) -> dict[str, Pair]:
    """Ours and the standard, by name: real vocabularies, and one that knows much of Unicode."""
    folder = lambda: tmp_path_factory.mktemp("model")  # noqa: E731
    uncased = (testdata / "vocabularies/bert_uncased/vocab.txt").read_bytes()
    cased = "\n".join(cased_vocabulary()).encode()
    spiece = testdata / "vocabularies/albert_30k/spiece.model"
    made = [
        bert_pair(folder(), uncased, lowercase=True),
        bert_pair(folder(), uncased, lowercase=False),
        bert_pair(folder(), cased, lowercase=False),
        bert_pair(folder(), cased, lowercase=True),
        albert_pair(folder(), spiece, lowercase=True),
        albert_pair(folder(), spiece, lowercase=False),
        spiece_pair(spiece),
    ]
    return dict(zip(BERTS + ALBERTS, made, strict=True))


@pytest.mark.parametrize("name", BERTS + ALBERTS)
def test_pieces_of_real_texts_are_those_of_the_standard(pairs, name, testdata):
    texts = real_texts(testdata)
    assert_equal(pairs[name], texts)
    assert_equal(pairs[name], list(dict.fromkeys(word for text in texts for word in text.split())))


@pytest.mark.parametrize("name", ["BERT uncased", "BERT cased", "ALBERT uncased", "SentencePiece"])
def test_pieces_of_every_code_point_are_those_of_the_standard(pairs, name):
    assert_equal(pairs[name], list(every_code_point()))


@settings(thorough, max_examples=200)
@given(texts=st.lists(TEXTS, min_size=100, max_size=100))
def test_pieces_of_20_000_made_up_texts_are_those_of_the_standard(pairs, texts):
    for name, pair in pairs.items():
        note(name)
        assert_equal(pair, texts)


@pytest.mark.parametrize("name", ALBERTS)
def test_splits_that_tie_but_for_rounding_are_those_of_sentencepiece(pairs, name):
    """Far into a text float32 sums are coarse: which of two splits wins hangs on what is before."""
    generator = random.Random(7)
    words = ["eee", "hhh", "***", "!!!", "aaaa", "-.-", "the", "dictionary", "zq", "1888"]
    texts = [" ".join(generator.choices(words, k=k)) for k in (3, 30, 300, 3000) for _ in range(9)]
    texts += ["!!!!", "next\x85line\u2028end", "ee" * 500, "*** ... ***" * 50]
    texts.append("".join(generator.choices(string.ascii_lowercase, k=100_000)))
    texts.append("zq eee " * 10_000)  # sums fall below -100,000 and begin anew
    assert_equal(pairs[name], texts)


# models of other kinds than ALBERT's

SYMBOLS = ["ab", "aba", "e\u0301", "a b", "a  b ", "▁q", " ", "漢字", "<x>", "\u0301", "ﬁ", "xe"]
MODELS = {
    "rules that fold case": ({"normalization_rule_name": "nmt_nfkc_cf"}, b""),
    "no rules": ({"normalization_rule_name": "identity"}, b""),
    "user's symbols": ({}, b"".join(piece(symbol.encode(), 0.0, 4) for symbol in SYMBOLS)),
    "pieces across spaces": ({}, piece("a▁b".encode(), -2.0) + piece("▁▁".encode(), -2.0)),
    "pieces out of use": ({}, piece(b"q", -0.5, 5) + piece(b"qa", -0.1, 5)),
}


@pytest.fixture(scope="module")
def small_models(tmp_path_factory) -> dict[str, Pair]:
    """Trained models of a few words, with further pieces behind their own."""
    made = {}
    for name, (options, further) in MODELS.items():
        path = train_spiece(tmp_path_factory.mktemp("spiece"), **options)
        path.write_bytes(path.read_bytes() + further)
        made[name] = spiece_pair(path)
    return made


@example(["a b", "aa bb", "a▁▁b", "▁▁", "xe\u0300", "e\u0300xe", "aba b", "a  b  c", "qaq", "ﬁne"])
@settings(thorough, max_examples=30)
@given(st.lists(TEXTS | st.text("abq  ▁e\u0301<x>漢字ﬁ", max_size=30), min_size=100, max_size=100))
def test_pieces_of_other_models_are_those_of_sentencepiece(small_models, texts):
    for name, pair in small_models.items():
        note(name)
        assert_equal(pair, texts)


def test_symbols_score_by_their_bytes_and_unused_pieces_not_at_all(tmp_path):
    """Which of two splits wins tells what a user's symbol scores: 0.1 for each further byte."""
    for score in (0.06, 0.05, 0.04, -0.01):
        content = piece(b"<unk>", 0.0, 2) + piece(b"[CLS]", 0.0, 3) + piece(b"[SEP]", 0.0, 3)
        content += piece("▁".encode(), -1.0) + piece(b"ab", -9.0, 4) + piece(b"abc", 5.0, 5)
        content += piece(b"a", score) + piece(b"b", score) + piece(b"c", -2.0)
        (tmp_path / "spiece.model").write_bytes(content)
        assert_equal(spiece_pair(tmp_path / "spiece.model"), ["ab", "abc", "abab", "xab", "cabxx"])
