"""Tables of the settings that a model's files may have, and how each is treated.

A row says that a setting is honored, that it has no effect here, or which values it may have. What
is not in a table is named in a warning. The tables stand beside their readers; what a value must be
is said in the terms of `fields`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from embedpipe.errors import ModelFormatError, UnknownSettingWarning
from embedpipe.files.fields import Field

__all__ = ["Setting", "check_stated", "honored", "ignored", "only"]


class Setting(NamedTuple):
    """How a setting is treated that is present and not null.

    why: for "ignored" and "only", the reason. expected: what a value must be, in words. holds: the
    same as a test.
    """

    becomes: Literal["honored", "ignored", "only"]
    why: str = ""
    expected: str = ""
    holds: Callable[[Any], bool] = lambda _: True


def honored(field: Field) -> Setting:
    """A setting that takes effect, if its value is valid for `field`."""
    return Setting("honored", expected=field.expected, holds=field.holds)


def ignored(why: str) -> Setting:
    """A setting that has no effect here."""
    return Setting("ignored", why)


def only(*values: Any, why: str) -> Setting:
    """A setting that is refused unless it has one of these values."""
    return Setting("only", why, holds=lambda value: any(value == known for known in values))


def check_stated(found: Mapping[str, Any], table: Mapping[str, Setting], source: str) -> None:
    """Raise ModelFormatError that lists all that cannot be followed; name what is not known.

    Names that begin with `_` are bookkeeping and always known.

    >>> from embedpipe.files.fields import FLAG
    >>> table = {"lower": honored(FLAG), "side": only("right", why="texts are cut at their end")}
    >>> check_stated({"lower": True, "side": "left"}, table, "tokenizer.json")
    Traceback (most recent call last):
    embedpipe.errors.ModelFormatError: tokenizer.json has settings that cannot be followed:
      - side: 'left'; texts are cut at their end
    Correct or remove them, or use another model.
    """
    listed = "".join(f"\n  - {problem}" for problem in _problems(found, table))
    if listed:
        raise ModelFormatError(
            f"{source} has settings that cannot be followed:{listed}\n"
            "Correct or remove them, or use another model."
        )
    unknown = sorted(key for key in found.keys() - table.keys() if not key.startswith("_"))
    if unknown:
        warnings.warn(
            f"{source} states {repr(unknown)[1:-1]:.300}, which embedpipe does not know and passes "
            "over; see that vectors are as you expect",
            UnknownSettingWarning,
            stacklevel=2,
        )


def _problems(found: Mapping[str, Any], table: Mapping[str, Setting]) -> Iterator[str]:
    for key, value in found.items():
        setting = table.get(key)
        if setting is not None and value is not None and not setting.holds(value):
            reason = setting.why or f"expected {setting.expected}"
            yield f"{key}: {value!r:.80}; {reason}"
