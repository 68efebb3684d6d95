"""The clean-up modes, and offsets in code points and UTF-16 units."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import embedpipe.text
from embedpipe.errors import ParameterError
from embedpipe.text.cleanup import CLEANUP_MODES, clean
from embedpipe.text.offsets import (
    Utf16Offsets,
    to_code_points,
    to_utf16,
    utf16_length,
    utf16_offsets,
)

# With white space of all kinds around and inside, written line ends, and NBSP, which is none.
TEXT = " \x01a\t\tb \n c\r\nd\\n\\r\\ne\\t\\tf\\r\\r g\u00a0h \n"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("disabled", TEXT),
        ("inplace", " \x01a  b   c  d\\n\\r\\ne\\t\\tf\\r\\r g\u00a0h  "),
        ("inplace_full", " \x01a  b   c  d  e  f\\r\\r g\u00a0h  "),
        ("shrink", "a b c d\\n\\r\\ne\\t\\tf\\r\\r g\u00a0h"),
        ("shrink_full", "a b c d  e f\\r\\r g\u00a0h"),
        ("each", " \x01a b  c d\\n\\r\\ne\\t\\tf\\r\\r g\u00a0h "),
        ("each_full", " \x01a b  c d\\n\\r\\ne\\t\\tf\\r\\r g\u00a0h "),
        ("delete_full", "a\t\tb \n c\r\ndef\\r\\r g\u00a0h"),
    ],
)
def test_each_mode(mode: str, expected: str) -> None:
    assert clean(TEXT, mode) == expected


def test_each_full_counts_written_line_ends_behind_white_space() -> None:
    assert clean("a \\n b \\r\\n c\t\\t", "each_full") == "a  b  c "


def test_all_modes_are_tested() -> None:
    marks = test_each_mode.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(CLEANUP_MODES)


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ParameterError, match="'full'; allowed are disabled, inplace"):
        clean("", "full")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)), st.sampled_from(CLEANUP_MODES))
def test_cleaning_never_adds_anything_but_spaces(text: str, mode: str) -> None:
    cleaned = clean(text, mode)
    assert len(cleaned) <= len(text)
    assert set(cleaned) <= set(text) | {" "}


@pytest.mark.parametrize("unit", ["\\r", "\\n", "\\t", "\\", " ", "\n", "a", " \\r"])
def test_long_runs_end(unit: str) -> None:
    # Quadratic time would take hours here.
    for mode in CLEANUP_MODES:
        assert len(clean(unit * 100_000, mode)) <= 100_000 * len(unit)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@settings(deadline=None)
@example("\ud800😀\uffff\ue000")
@given(st.text(alphabet=st.characters(codec=None)))
def test_offsets_agree_with_the_encoding(text: str) -> None:
    boundaries = list(range(len(text) + 1))
    expected = [_units(text[:at]) for at in boundaries]
    assert to_utf16(text, boundaries).tolist() == expected
    assert to_code_points(text, expected).tolist() == boundaries
    assert utf16_length(text) == expected[-1]
    single = Utf16Offsets(text)
    assert [single.to_units(at) for at in boundaries] == expected
    assert [single.to_code_point(units) for units in expected] == boundaries


def test_a_table_is_made_only_where_the_counts_differ() -> None:
    assert utf16_offsets("aé字\ud800") is None
    table = utf16_offsets("a😀")
    assert table is not None
    assert table.tolist() == [0, 1, 3]


def test_an_offset_inside_a_pair_is_where_the_pair_begins() -> None:
    assert to_code_points("a😀b", [2, 3]).tolist() == [1, 2]


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(embedpipe.text.__path__)])
def test_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"embedpipe.text.{name}")
    assert doctest.testmod(module).failed == 0
