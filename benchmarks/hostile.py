"""Texts on which patterns may take long, and the functions of the text side that read texts."""

from __future__ import annotations

from collections.abc import Callable

from embedpipe.text.basic_words import basic_words, first_basic_word
from embedpipe.text.cleanup import CLEANUP_MODES, clean
from embedpipe.text.java.regex import compile_java, find_all
from embedpipe.text.recorded import RecordedWords, recorded_sentences
from embedpipe.text.sentence_columns import split_all
from embedpipe.text.sentences import SentenceRules
from embedpipe.text.word_columns import split_words
from embedpipe.text.words import WordRules, WordSplitter

__all__ = ["HOSTILE_UNITS", "ONE_CLASS", "functions"]

ONE_CLASS = [
    *["a", "A", "1", " ", "\n", ".", "!", "'", '"', "(", "-", "_", "é", "\u0301", "中", "😀"],
    *["\u00a0", "\x07", "\u2026"],
]
"""A line of each: letters, digits, spaces, punctuation, accents, controls."""

HOSTILE_UNITS = [
    *ONE_CLASS,
    # what begins a rule of sentences again and again, and hardly ever completes it
    *[";", "? ", ". ", ".. ", "... ", "!? ", "a.", "a.b", "A. ", "A.B.", "1.", "1. ", "-1.", "1.)"],
    *["(a", "(a)", "a)", "\n1.", "s-1.", "a.m", "a.m.", "p.m. ", "Mr. ", "e.g. ", "Co. KG ", "A°."],
    *["'a", "' ", " '", "'a' ", "'s ", ".'s", "a|'", '"a ', "[a ", '["', '""', "('", ".'"],
    # what takes words apart, or marks, or written white space
    *[
        "a ",
        "x-",
        "a-b",
        "a1",
        "a1 ",
        "n't",
        "New ",
        "New York",
        "\\n",
        "\\r",
        "\\r\\",
        "\t",
        " \n",
    ],
    *["a\u0301", "a\u0301.b", "\u0301a", ".\u0301", "\ufdd0", "\uf050", "╞", "\x85", "a\x00"],
]


def functions() -> dict[str, Callable[[str], object]]:
    """What reads text, by name: rules of sentences and words, clean-up, translated patterns."""
    sentence_rules = {
        "default": SentenceRules(),
        "no lists": SentenceRules(use_abbreviations=False, detect_lists=False),
        "bounds": SentenceRules(custom_bounds=("\\n", "; ")),
        "bounds appended": SentenceRules(custom_bounds=(":",), custom_bounds_strategy="append"),
        "splitLength": SentenceRules(split_length=10),
    }
    word_rules = {
        "default": WordRules(),
        "exceptions": WordRules(
            exceptions=("New York", "e.g.", "a a"), case_sensitive_exceptions=False
        ),
        "splitChars": WordRules(split_chars=("-", ".")),
        "splitPattern": WordRules(split_pattern="[.@]|\\d"),
        "targetPattern": WordRules(target_pattern="\\w+"),
        "prefixPattern": WordRules(prefix_pattern="\\A([^\\s\\p{L}\\d]*)"),
        "contextChars": WordRules(context_chars=(".", "a")),
    }
    found: dict[str, Callable[[str], object]] = {}
    for name, rules in sentence_rules.items():
        found[f"sentences, {name}"] = lambda text, r=rules: split_all([text], r)  # type: ignore[misc]
    for name, of_words in word_rules.items():
        splitter = WordSplitter(of_words)
        found[f"words, {name}"] = lambda text, s=splitter: split_words(s, [text])  # type: ignore[misc]
    for mode in CLEANUP_MODES:
        found[f"clean-up, {mode}"] = lambda text, m=mode: clean(text, m)  # type: ignore[misc]
    for java in ("\\b", "\\B.", "\\b\\w", "\\R", "\\h", "\\p{L}\\P{L}", "(?i)ß", "^.$", "\\Z"):
        pattern = compile_java(java, "pattern")
        found[f"Java's {java}"] = lambda text, p=pattern: list(find_all(p, text))  # type: ignore[misc]
    recorded = RecordedWords(WordSplitter())
    return found | {
        "recorded sentences": recorded_sentences,
        "recorded words": recorded.split,
        "basic words": lambda text: basic_words(text, case_sensitive=False),
        "first basic word": lambda text: first_basic_word(text, case_sensitive=False),
    }
