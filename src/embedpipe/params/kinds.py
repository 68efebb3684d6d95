"""The kinds of values that parameters take, each with the words that an error message uses."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

__all__ = ["Kind", "anything", "boolean", "choice", "integer", "string", "strings"]

T = TypeVar("T")


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What values a parameter takes: `convert` returns the value to keep or raises ValueError.

    `expected` says it in words, to complete the sentence "... must be ...". Values that JSON cannot
    hold are saved as what `to_json` gives; `from_json` gives what `convert` takes, or ValueError.
    """

    expected: str
    convert: Callable[[Any], T]
    to_json: Callable[[T], Any] = _same
    from_json: Callable[[Any], Any] = _same


def _bool(value: Any) -> bool:
    # NumPy's bool is no subclass of bool; an int is refused, since 0 and 1 are often a mistake.
    if type(value).__name__ not in {"bool", "bool_"}:
        raise ValueError
    return bool(value)


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__}")
    return value


def _strings(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"a {type(value).__name__}")
    return [_str(item) for item in value]


boolean: Kind[bool] = Kind("True or False", _bool)
string: Kind[str] = Kind("a string", _str)
strings: Kind[list[str]] = Kind("a list of strings", _strings)
anything: Kind[Any] = Kind("anything", _same)


def integer(*, minimum: int | None = None, maximum: int | None = None) -> Kind[int]:
    """Whole numbers within bounds, both inclusive; None means unbounded. A bool is refused.

    >>> integer(minimum=0, maximum=512).expected
    'an integer from 0 to 512'
    """

    def convert(value: Any) -> int:
        if isinstance(value, bool):
            raise TypeError("a bool")
        exact = isinstance(value, float) and value.is_integer()
        number = int(value) if exact else operator.index(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise ValueError
        return number

    bounds = {
        (True, True): "",
        (False, True): f" of at least {minimum}",
        (True, False): f" of at most {maximum}",
        (False, False): f" from {minimum} to {maximum}",
    }
    return Kind("an integer" + bounds[minimum is None, maximum is None], convert)


def choice(*allowed: str) -> Kind[str]:
    """One of a few words; case and surrounding white space do not matter, as in Spark NLP.

    >>> choice("none", "append").convert(" Append ")
    'append'
    """

    def convert(value: Any) -> str:
        word = _str(value).strip()
        for candidate in allowed:
            if candidate.lower() == word.lower():
                return candidate
        raise ValueError

    return Kind(f"one of {', '.join(allowed)}", convert)
