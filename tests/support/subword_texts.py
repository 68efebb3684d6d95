"""Texts that tokenizers are compared on: real ones, every code point, and what hypothesis finds."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st

from embedpipe_bench.corpus import TEXT


def read_lines(path: Path) -> list[dict]:
    """The records of a file of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def real_texts(testdata: Path) -> list[str]:
    """The demo's corpus by lines, the sentences of STS-B, every document of the goldens."""
    demo = TEXT.read_text(encoding="utf-8")
    with (testdata / "stsb/sts-dev.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        sentences = [text for row in rows for text in row[5:7]]
    documents = read_lines(testdata / "spark_nlp_answers/documents.jsonl")
    texts = [*demo.split("\n"), *sentences, *(d["text"] for d in documents if d["text"])]
    assert len(texts) > 5500
    return texts


def every_code_point() -> Iterator[str]:
    """All of Unicode in order, surrogates and unassigned code points too, 64 to a text."""
    for begin in range(0, 0x110000, 64):
        yield "".join(map(chr, range(begin, begin + 64)))


def without_surrogates(text: str) -> str:
    """U+FFFD for each surrogate: what a tokenizer that takes UTF-8 can be given."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _between(*ranges: tuple[int, int]) -> st.SearchStrategy[str]:
    return st.one_of([st.integers(*bounds).map(chr) for bounds in ranges])


CHARACTERS = {
    "any": st.integers(0, 0x10FFFF).map(chr),
    "basic plane": st.integers(0, 0xFFFF).map(chr),
    "ASCII": _between((0x00, 0x7F)),
    "letters": st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,."),
    "Latin": _between((0x80, 0x24F), (0x1E00, 0x1EFF)),
    "accents": _between((0x300, 0x36F), (0x1AB0, 0x1AFF), (0x20D0, 0x20FF)),
    "controls": _between((0x00, 0x1F), (0x7F, 0x9F), (0x200B, 0x200F), (0x2028, 0x202E)),
    "white space": st.sampled_from(
        "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000\u2581"
    ),
    "Chinese": _between((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F)),
    "Korean": _between((0x1100, 0x11FF), (0xAC00, 0xD7A3), (0x3130, 0x318F), (0xFFA0, 0xFFDC)),
    "Japanese": _between((0x3040, 0x30FF), (0xFF61, 0xFF9F)),
    "compatibility": _between((0x2100, 0x24FF), (0xF900, 0xFDFF), (0xFE00, 0xFFEF)),
    "symbols": _between((0x2000, 0x27BF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF)),
    "surrogates": _between((0xD800, 0xDFFF)),
    "what rules begin with": st.sampled_from("aAeEiIoOuU\u0300\u0301\u0308\u0327각가か\u3099"),
    "punctuation": st.sampled_from("!-.,()\"'`*=_£€–1[]<>"),
}
_MIXED = st.text(st.one_of(list(CHARACTERS.values())), max_size=40)
_REPEATED = st.builds(
    lambda text, times: text * times,
    st.text(st.one_of(list(CHARACTERS.values())), min_size=1, max_size=3),
    st.integers(1, 60),
)
TEXTS = st.one_of(
    _MIXED,
    *(st.text(characters, max_size=40) for characters in CHARACTERS.values()),
    _REPEATED,
    st.lists(_REPEATED, max_size=4).map("".join),
    st.lists(_MIXED, max_size=4).map(" ".join),
)
"""Each sort of character by itself, all mixed, and repeated to long words: splits that tie."""
