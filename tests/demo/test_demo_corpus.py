"""The demonstration's corpus: clean sentences, and made by the script that is said to make it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from embedpipe_bench.corpus import TEXT

DEMO = Path(__file__).resolve().parent.parent.parent / "demo"

SAMPLE = """\
                              PREFACE

_The Dictionary_ was begun in a weekly paper.  It ends here.
                                                                  A.B.

BARD, n.  A singer.  Like Dr.
Gak, he sings well-
nigh all day.  "Why?" asked the king.

    This is verse, which goes
    And rhymes as everyone knows.
                                                                  G.J.

NEGRO, n.  Left out with all that follows.

    Even this, which is prose by its second
line, is left out.

BORE or BOORE, v.t.  [Latin]  To talk (See {BARD}.) without an
end.  He is _never_ done!
    A story begins here, and goes on
in the next line.  Gone.
    Who is that?

ABRACADABRA.

    By it we signify
"""


@pytest.fixture(scope="module")
def prepare_corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare_corpus", DEMO / "prepare_corpus.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return TEXT.read_text(encoding="ascii").split("\n")[:-1]


def test_prose_becomes_sentences_with_headwords(prepare_corpus: ModuleType) -> None:
    assert list(prepare_corpus.corpus(SAMPLE)) == [
        "BARD, n. A singer.",
        "Like Dr. Gak, he sings well-nigh all day.",
        '"Why?" asked the king.',
        "BORE or BOORE, v.t. To talk without an end.",
        "He is never done!",
        "A story begins here, and goes on in the next line.",
    ]


def test_there_are_enough_sentences_and_none_twice(sentences: list[str]) -> None:
    assert len(sentences) >= 500
    assert len(set(sentences)) == len(sentences)
    assert f"has {len(sentences):,} lines" in (DEMO / "README.md").read_text(encoding="utf-8")


def test_every_line_is_one_clean_sentence(sentences: list[str]) -> None:
    for sentence in sentences:
        assert re.fullmatch(r"[\"']*[A-Z].*[.!?][\"')]*", sentence), sentence
        assert not re.search(r"  |[_{}\[\]<>=*#@\\]", sentence), sentence
        assert sentence.count('"') % 2 == 0, sentence
        assert 4 <= len(sentence.split()) <= 60, sentence


def test_left_out_entries_are_not_there(prepare_corpus: ModuleType, sentences: list[str]) -> None:
    heads = {sentence.partition(",")[0] for sentence in sentences}
    assert {"BORE", "EGOTIST", "PHYSICIAN"} <= heads
    assert not heads & prepare_corpus.OMITTED
