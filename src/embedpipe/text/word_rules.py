"""The parameters of word splitting, checked, and the patterns they give.

What is done with the patterns is in `words`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from embedpipe.errors import ParameterError
from embedpipe.text.code_points import CodePoints
from embedpipe.text.java.classes import read_class
from embedpipe.text.java.reader import Reader
from embedpipe.text.java.regex import compile_java
from embedpipe.text.offsets import utf16_length
from embedpipe.text.segment import check_lengths

__all__ = ["DEFAULT_CONTEXT_CHARS", "WordRules"]

DEFAULT_CONTEXT_CHARS = (".", ",", ";", ":", "!", "?", "*", "-", "(", ")", '"', "'")

# Spark NLP stands this character for protected white space; it never separates words there.
_RECORDED_PROTECTED = "\u2188"


@dataclass(frozen=True)
class WordRules:
    r"""How a sentence is cut into words: Tokenizer's parameters, checked.

    A sentence is first cut into candidates, each then by the first rule that matches it.

    - `target_pattern` (`\S+`): candidates are runs of its characters. As in Spark NLP it is read
      inside the brackets of a class, so only which characters it names counts, `+` included.
    - `prefix_pattern`, `suffix_pattern` (runs of context characters), `infix_patterns` (whatever
      lies between): the rules, one for each infix; each group in parentheses gives a word.
    - `context_chars` (`.,;:!?*-()"'`): what the defaults take off the ends of a candidate.
    - `exceptions` (none): patterns of what stays whole, spaces included;
      `case_sensitive_exceptions` (True) whether their case counts.
    - `split_pattern`, `split_chars` (none): where words are cut further, the separator left out;
      the pattern first. A split character may be written with a backslash before it.
    - `min_length` (0), `max_length` (99999): other words are left out, in UTF-16 units.

    All patterns are of java.util.regex. Raises ParameterError naming the parameter, what was found
    and what is allowed.
    """

    target_pattern: str = r"\S+"
    prefix_pattern: str | None = None
    suffix_pattern: str | None = None
    infix_patterns: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    case_sensitive_exceptions: bool = True
    context_chars: tuple[str, ...] = DEFAULT_CONTEXT_CHARS
    split_chars: tuple[str, ...] = ()
    split_pattern: str | None = None
    min_length: int = 0
    max_length: int = 99999

    def __post_init__(self) -> None:
        check_lengths(self.min_length, self.max_length)
        _check_context_chars(self.context_chars)
        _check_split_chars(self.split_chars)
        self._check_rule_patterns()
        self.target()
        self.rules()
        self.exception_pattern()
        if self.split_pattern is not None:
            compile_java(self.split_pattern, "split_pattern")

    def _check_rule_patterns(self) -> None:
        if self.prefix_pattern is not None:
            compile_java(self.prefix_pattern, "prefix_pattern")
            if not self.prefix_pattern.startswith(r"\A"):
                raise ParameterError(
                    f"prefix_pattern is {self.prefix_pattern!r}; it must begin with \\A."
                )
        if self.suffix_pattern is not None:
            compile_java(self.suffix_pattern, "suffix_pattern")
            if not self.suffix_pattern.endswith(r"\z"):
                raise ParameterError(
                    f"suffix_pattern is {self.suffix_pattern!r}; it must end with \\z."
                )
        for infix in self.infix_patterns:
            if compile_java(infix, "infix_patterns").groups == 0:
                raise ParameterError(
                    f"infix_patterns holds {infix!r}; each pattern must have a group in "
                    "parentheses, since each group gives a word."
                )

    @property
    def has_default_rule(self) -> bool:
        """Whether candidates only lose context characters at their ends."""
        return (
            self.prefix_pattern is None and self.suffix_pattern is None and not self.infix_patterns
        )

    @property
    def context(self) -> CodePoints:
        """The context characters as a set."""
        return CodePoints.of(*self.context_chars)

    def target(self) -> CodePoints:
        """The characters that candidates are made of."""
        reader = Reader(f"(?:{self.target_pattern}){_RECORDED_PROTECTED}]", "target_pattern")
        reader.original = self.target_pattern
        found = read_class(reader)
        if not reader.at_end:
            reader.refuse("]", "ends the class of characters that the target pattern stands for")
        return found

    def rules(self) -> list[re.Pattern[str]]:
        """The rules in order, to be searched for in a candidate."""
        context = java_class(self.context)
        other = java_class(~self.context)
        prefix = rf"\A({context}*)" if self.prefix_pattern is None else self.prefix_pattern
        suffix = rf"({context}*)\z" if self.suffix_pattern is None else self.suffix_pattern
        infixes = self.infix_patterns or (rf"({other}(?:[\s\S]*{other})?)",)
        parameter = "the rule of prefix_pattern, infix_patterns and suffix_pattern"
        return [compile_java(prefix + infix + suffix, parameter) for infix in infixes]

    def exception_pattern(self) -> re.Pattern[str] | None:
        """What stays whole; None without exceptions."""
        if not self.exceptions:
            return None
        flag = "" if self.case_sensitive_exceptions else "(?i)"
        for exception in self.exceptions:
            compile_java(exception, "exceptions")
        return compile_java(
            "|".join(flag + exception for exception in self.exceptions), "exceptions"
        )


def java_class(points: CodePoints) -> str:
    """`points` as a class in Java's dialect."""
    body = "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in points.ranges)
    return f"[{body}]" if body else "(?!)"


def _check_context_chars(characters: tuple[str, ...]) -> None:
    for character in characters:
        if utf16_length(character) != 1:
            raise ParameterError(
                f"context_chars holds {character!r}; each entry must be one character up to U+FFFF."
            )


def _check_split_chars(characters: tuple[str, ...]) -> None:
    for entry in characters:
        escaped = len(entry) == 2 and entry[0] == "\\"
        if utf16_length(entry) != 1 and not escaped:
            raise ParameterError(
                f"split_chars holds {entry!r}; each entry must be one character up to U+FFFF, "
                "or a backslash and one character."
            )
        if escaped:
            compile_java(entry, "split_chars")
