"""Parameters: Spark ML's habits, and one way to refuse a value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.errors import ParameterError
from embedpipe.params import HasParams, Param, boolean, choice, integer, string, strings
from embedpipe.stages import (
    BertEmbeddings,
    SentenceDetector,
    Tokenizer,
)


class Cutter(HasParams):
    """A stage in miniature."""

    uid_prefix = "CUTTER"

    least = Param("shortest text", integer(minimum=0), default=0)
    setLeast, getLeast = least.accessors()
    most = Param("longest text", integer(minimum=0, maximum=99), default=9)
    setMost, getMost = most.accessors()
    marks = Param("marks to cut at", strings, default=["."])
    setMarks, getMarks = marks.accessors()
    name = Param("a name", string)
    setName, getName = name.accessors()

    def _check_together(self):
        self._check_order("least", "most")


def test_uids_differ():
    assert Cutter().uid != Cutter().uid


def test_setters_return_the_stage_and_keywords_do_the_same():
    cutter = Cutter()
    assert cutter.setMost(20).setLeast(10) is cutter
    keyword = Cutter(most=20, least=10)
    assert (
        (keyword.getMost(), keyword.getLeast()) == (cutter.getMost(), cutter.getLeast()) == (20, 10)
    )


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        (boolean, [(True, True), (np.bool_(False), False)]),
        (integer(minimum=-1), [(-1, -1), (3.0, 3), (np.int8(5), 5)]),
        (string, [("", "")]),
        (strings, [([], []), (("a", "b"), ["a", "b"]), (iter("ab"), ["a", "b"])]),
        (choice("none", "Append"), [("NONE ", "none"), ("append", "Append")]),
    ],
)
def test_kinds_keep_what_is_allowed(kind, accepted):
    for given_value, kept in accepted:
        value = kind.convert(given_value)
        assert value == kept
        assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        (boolean, [0, 1, None, "true"]),
        (integer(minimum=0, maximum=9), [-1, 10, 2.5, "3", None, True, float("nan"), float("inf")]),
        (string, [None, b"a", 1]),
        (strings, ["abc", None, [1], 5]),
        (choice("none", "append"), ["", "prepend", None, 0]),
    ],
)
def test_kinds_refuse_the_rest(kind, refused):
    for value in refused:
        with pytest.raises((ValueError, TypeError)):
            kind.convert(value)


@given(st.integers())
def test_integers_are_kept_exactly_within_bounds(number):
    kind = integer(minimum=-5, maximum=5)
    if -5 <= number <= 5:
        assert kind.convert(number) == number
    else:
        with pytest.raises(ValueError):
            kind.convert(number)


def test_a_bad_value_names_stage_parameter_value_and_what_is_allowed():
    cutter = Cutter()
    with pytest.raises(ParameterError) as caught:
        cutter.setMost(100)
    message = str(caught.value)
    assert message == f"Cutter {cutter.uid}: most must be an integer from 0 to 99, got 100"
    assert not cutter.isSet("most")


@pytest.mark.parametrize(
    ("change", "parameter", "allowed"),
    [
        (lambda: BertEmbeddings().setMaxSentenceLength(1.5), "maxSentenceLength", "an integer"),
        (lambda: BertEmbeddings().setBatchSize(0), "batchSize", "at least 1"),
        (lambda: BertEmbeddings(caseSensitive="yes"), "caseSensitive", "True or False"),
        (
            lambda: BertEmbeddings().setInputCols("sentence"),
            "inputCols",
            "2 different column names",
        ),
        (
            lambda: BertEmbeddings().setInputCols(["a", "a"]),
            "inputCols",
            "2 different column names",
        ),
        (lambda: BertEmbeddings().setInputCols(), "inputCols", "2 different column names"),
        (lambda: BertEmbeddings().setInputCols(5), "inputCols", "a list of strings"),
        (lambda: SentenceDetector().setCustomBoundsStrategy("drop"), "Strategy", "none, prepend"),
        (lambda: SentenceDetector().setCustomBounds(["("]), "customBounds", ""),
        (lambda: SentenceDetector().setSplitLength(0), "splitLength", "at least 1"),
        (lambda: Tokenizer().setSplitChars(["ab"]), "splitChars", "single characters"),
        (lambda: Tokenizer().setPrefixPattern("("), "prefixPattern", ""),
        (lambda: Tokenizer().setMaxLength(-1), "maxLength", "at least 0"),
    ],
)
def test_stages_refuse_bad_values_at_once(change, parameter, allowed):
    with pytest.raises(ParameterError) as caught:
        change()
    assert parameter in str(caught.value)
    assert allowed in str(caught.value)


def test_input_columns_are_arguments_or_one_list():
    as_arguments = BertEmbeddings().setInputCols("sentence", "token")
    as_list = BertEmbeddings().setInputCols(["sentence", "token"])
    as_keyword = BertEmbeddings(inputCols=("sentence", "token"))
    for stage in (as_arguments, as_list, as_keyword):
        assert stage.getInputCols() == ["sentence", "token"]


def test_an_unknown_parameter_suggests_the_nearest():
    with pytest.raises(
        ParameterError, match=r"no parameter 'maxSentenceLenght'; did you mean maxSentenceLength\?"
    ):
        BertEmbeddings(maxSentenceLenght=3)
    with pytest.raises(ParameterError, match="it has least, marks, most, name"):
        Cutter().getOrDefault("zzz")


def test_several_parameters_are_set_together_or_not_at_all():
    cutter = Cutter()
    with pytest.raises(ParameterError, match="least must be"):
        cutter.setParams(most=50, least="x")
    assert not cutter.isSet("most")
    assert cutter.setParams(most=50, least=40).getLeast() == 40


def test_contradictions_are_refused_and_change_nothing():
    cutter = Cutter(most=5)
    with pytest.raises(ParameterError, match="least is 6 and most is 5"):
        cutter.setLeast(6)
    assert cutter.getLeast() == 0


def test_what_is_neither_set_nor_default_says_which_setter_to_call():
    with pytest.raises(ParameterError, match="name is not set and has no default; call setName"):
        Cutter().getName()


def test_set_default_defined_and_cleared_are_told_apart():
    cutter = Cutter(name="a")
    assert cutter.isSet("name")
    assert cutter.isDefined(cutter.name)
    assert not cutter.hasDefault("name")
    assert cutter.hasDefault("most")
    assert not cutter.isSet(Cutter.most)
    assert not cutter.clear("name").isDefined("name")
    assert cutter.hasParam("most")
    assert not cutter.hasParam("setMost")
    assert [param.name for param in cutter.params] == ["least", "marks", "most", "name"]


def test_parameters_are_read_by_object_and_by_name():
    cutter = Cutter(most=3)
    assert cutter.getOrDefault(cutter.most) == cutter.getOrDefault("most") == 3
    assert cutter.extractParamMap({"least": 2}) == {
        Cutter.least: 2, Cutter.marks: ["."], Cutter.most: 3,
    }  # fmt: skip


def test_a_copy_keeps_the_uid_and_has_values_of_its_own():
    cutter = Cutter(most=3)
    copy = cutter.copy({Cutter.least: 1, "name": "b"})
    assert copy.uid == cutter.uid
    assert (copy.getMost(), copy.getLeast(), copy.getName()) == (3, 1, "b")
    copy.setMost(7)
    assert (cutter.getMost(), cutter.getLeast(), cutter.isSet("name")) == (3, 0, False)
    with pytest.raises(ParameterError):
        cutter.copy({"most": -1})


def test_lists_are_not_shared():
    first, second = Cutter(), Cutter()
    first.getMarks().append("!")
    assert first.getMarks() == second.getMarks() == ["."]
    mine = ["a"]
    first.setMarks(mine)
    mine.append("b")
    assert first.getMarks() == ["a"]


def test_parameters_explain_themselves():
    lines = Cutter(most=3).explainParams().split("\n")
    assert lines == [
        "least: shortest text (default: 0)",
        "marks: marks to cut at (default: ['.'])",
        "most: longest text (default: 9, current: 3)",
        "name: a name (undefined)",
    ]


def test_a_long_value_is_shown_with_an_ellipsis():
    marks = ["abc"] * 100
    assert repr(Cutter(marks=marks)) == f"Cutter(marks={repr(marks)[:199]}…)"
