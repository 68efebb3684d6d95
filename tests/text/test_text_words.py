"""Words: what the rules say, what holds for every text, what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.errors import ParameterError
from embedpipe.text.java.regex import compile_java
from embedpipe.text.offsets import utf16_length
from embedpipe.text.recorded import RecordedWords
from embedpipe.text.word_columns import split_words
from embedpipe.text.words import (
    DEFAULT_CONTEXT_CHARS,
    WordRules,
    WordSplitter,
    split_like_java,
)

SPELLED = (
    "a|New York|can't|p.m.|state-of-the-art|.|..|,|\"|'|(|)|-|--|$5|1/2|_|é|e\u0301|字|😀|\ud800|"
    "\0|\ufdd0|\u2188|\u2187|\u2028"
)
PIECES = st.sampled_from(SPELLED.split("|"))
TEXTS = st.lists(
    st.one_of(PIECES, st.just(" "), st.just("\n"), st.characters(codec=None)), max_size=20
).map("".join)
OPTIONS: list[dict[str, object]] = [
    {},
    {"min_length": 2, "max_length": 4},
    {"max_length": 0},
    {"context_chars": ()},
    {"context_chars": ("a", "é", "字")},
    {"target_pattern": r"\w+"},
    {"target_pattern": r"\p{L}+|\d+"},
    {"target_pattern": "."},
    {"target_pattern": r"[^\s,]+", "split_chars": ("-", ".", "'")},
    {"split_chars": (r"\.", "-", "(")},
    {"split_pattern": r"\d+|(?=e)"},
    {"split_pattern": ""},
    {"exceptions": ("New York", "p\\.m\\.", "a b", "")},
    {"exceptions": ("CAN'T", "the art"), "case_sensitive_exceptions": False, "split_chars": ("-",)},
    {"infix_patterns": (r"(\w+)(-)(\w+)", r"([\s\S]+)")},
    {"prefix_pattern": r"\A([$(]?)"},
    {"suffix_pattern": r"([.,]?)\z"},
]
SPLITTERS = [WordSplitter(WordRules(**options)) for options in OPTIONS]  # type: ignore[arg-type]


def _words(text: str, **options: object) -> list[str]:
    return [w.text for w in WordSplitter(WordRules(**options)).split(text)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can't, won't.", ["I", "can't", ",", "won't", "."]),
        ('"Well," he said...', ['"', "Well", ',"', "he", "said", "..."]),
        ("state-of-the-art (a.b)", ["state-of-the-art", "(", "a.b", ")"]),
        ("-- ... !", ["--", "...", "!"]),
        ("a\u00a0b “c”", ["a\u00a0b", "“c”"]),
        ("$5.00, 50%", ["$5.00", ",", "50%"]),
        (" \t\x0b\f\r\n", []),
        ("", []),
        ("😀 a😀.", ["😀", "a😀", "."]),
    ],
)
def test_default_rules(text: str, expected: list[str]) -> None:
    assert _words(text) == expected


def test_words_lie_where_they_say() -> None:
    assert WordSplitter().split("(x) y") == [("(", 0, 1), ("x", 1, 2), (")", 2, 3), ("y", 4, 5)]


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"target_pattern": r"\w+"}, "a-b c", ["a", "b", "c"]),
        ({"target_pattern": r"\p{L}+"}, "aé1b", ["aé", "b"]),
        ({"target_pattern": "a-c"}, "abcd-", ["abc"]),
        ({"context_chars": ("x",)}, "xax. xx", ["x", "ax.", "xx"]),
        ({"context_chars": ()}, "(a).", ["(a)."]),
        ({"exceptions": ("New York",)}, "in New York, now", ["in", "New York,", "now"]),
        ({"exceptions": ("new york",)}, "in New York", ["in", "New", "York"]),
        (
            {"exceptions": ("new york",), "case_sensitive_exceptions": False},
            "in New York",
            ["in", "New York"],
        ),
        ({"exceptions": (r"x\.",)}, "x. xx. a", ["x.", "xx", ".", "a"]),
        ({"split_chars": ("-",)}, "a-b-", ["a", "b"]),
        ({"split_chars": (".",)}, "3.14 a", ["3", "14", "a"]),
        ({"split_chars": (r"\.", "/")}, "1.2/3", ["1", "2", "3"]),
        ({"split_pattern": r"\d+"}, "a1b22c 1", ["a", "b", "c", "1"]),
        ({"split_pattern": "(?=[A-Z])"}, "oneTwo", ["one", "Two"]),
        ({"split_pattern": "/", "split_chars": ("-",)}, "a/b-c d-e", ["a", "b-c", "d", "e"]),
        ({"infix_patterns": (r"(\p{L}+)(n't)",)}, "don't do", ["do", "n't", "do"]),
        ({"infix_patterns": (r"(a)(x)?(b)",)}, "ab", ["a", "b"]),
        ({"prefix_pattern": r"\A([$]?)"}, "$5 (a", ["$", "5", "(a"]),
        ({"suffix_pattern": r"([.]?)\z"}, "a. b,", ["a", ".", "b,"]),
        ({"min_length": 2}, "a bb ccc", ["bb", "ccc"]),
        ({"max_length": 2}, "a bb ccc", ["a", "bb"]),
        ({"min_length": 2, "max_length": 2}, "😀 a bb", ["😀", "bb"]),
    ],
)
def test_options(options: dict[str, object], text: str, expected: list[str]) -> None:
    assert _words(text, **options) == expected


def test_split_words_keep_their_places() -> None:
    splitter = WordSplitter(WordRules(split_pattern=r"\d+"))
    assert splitter.split("a123b45.") == [("a", 0, 1), ("b", 4, 5), (".", 7, 8)]
    recorded = RecordedWords(splitter).split("a123b45.")
    assert recorded == [("a", 0, 1), ("b", 4, 5), (".", 5, 6)]


def test_recorded_split_characters_are_patterns() -> None:
    splitter = WordSplitter(WordRules(split_chars=(".",)))
    assert [w.text for w in RecordedWords(splitter).split("3.14 a")] == ["a"]
    # What is no pattern stands for itself.
    splitter = WordSplitter(WordRules(split_chars=("(",)))
    assert [w.text for w in RecordedWords(splitter).split("a(b")] == ["a", "b"]


def test_recorded_exceptions_behind_astral_separators_are_cut_out_shifted() -> None:
    splitter = WordSplitter(WordRules(target_pattern=r"\w+", exceptions=("b c",)))
    assert splitter.split("😀 b c d") == [("b c", 2, 5), ("d", 6, 7)]
    assert RecordedWords(splitter).split("😀 b c d") == [(" b ", 2, 5), ("d", 6, 7)]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(SPLITTERS))
def test_words_are_ordered_slices_of_the_text(text: str, splitter: WordSplitter) -> None:
    end = 0
    for word in splitter.split(text):
        assert end <= word.begin < word.end <= len(text)
        assert text[word.begin : word.end] == word.text
        assert splitter.rules.min_length <= utf16_length(word.text) <= splitter.rules.max_length
        end = word.end


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_default_words_are_all_but_ascii_white_space(text: str) -> None:
    words = WordSplitter().split(text)
    assert "".join(w.text for w in words) == re.sub(r"\s", "", text, flags=re.ASCII)
    context = "".join(DEFAULT_CONTEXT_CHARS)
    for candidate in re.findall(r"\S+", text, re.ASCII):
        core = candidate.strip(context)
        expected = candidate.partition(core) if core else (candidate,)
        assert [w for w in expected if w] == _words(candidate)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(SPLITTERS))
def test_recorded_words_never_fail(text: str, splitter: WordSplitter) -> None:
    for word in RecordedWords(splitter).split(text):
        assert word.end - word.begin == utf16_length(word.text)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=6), st.sampled_from(SPLITTERS))
def test_columns_equal_one_by_one(texts: list[str], splitter: WordSplitter) -> None:
    columns = split_words(splitter, texts)
    expected = [splitter.split(text) for text in texts]
    assert columns.counts.tolist() == [len(words) for words in expected]
    assert columns.begins.tolist() == [w.begin for words in expected for w in words]
    assert columns.ends.tolist() == [w.end for words in expected for w in words]
    assert {a.dtype for a in (columns.counts, columns.begins, columns.ends)} == {np.dtype("int64")}


@pytest.mark.parametrize(
    "unit", ["a", ".", "a.", "a ", " ", "-a", "😀", "\ud800", "é", ". ", "\x00"]
)
@pytest.mark.parametrize("options", OPTIONS[:10:3])
def test_long_lines_of_one_kind_end(unit: str, options: dict[str, object]) -> None:
    # Quadratic time would take hours here.
    line = unit * (200_000 // len(unit))
    for text in (line, line + "a", "." + line):
        assert sum(len(word) for word in _words(text, **options)) <= len(text)


def test_splitting_is_that_of_java() -> None:
    # String.split in Java: "ab".split(""), ",a,,b,,".split(","), ",".split(","), "a".split(",").
    assert split_like_java(compile_java(""), "xab", 1, 3) == [(1, 2), (2, 3)]
    assert split_like_java(compile_java(","), ",a,,b,,", 0, 7) == [(0, 0), (1, 2), (3, 3), (4, 5)]
    assert split_like_java(compile_java(","), ",", 0, 1) == []
    assert split_like_java(compile_java(","), "a", 0, 1) == [(0, 1)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_pattern": "["}, "target_pattern is '['"),
        ({"target_pattern": "a]b"}, "target_pattern is 'a]b'"),
        ({"target_pattern": r"\p{IsLatin}"}, "IsLatin"),
        ({"prefix_pattern": "(x)"}, r"it must begin with \A"),
        ({"prefix_pattern": r"\A(x"}, "prefix_pattern is"),
        ({"suffix_pattern": "(x)"}, r"it must end with \z"),
        ({"suffix_pattern": r"(x]{\z"}, "suffix_pattern is"),
        ({"infix_patterns": ("x",)}, "infix_patterns holds 'x'"),
        ({"infix_patterns": (r"(?:x)\(\)",)}, "infix_patterns holds"),
        ({"infix_patterns": ("(x",)}, "infix_patterns is '(x'"),
        ({"exceptions": ("a(",)}, "exceptions is 'a('"),
        ({"context_chars": ("ab",)}, "context_chars holds 'ab'"),
        ({"context_chars": ("😀",)}, "context_chars holds"),
        ({"split_chars": ("",)}, "split_chars holds ''"),
        ({"split_chars": ("ab",)}, "split_chars holds 'ab'"),
        ({"split_chars": (r"\y",)}, "split_chars is"),
        ({"split_pattern": "("}, "split_pattern is '('"),
        ({"min_length": -1}, "min_length is -1"),
        ({"min_length": 2, "max_length": 1}, "max_length is 1 but min_length is 2"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        WordRules(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)
