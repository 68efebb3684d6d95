"""Validation of JSON objects by rules; one error lists every problem.

The JSON itself is parsed in `strict_json`; which fields there are stands beside each reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from embedpipe.errors import ModelFormatError

__all__ = [
    "FLAG",
    "OBJECT",
    "TEXT",
    "Field",
    "array_of",
    "check_fields",
    "choice",
    "field_problems",
    "listed",
    "number_between",
    "optional",
    "text_matching",
    "whole_number",
]

_MOST_LISTED = 20
_LONGEST = 80  # characters of a value that an error shows


class Field(NamedTuple):
    """What a field may hold, in words and as a test. null: whether it may be null."""

    expected: str
    holds: Callable[[Any], bool]
    required: bool = True
    null: bool = False


def optional(field: Field) -> Field:
    """The same field where it may be absent or null."""
    return field._replace(required=False, null=True)


def whole_number(least: int, most: int) -> Field:
    """An integer; `true` and `1.0` are refused."""
    return Field(
        f"an integer from {least} to {most}",
        lambda value: type(value) is int and least <= value <= most,
    )


def number_between(low: float, high: float) -> Field:
    """A number strictly between the two; `true` is refused."""
    return Field(
        f"a number between {low:g} and {high:g}",
        lambda value: type(value) in (int, float) and low < value < high,
    )


def choice(values: Iterable[Any]) -> Field:
    """One of a few values, of the same type: 1 is not true."""
    known = tuple(values)
    return Field(
        f"one of {', '.join(map(_shown_choice, known))}",
        lambda value: any(type(value) is type(one) and value == one for one in known),
    )


def text_matching(pattern: str, expected: str) -> Field:
    """A string that matches the whole pattern."""
    compiled = re.compile(pattern)
    return Field(
        expected, lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None
    )


def array_of(field: Field, fewest: int = 0) -> Field:
    """An array of such values."""
    return Field(
        f"an array of {f'at least {fewest}, each ' if fewest else ''}{field.expected}",
        lambda value: (
            isinstance(value, list) and len(value) >= fewest and all(map(field.holds, value))
        ),
    )


TEXT = Field("a string", lambda value: isinstance(value, str))
FLAG = Field("true or false", lambda value: isinstance(value, bool))
OBJECT = Field("an object", lambda value: isinstance(value, dict))


def field_problems(
    values: Any, fields: Mapping[str, Field], *, others: bool = True, where: str = ""
) -> Iterator[str]:
    """Each problem as a message: `where` and the field's name, what was found and expected.

    others: whether there may be fields that `fields` does not name.

    >>> list(field_problems({"size": -1}, {"size": whole_number(1, 9), "name": TEXT}))
    ['size: -1; expected an integer from 1 to 9', 'name: missing; expected a string']
    """
    if not isinstance(values, Mapping):
        yield f"{where or 'found '}{_shown(values)}; expected an object"
        return
    if not others:
        for key in sorted(values.keys() - fields.keys()):
            yield f"{where}{key[:_LONGEST]}: not known; expected {', '.join(fields)}"
    for key, field in fields.items():
        if key not in values:
            if field.required:
                yield f"{where}{key}: missing; expected {field.expected}"
        elif not (field.null and values[key] is None) and not field.holds(values[key]):
            yield f"{where}{key}: {_shown(values[key])}; expected {field.expected}"


def check_fields(
    values: Any, fields: Mapping[str, Field], source: str, *, remedy: str, others: bool = True
) -> dict[str, Any]:
    """The object if it is valid by `fields`; otherwise a ModelFormatError lists the problems.

    source: how the error names the object. remedy: the error's last sentence.

    >>> check_fields({"normalize": True}, {"normalize": FLAG}, "file", remedy="Correct it")
    {'normalize': True}
    """
    problems = list(field_problems(values, fields, others=others))
    if len(problems) == 1:
        raise ModelFormatError(f"{source}: {problems[0]}. {remedy}")
    if problems:
        raise ModelFormatError(f"{source} has fields that cannot be:{listed(problems)}\n{remedy}")
    return dict(values)


def listed(problems: Iterable[str], most: int = _MOST_LISTED) -> str:
    """The lines of a list in an error message; beyond `most`, only their number.

    >>> print("Two faults:" + listed(["this", "that", "more", "and more"], most=2))
    Two faults:
      - this
      - that
      - and 2 more
    """
    found = list(problems)
    shown = found if len(found) <= most else [*found[:most], f"and {len(found) - most} more"]
    return "".join(f"\n  - {problem}" for problem in shown)


def _shown(value: Any) -> str:
    return f"{value!r:.{_LONGEST}}"


def _shown_choice(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
