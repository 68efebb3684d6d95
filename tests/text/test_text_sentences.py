"""Sentence boundaries: what the rules say, what holds for every text, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.errors import ParameterError
from embedpipe.text.offsets import utf16_length
from embedpipe.text.recorded import recorded_sentences
from embedpipe.text.sentence_columns import split_all
from embedpipe.text.sentences import SentenceRules, split_sentences

# Pieces that the rules look for, beside arbitrary characters of all planes.
SPELLED = (
    "a A I 1 12 Dr dr no e.g egg p.m. A.M. Co KG . . .. ... ; ! ? ?! ' 's \" ( ) [ ] - ° : , $ | "
    "(a) a) -1. é e\u0301 ² _ 字 😀 \ud800 \x00 \x1f \ufdd0 \ufdd2 \uf050 \uf057 ╞ \u2028 \u00a0"
)
PIECES = st.sampled_from(SPELLED.split(" "))
TEXTS = st.lists(
    st.one_of(PIECES, st.just(" "), st.just("\n"), st.characters(codec=None)), max_size=25
).map("".join)
RULES = st.builds(
    SentenceRules,
    use_abbreviations=st.booleans(),
    detect_lists=st.booleans(),
    use_custom_bounds_only=st.booleans(),
    custom_bounds=st.sampled_from([(), (), ("\n",), (",", "; "), (r"\s", "a"), ("x*",), (".",)]),
    custom_bounds_strategy=st.sampled_from(["none", "prepend", "append"]),
    split_length=st.sampled_from([None, None, 1, 5]),
    min_length=st.sampled_from([0, 0, 2]),
    max_length=st.sampled_from([99999, 6]),
)


def _sentences(text: str, **options: object) -> list[str]:
    return [s.text for s in split_sentences(text, SentenceRules(**options))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here. Two there.", ["One here.", "Two there."]),
        ("No stop at all", ["No stop at all"]),
        ("First; second", ["First;", "second"]),
        ("Glued.together stays.", ["Glued.together stays."]),
        ("Really?! Yes! ok", ["Really?!", "Yes!", "ok"]),
        ("Cost!$5 more", ["Cost!", "$5 more"]),
        ("A lone ! stays", ["A lone ! stays"]),
        ("Two !! end", ["Two !!", "end"]),
        ("Pi is 3.14 or .5 or v1.x now.", ["Pi is 3.14 or .5 or v1.x now."]),
        ("See 12. Next one.", ["See", "12. Next one."]),
        ("1. First 2. Second", ["1. First", "2. Second"]),
        ("It has (a) one and (b) two.", ["It has", "(a) one and", "(b) two."]),
        ("a) one (bc) two", ["a) one", "(bc) two"]),
        ("Dr. Lee saw Mt. Fuji.", ["Dr. Lee saw Mt. Fuji."]),
        ("He met DR. Lee.", ["He met DR. Lee."]),
        ("At Acme Inc. they work.", ["At Acme Inc. they work."]),
        ("At Acme Inc. They work.", ["At Acme Inc.", "They work."]),
        ("See no. 5 and p. (7).", ["See no. 5 and p. (7)."]),
        ("An egg. then", ["An egg. then"]),
        ("J. Doe and K. Roe.", ["J. Doe and K. Roe."]),
        ("Müller & Co. KG ging.", ["Müller & Co. KG ging."]),
        ("The U.S.'s law.", ["The U.S.'s law."]),
        ("At 5 p.m. she left.", ["At 5 p.m. she left."]),
        ("At 5 p.m. Then.", ["At 5 p.m.", "Then."]),
        ("Position N°. 1026 here.", ["Position N°. 1026 here."]),
        ("Well... Then.", ["Well...", "Then."]),
        ("Well... then.", ["Well.", ".", ".", "then."]),
        ('He said "Go. Now." Fine.', ['He said "Go. Now." Fine.']),
        ('He said "No! Go." Fine.', ['He said "No!', "Go.", '" Fine.']),
        ("It [see. there] is (so. it. is).", ["It [see. there] is (so. it. is)."]),
        ("He 'went. off' then.", ["He 'went. off' then."]),
        ("He 'went'. Then.", ["He 'went'. Then."]),
        ("He 'went', off. Then.", ["He 'went', off.", "Then."]),
        ("Etc.-x. Or etc.-x.", ["Etc.", "-x.", "Or etc.-x."]),
        ("终于。是吗?", ["终于。是吗?"]),
        (" \n\t ", []),
        ("", []),
        ("\x00\x1f a. \x07", ["a."]),
        ("\u00a0", ["\u00a0"]),
    ],
)
def test_default_rules(text: str, expected: list[str]) -> None:
    assert _sentences(text) == expected


def test_abbreviations_can_be_switched_off() -> None:
    assert _sentences("Dr. Lee left.", use_abbreviations=False) == ["Dr.", "Lee left."]


def test_lists_can_be_switched_off() -> None:
    assert _sentences("It has (a) one.", detect_lists=False) == ["It has (a) one."]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", ["a", "b c", "d."]),
        ("prepend", ["a", "| b c", "| d."]),
        ("append", ["a |", "b c |", "d."]),
    ],
)
def test_custom_bounds(strategy: str, expected: list[str]) -> None:
    bounds = {"custom_bounds": (r"\|",), "custom_bounds_strategy": strategy}
    assert _sentences("a | b c | d.", **bounds) == expected


def test_custom_bounds_alone() -> None:
    only = {"custom_bounds": (",",), "use_custom_bounds_only": True}
    assert _sentences("a. b, c; d", **only) == ["a. b", "c; d"]
    assert _sentences("a. b", use_custom_bounds_only=True) == ["a.", "b"]


def test_later_bounds_see_what_earlier_ones_left() -> None:
    # The second bound takes in the first one's place: one cut, true offsets.
    found = split_sentences("a , ; b", SentenceRules(custom_bounds=(",", r"\W+")))
    assert found == [("a", 0, 1), ("b", 6, 7)]


def test_a_protected_bound_stays_in_its_sentence() -> None:
    text = "He said 'go', then left."
    assert _sentences(text, custom_bounds=(",",)) == [text]
    recorded = recorded_sentences(text, SentenceRules(custom_bounds=(",",)))
    assert recorded == [("He said 'go' then left.", -1, 22)]


def test_numbers_are_judged_after_abbreviations_beside_custom_bounds() -> None:
    # The second stop belongs to the number; only then does the first one lose its own second stop.
    assert _sentences("the etc..5 more") == ["the etc.", ".5 more"]
    assert _sentences("the etc..5 more", custom_bounds=("#",)) == ["the etc..5 more"]


def test_long_sentences_are_cut_at_spaces() -> None:
    text, rules = "Antibiotics  do help me.", SentenceRules(split_length=8)
    parts = [("Antibiotics", 0, 11), (" do help", 12, 20), ("me.", 21, 24)]
    assert split_sentences(text, rules) == parts
    # Spark NLP counts a space behind the nothing that comes before the long word.
    recorded = [(part, begin + 1, end + 1) for part, begin, end in parts]
    assert recorded_sentences(text, rules) == recorded


def test_characters_used_as_marks_are_nothing_special() -> None:
    text = "a\ufdd0 (b) c\ufdd1! d\ufdd2. e\ufdd3f.\ufdd4"
    expected = ["a\ufdd0", "(b) c\ufdd1!", "d\ufdd2.", "e\ufdd3f.", "\ufdd4"]
    assert _sentences(text) == expected
    assert "".join(_sentences("a╔. b\uf050c")) == "a╔.b\uf050c"


def test_lengths_count_utf16_units() -> None:
    assert _sentences("😀😀. abc.", max_length=4) == ["abc."]
    assert _sentences("😀😀. abc.", min_length=5) == ["😀😀."]
    assert _sentences("😀 b", split_length=2) == ["😀", "b"]


@settings(max_examples=400, deadline=None)
@given(TEXTS, RULES)
def test_sentences_are_ordered_slices_of_the_text(text: str, rules: SentenceRules) -> None:
    end = 0
    for sentence in split_sentences(text, rules):
        assert end <= sentence.begin < sentence.end <= len(text)
        assert text[sentence.begin : sentence.end] == sentence.text
        assert rules.min_length <= utf16_length(sentence.text) <= rules.max_length
        end = sentence.end


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, max_size=6), RULES | st.just(SentenceRules()))
def test_columns_equal_one_by_one(texts: list[str], rules: SentenceRules) -> None:
    columns = split_all(texts, rules)
    expected = [split_sentences(text, rules) for text in texts]
    assert columns.counts.tolist() == [len(sentences) for sentences in expected]
    assert columns.begins.tolist() == [s.begin for sentences in expected for s in sentences]
    assert columns.ends.tolist() == [s.end for sentences in expected for s in sentences]
    assert {array.dtype for array in columns} == {np.dtype("int64")}


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_nothing_but_white_space_and_controls_lies_between_sentences(text: str) -> None:
    rest, done = "", 0
    for sentence in split_sentences(text):
        rest += text[done : sentence.begin]
        done = sentence.end
        assert sentence.text[0] > " "
        assert sentence.text[-1] > " "
    assert all(character <= " " for character in rest + text[done:])


@settings(max_examples=300, deadline=None)
@given(TEXTS, RULES)
def test_recorded_sentences_never_fail(text: str, rules: SentenceRules) -> None:
    for sentence in recorded_sentences(text, rules):
        assert sentence.end - sentence.begin == utf16_length(sentence.text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_recorded_equals_true_without_marks_in_the_text(text: str) -> None:
    text = "".join(c for c in text if c not in "╞╟╔╤╥╦" and not "\uf050" <= c <= "\uf057")
    text = text.encode("utf-16", "replace").decode("utf-16")
    in_units = [
        (s.text, utf16_length(text[: s.begin]), utf16_length(text[: s.end]))
        for s in split_sentences(text)
    ]
    if not any("\ufdd0" <= c <= "\ufdd5" for c in text):
        assert recorded_sentences(text) == in_units


LONG_LINE_UNITS = (
    *(
        ".",
        "..x",
        "!",
        "?a",
        "'",
        "'a ",
        " 'a",
        '"',
        '"a',
        "(",
        "(a",
        "(a)",
        "[",
        ";",
        "... ",
        "1.",
    ),
    *(
        "a.",
        "A. ",
        "no.  ",
        "p.m",
        "-1.) ",
        "°.",
        "é.b",
        "e\u0301.",
        "\ud800",
        "😀",
        "\n",
        "a",
        "\0",
    ),
)


@pytest.mark.parametrize("unit", LONG_LINE_UNITS)
def test_long_lines_of_one_kind_end(unit: str) -> None:
    # Quadratic time would take hours here.
    line = unit * (200_000 // len(unit))
    for text in (line, line + "a", "a " + line):
        assert sum(len(s.text) for s in split_sentences(text)) <= len(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"custom_bounds": ("[",)}, "custom_bounds is '['"),
        ({"custom_bounds": (r"\p{IsLatin}",)}, "IsLatin"),
        ({"custom_bounds_strategy": "middle"}, "'middle'; allowed are none, prepend, append"),
        ({"min_length": -1}, "min_length is -1"),
        ({"min_length": 3, "max_length": 2}, "max_length is 2 but min_length is 3"),
        ({"max_length": -1}, "max_length is -1"),
        ({"split_length": 0}, "split_length is 0"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SentenceRules(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)
