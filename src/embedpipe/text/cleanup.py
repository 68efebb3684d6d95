"""The clean-up modes of DocumentAssembler: what happens to white space before anything is split."""

from __future__ import annotations

import re
from collections.abc import Callable

from embedpipe.errors import ParameterError

__all__ = ["CLEANUP_MODES", "check_cleanup_mode", "clean"]

# Java's `trim`: every character up to the space, controls included.
TRIMMED = "".join(map(chr, range(0x21)))

# White space is Java's: the six ASCII characters that `\s` means without a Unicode flag.
# "Written" line ends and tabs are the two characters backslash and letter, as left by bad exports.
_WHITESPACE = re.compile(r"\s", re.ASCII)
_WHITESPACE_RUN = re.compile(r"\s+", re.ASCII)
_ANY = re.compile(r"\s|(?:\\r)?\\n|\\t", re.ASCII)
# Written carriage returns without a line feed behind them stay; they are matched all the same, so
# that a long run of them is looked at only once.
_ANY_RUN = re.compile(r"\s+|(?:\\r)+(?P<feeds>(?:\\n)*)|(?:\\n)+|(?:\\t)+", re.ASCII)
_LINE_END_OR_TAB = re.compile(r"\s[\n\t]", re.ASCII)
_LINE_END_OR_TAB_ANY = re.compile(r"\s(?:\n|\t|(?:\\r)?\\n|\\t)", re.ASCII)
_WRITTEN = re.compile(r"(?:\\r)?\\n|\\t", re.ASCII)


def _unchanged(text: str) -> str:
    return text


def _run_to_space(match: re.Match[str]) -> str:
    return match[0] if match["feeds"] == "" else " "


_CLEANERS: dict[str, Callable[[str], str]] = {
    "disabled": _unchanged,
    "inplace": lambda text: _WHITESPACE.sub(" ", text),
    "inplace_full": lambda text: _ANY.sub(" ", text),
    "shrink": lambda text: _WHITESPACE_RUN.sub(" ", text.strip(TRIMMED)),
    "shrink_full": lambda text: _ANY_RUN.sub(_run_to_space, text.strip(TRIMMED)),
    "each": lambda text: _LINE_END_OR_TAB.sub(" ", text),
    "each_full": lambda text: _LINE_END_OR_TAB_ANY.sub(" ", text),
    "delete_full": lambda text: _WRITTEN.sub("", text.strip(TRIMMED)),
}

CLEANUP_MODES: tuple[str, ...] = tuple(_CLEANERS)


def check_cleanup_mode(mode: str) -> str:
    """`mode` itself; a ParameterError if there is no such mode."""
    if mode not in _CLEANERS:
        raise ParameterError(
            f"the clean-up mode is {mode!r}; allowed are {', '.join(CLEANUP_MODES)}. "
            "Choose one of these."
        )
    return mode


def clean(text: str, mode: str) -> str:
    r"""`text` with its white space treated as the clean-up mode says.

    | mode           | what it does                                                          |
    |----------------|-----------------------------------------------------------------------|
    | `disabled`     | nothing                                                               |
    | `inplace`      | each white-space character becomes a space                            |
    | `inplace_full` | and so does each written `\n`, `\r\n` and `\t`                        |
    | `shrink`       | trims, then each run of white space becomes one space                 |
    | `shrink_full`  | and so does each run of written ones                                  |
    | `each`         | white space followed by a line feed or tab: the two become one space  |
    | `each_full`    | the same, where what follows may also be written                      |
    | `delete_full`  | trims and removes written ones                                        |

    White space is the six ASCII characters of Java's `\s`. Raises ParameterError for another mode.

    >>> clean("  one\n two\\n", "shrink")
    'one two\\n'
    """
    return _CLEANERS[check_cleanup_mode(mode)](text)
