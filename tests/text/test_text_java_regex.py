"""Java's regular expressions in Python: against what a Java virtual machine answered."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedpipe.errors import ParameterError, UnsupportedPatternError
from embedpipe.text.java.regex import compile_java, find_all, replace_all

# Pattern, text, and what `Matcher.find` gave in OpenJDK 17.0.15: the matches, or tuples of match
# and groups, or where the matches lie if all are empty.
RECORDED = [
    (r"\w+", "aé_9٣ ß", ["a", "_9"]),
    (r"\d+", "12٣4", ["12", "4"]),
    (r"\s", "a b\x0bc\xa0d\u2028", [" ", "\x0b"]),
    (r"\S+", "a b\xa0c", ["a", "b\xa0c"]),
    (r"\W", "aé", ["é"]),
    (r"\h+", "a \xa0\u3000\u180eb\t", [" \xa0\u3000\u180e", "\t"]),
    (r"\v", "\n\u2028\x85\x0b ", ["\n", "\u2028", "\x85", "\x0b"]),
    (r"\bb", "é.b éb _b ²b éb b", ["b", "b", "b"]),
    (r"\Bb", "éb áb ²b", ["b", "b"]),
    (r"\b", "á ́a", [0, 2, 4, 5]),
    (r"(?i)kÉ", "kÉ KÉ kÉ Ké", ["kÉ", "KÉ", "kÉ"]),
    (r"(?i)k", "kKK", ["k", "K"]),
    (r"(?iu)k", "kKK", ["k", "K", "K"]),
    (r"(?iu)σ", "σΣς", ["σ", "Σ", "ς"]),
    (r"(?iu)ß", "ßẞS", ["ß"]),
    (r"(?i)[a-c]", "aBcD", ["a", "B", "c"]),
    (r"(?i)[^a]", "aAbé", ["b", "é"]),
    (r"(?i)\p{Lu}", "aAéÉǅ1", ["a", "A", "é", "É", "ǅ"]),
    (r"(?i)\p{Upper}", "aAé", ["a", "A"]),
    (r"\p{IsLowercase}+", "aªbⓐA", ["aªbⓐ"]),
    (r"(?i)\p{IsLowercase}", "aAǅ1", ["a", "A", "ǅ"]),
    (r"a(?i)b|c", "ab aB C AB", ["ab", "aB", "C"]),
    (r"(a(?i)b)b", "abb aBb abB", [("abb", "ab"), ("aBb", "aB")]),
    (r"(?i:a)a", "aa Aa aA", ["aa", "Aa"]),
    (r"(?i)a(?-i)b", "Ab AB", ["Ab"]),
    (r"[a-z&&[^bc]]+", "abcd", ["a", "d"]),
    (r"[a-z&&def]+", "abcdefg", ["def"]),
    (r"[a-d[m-p]]+", "adempz", ["ad", "mp"]),
    (r"[^a-d[m-p]]+", "adempz", ["e", "z"]),
    (r"[^(?:[^\s,]+)]+", "ab, cd", [", "]),
    (r"[]a]+", "]a[", ["]a"]),
    (r"[a-]+", "a-b", ["a-"]),
    (r"[\Q.-]\E]+", ".-]a", [".-]"]),
    (r"[&a&]+", "a&b", ["a&"]),
    (r"[a^]+", "^a", ["^a"]),
    (r"[\p{L}&&[^\p{Lu}]]+", "aBéÉ", ["a", "é"]),
    (r"[\w&&\D]+", "a1_", ["a", "_"]),
    (r"[a-z&&[aeiou]&&[^e]]+", "aeiou", ["a", "iou"]),
    (r".+", "a\nb\rc\u2028d\x85e", ["a", "b", "c", "d", "e"]),
    (r"(?s).+", "a\nb", ["a\nb"]),
    (r"(?d).+", "a\rb\nc", ["a\rb", "c"]),
    (r"^a", "a\na", ["a"]),
    (r"(?m)^a", "a\na\ra\u2028a\n", ["a", "a", "a", "a"]),
    (r"(?m)^", "a\r\nb\n", [0, 3]),
    (r"(?m)$", "a\r\nb\n\n", [1, 4, 5, 6]),
    (r"(?md)^.|.$", "a\rb\nc", ["a", "b", "c"]),
    (r"$", "a\r\n", [1, 3]),
    (r"$", "a\n\n", [2, 3]),
    (r"\Z", "a\u2028", [1, 2]),
    (r"\z", "a\n", [2]),
    (r"(?m)^", "", []),
    (r"\R", "a\r\nb\n\rc\u2028", ["\r\n", "\n", "\r", "\u2028"]),
    (
        r"\x41\x{1F600}\u0042\ud83d\ude00\0103\cA\e\t",
        "A\U0001f600B\U0001f600C\x01\x1b\t",
        ["A😀B😀C\x01\x1b\t"],
    ),
    (r"\Qa.b\E+", "a.bba.b", ["a.bb", "a.b"]),
    (r"\Q\\E", "\\", ["\\"]),
    (r"(?<=\s|^)'a", "'a b'a 'a", ["'a", "'a"]),
    (r"(?<!ab|c)d", "abd cd d", ["d"]),
    (r"(?<=a{1,3})b", "ab aab b", ["b", "b"]),
    (r"(?<=a\b)\W", "a! b?", ["!"]),
    (r"a(?=b)|c(?!d)", "ab ac cd ce", ["a", "c", "c"]),
    (r"(a)|b", "ab", [("a", "a"), ("b", None)]),
    (r"(?<year>\d+)-\k<year>", "12-12 1-2", [("12-12", "12")]),
    (r"(a)(b)\2\1", "abba", [("abba", "a", "b")]),
    (r"(a)\11", "aa1", [("aa1", "a")]),
    (r"(?i)(a)\1", "aA", [("aA", "a")]),
    (r"a*+a|b", "aaab", ["b"]),
    (r"a++b", "aaab", ["aaab"]),
    (r"(?>a|ab)c", "abc ac", ["ac"]),
    (r"a??", "aa", [0, 1, 2]),
    (r"a*?", "aa", [0, 1, 2]),
    (r"a*", "baac", ["", "aa", "", ""]),
    (r"(a|b)*?c", "abc", [("abc", "b")]),
    (r"x{2,3}?y", "xxxxy", ["xxxy"]),
    ("(?x) a b # c\n c", "abc", ["abc"]),
    (r"(?x)[a b]", "a b", ["a", "b"]),
    (r"\p{Punct}+", "a!+$€—", ["!+$"]),
    (r"\p{P}+", "!+$—«", ["!", "—«"]),
    (r"\p{IsPunctuation}", "!+—", ["!", "—"]),
    (r"\p{L}+", "aé字𐐀1", ["aé字𐐀"]),
    (r"\pL\p{M}", "é", ["é"]),
    (r"\p{gc=Nd}+", "1٣²", ["1٣"]),
    (r"\P{L}+", "a12b", ["12"]),
    (r"\p{javaLetterOrDigit}+", "aé1²", ["aé1"]),
    (r"\p{IsWhite_Space}+", "a \xa0\x85\u2028", [" \xa0\x85\u2028"]),
    (r"\p{Cntrl}", "\x00\x7f\x80", ["\x00", "\x7f"]),
    (r"\p{LC}+", "aǅAª", ["aǅA"]),
    (r"[\p{So}\x{1F3FB}-\x{1F3FF}]", "👍🏽a", ["👍", "🏽"]),
    (r"\p{Sc}\d", "$5 €6", ["$5", "€6"]),
    (r"\p{Cn}", "a\u0378", ["\u0378"]),
    (r"😀+", "😀😀a", ["😀😀"]),
    (r"[^a]", "😀a", ["😀"]),
    (r".", "😀", ["😀"]),
    (r"}]", "}]", ["}]"]),
    (r"\.(?=\d)", "1.5 a.", ["."]),
]

# Pattern, and the construct that the error must name.
REFUSED = [
    (r"\p{IsLatin}", r"\p{IsLatin}"),
    (r"\p{InGreek}", r"\p{InGreek}"),
    (r"\p{Nonsense}", r"\p{Nonsense}"),
    (r"\p{L", r"\p"),
    ("(?U)a", "(?U)"),
    (r"\G", r"\G"),
    (r"\X", r"\X"),
    (r"\b{g}", r"\b{"),
    (r"(?<=a*)b", "a*"),
    (r"(?<=a{2,})b", "a{2,}"),
    (r"(?<=\R)b", "look-behind"),
    (r"(?<=(a|bc))d", "(a|bc)"),
    (r"(?<=a{1,999})b", "look-behind"),
    (r"\1(a)", r"\1"),
    (r"\k<n>(?<n>a)", r"\k<n>"),
    (r"(a\1)", "open group"),
    ("(?<n>a)(?<n>b)", "(?<n>"),
    ("(?#no)", "(?#"),
    ("(", "("),
    ("a)", ")"),
    ("[a", "[a"),
    ("[a&&]", "[a&&]"),
    ("[z-a]", "z-a"),
    ("*a", "*"),
    ("a**", "*"),
    ("a{,2}", "{"),
    ("a{3,2}", "{3,2}"),
    ("{", "{"),
    ("\\", "\\"),
    (r"\y", r"\y"),
    (r"\x{110000}", "110000"),
    ("(" * 5000, "nested"),
]


def _given(match: re.Match[str]) -> object:
    return match[0] if match.re.groups == 0 else (match[0], *match.groups())


@pytest.mark.parametrize(("pattern", "text", "recorded"), RECORDED)
def test_matches_are_those_of_java(pattern: str, text: str, recorded: list[object]) -> None:
    if sys.version_info < (3, 11) and re.search(r"\*\+|\+\+|\(\?>", pattern):
        with pytest.raises(ParameterError, match=r"3\.11"):
            compile_java(pattern)
        return
    matches = list(find_all(compile_java(pattern), text))
    if recorded and isinstance(recorded[0], int):
        assert [match.span() for match in matches] == [(at, at) for at in recorded]
    else:
        assert [_given(match) for match in matches] == recorded


@pytest.mark.parametrize(("pattern", "construct"), REFUSED)
def test_what_cannot_be_translated_is_named(pattern: str, construct: str) -> None:
    with pytest.raises(ParameterError) as caught:
        compile_java(pattern, "customBounds")
    message = str(caught.value)
    assert message.startswith("customBounds is ")
    assert construct in message


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab1(){}[]?*+|^$.\\-&:<>=!,pPLQEdwsbkiRx\n é😀\ud800")))
def test_any_pattern_is_compiled_or_refused(pattern: str) -> None:
    try:
        compiled = compile_java(pattern)
    except ParameterError:
        return
    assert isinstance(compiled, re.Pattern)


@settings(deadline=None)
@given(st.characters())
def test_a_quoted_character_matches_itself_alone(character: str) -> None:
    quoted = compile_java(f"\\Q{character}\\E\\z")
    assert quoted.match(character)
    assert quoted.match("a" if character != "a" else "b") is None


@settings(deadline=None)
@given(st.characters(), st.characters())
def test_classes_agree_with_their_complements(first: str, second: str) -> None:
    escaped = "".join(f"\\x{{{ord(c):x}}}" for c in (first, second))
    for text in (first, second, "a", "é", "😀", "\n"):
        inside = compile_java(f"[{escaped}]").match(text) is not None
        outside = compile_java(f"[^{escaped}]").match(text) is not None
        assert inside == (text in (first, second))
        assert inside != outside


def test_replacing_goes_on_behind_empty_matches_as_java_does() -> None:
    # String.replaceAll("x*", "-") in Java.
    assert replace_all(compile_java("x*"), lambda _: "-", "axb") == "-a--b-"
    assert replace_all(compile_java("x"), lambda _: "-", "abc") == "abc"


def test_a_pattern_of_java_alone_is_told_from_one_that_is_wrong() -> None:
    with pytest.raises(UnsupportedPatternError, match="look-behind"):
        compile_java("(?<=a*)b")
    with pytest.raises(ParameterError) as caught:
        compile_java("(")
    assert not isinstance(caught.value, UnsupportedPatternError)
