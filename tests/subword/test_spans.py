"""Where in a text its pieces come from, by every kind of tokenizer."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import load_tokenizer
from embedpipe.subword.aligned import Aligned
from tests.support.model_folders import albert_config, bert_config

TEXTS = [
    "Antibiotics aren't pain-killers.",
    "  Two\t spaces,\n\nand  more ",
    "Naïve cafés in ÅNGSTRÖM, ΟΔΟΣ, İstanbul",
    "It cost 1,999,000, or 20, in 2019, he said",
    "``Quoted'' and ''odd``",
    "東京 한국 🙂 ﬁne ½",
    "a [MASK] b [SEP]c",
    "",
    "   ",
    "e\u0301a\u0308 \u00adx",
]


@pytest.fixture(params=["bert", "albert", "albert cased"])
def tokenizer(request, testdata, tmp_path):
    if request.param == "bert":
        shutil.copy(testdata / "vocabularies/bert_uncased/vocab.txt", tmp_path)
        raw = bert_config(2, 128)
    else:
        shutil.copy(testdata / "vocabularies/albert_30k/spiece.model", tmp_path)
        raw = albert_config(2, 128)
        if "cased" in request.param:
            settings = {"do_lower_case": False, "keep_accents": True}
            (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return load_tokenizer(tmp_path, EncoderConfig.from_huggingface(raw, source="config.json"))


def test_pieces_are_those_of_the_faster_way_and_lie_in_the_text_in_order(tokenizer):
    spans = tokenizer.text_spans(TEXTS)
    pieces = tokenizer.text_pieces(TEXTS)
    np.testing.assert_array_equal(spans.ids.values, pieces.values)
    np.testing.assert_array_equal(spans.ids.offsets, pieces.offsets)
    for index, text in enumerate(TEXTS):
        own = slice(*spans.ids.offsets[index : index + 2])
        begins, ends = spans.begins[own], spans.ends[own]
        assert (begins <= ends).all()
        assert (np.diff(begins) >= 0).all()
        assert len(begins) == 0 or (begins[0] >= 0 and ends[-1] <= len(text))
        for begin, end, piece in zip(begins, ends, tokenizer.pieces(spans.ids[index]), strict=True):
            plain = piece.lstrip("▁").removeprefix("##")
            if plain.isascii() and plain.isalnum():
                assert text[begin:end].lower().startswith(plain[:1].lower()) or not text.isascii()


@pytest.mark.parametrize("text", ["Pain  killers", "in 1,999, yes", "Café, ``naïve''"])
def test_albert_s_stretches_make_up_the_text_without_its_spaces(testdata, tmp_path, text):
    shutil.copy(testdata / "vocabularies/albert_30k/spiece.model", tmp_path)
    config = EncoderConfig.from_huggingface(albert_config(2, 128), source="config.json")
    spans = load_tokenizer(tmp_path, config).text_spans([text, "½"])
    places = list(zip(spans.begins.tolist(), spans.ends.tolist(), strict=True))
    first = spans.ids.offsets[1]
    assert "".join(text[b:e] for b, e in places[:first]) == "".join(text.split())
    assert set(places[first:]) == {(0, 1)}  # of the pieces of 1, the stroke and 2


def test_steps_keep_places():
    steps = Aligned.of("  Äß ``x'' ΑΣ İ").single_spaces().replaced("``", '"').replaced("''", '"')
    lower = steps.without_accents().lower()
    assert lower.text == 'aß "x" ας i'
    assert lower.place(3, 6) == (5, 10)
    assert lower.place(2, 3) == (5, 5)  # a lone space is a point
    assert Aligned.of("").place(0, 0) == (0, 0)
