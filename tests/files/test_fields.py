"""Rules for the fields of an object: each kind of value, and all faults in one error."""

from __future__ import annotations

from typing import Any

import pytest

from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import (
    FLAG,
    OBJECT,
    TEXT,
    Field,
    array_of,
    check_fields,
    choice,
    field_problems,
    listed,
    number_between,
    optional,
    text_matching,
    whole_number,
)


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        (whole_number(1, 9), [1, 9], [0, 10, True, 1.0, "1", None, [1]]),
        (number_between(0, 1), [0.5, 1e-12], [0, 1, True, "0.5", float("nan"), None]),
        (choice(["a", True]), ["a", True], ["b", 1, "True", None]),
        (text_matching("[a-z]{2}", "two letters"), ["en"], ["e", "eng", "EN", 7, None]),
        (array_of(TEXT, 1), [["a"]], [[], ["a", 1], "a", None]),
        (TEXT, ["", "a"], [None, 1]),
        (FLAG, [True, False], [0, 1, "true", None]),
        (OBJECT, [{}], [[], None, ""]),
        (optional(FLAG), [True, None], [0]),
    ],
)
def test_each_kind_tells_right_from_wrong(field: Field, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert not list(field_problems({"key": value}, {"key": field}))
    for value in wrong:
        (problem,) = field_problems({"key": value}, {"key": field})
        assert problem == f"key: {value!r}; expected {field.expected}"


def test_only_required_fields_must_be_there() -> None:
    fields = {"name": TEXT, "size": optional(whole_number(1, 9))}
    assert list(field_problems({}, fields)) == ["name: missing; expected a string"]


def test_unknown_fields_are_named_where_none_are_expected() -> None:
    assert list(field_problems({"b": 1, "a": 2}, {}, others=False, where="x.")) == [
        "x.a: not known; expected ",
        "x.b: not known; expected ",
    ]
    assert not list(field_problems({"b": 1}, {}))


def test_an_object_is_returned_or_all_its_faults_are_listed() -> None:
    fields = {"name": TEXT, "lower": FLAG}
    right = {"name": "a", "lower": True, "other": 1}
    assert check_fields(right, fields, "file", remedy="Correct it") == right
    with pytest.raises(ModelFormatError, match=r"^file: lower: 1; expected true or false\. Corr"):
        check_fields({"name": "a", "lower": 1}, fields, "file", remedy="Correct it")
    with pytest.raises(ModelFormatError) as caught:
        check_fields({"name": 7}, fields, "file", remedy="Correct it")
    assert "\n  - name: 7; expected a string\n  - lower: missing" in str(caught.value)
    assert str(caught.value).endswith("\nCorrect it")
    with pytest.raises(ModelFormatError, match=r"found \[1\]; expected an object"):
        check_fields([1], fields, "file", remedy="Correct it")


def test_long_values_and_lists_are_cut() -> None:
    (problem,) = field_problems({"key": "x" * 10_000}, {"key": FLAG})
    assert len(problem) < 200
    assert listed(map(str, range(1000))).count("\n") == 21
