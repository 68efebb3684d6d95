"""Documents, sentences and words against those that Spark NLP 5.5.3 gave for the same texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedpipe.text.cleanup import clean
from embedpipe.text.offsets import Utf16Offsets, utf16_length
from embedpipe.text.recorded import RecordedWords, recorded_sentences
from embedpipe.text.segment import Segment
from embedpipe.text.sentences import SentenceRules, split_sentences
from embedpipe.text.words import DEFAULT_CONTEXT_CHARS, WordRules, WordSplitter

# A share below this fails; at present every document agrees.
FLOOR = 0.995

# Options under which the true offsets (or, for ".", the words) differ from the recorded ones, with
# the number of documents concerned and why.
DIFFERING = {
    'SentenceDetector {"splitLength": 10}': 12,  # a long first word shifts all that follows
    'SentenceDetector {"splitLength": 1}': 64,
    'SentenceDetector {"splitLength": 25}': 4,
    'SentenceDetector {"splitLength": 40, "maxLength": 30}': 2,
    'Tokenizer {"splitChars": ["-", "/", "\'"]}': 3,  # words behind a lost separator
    'Tokenizer {"splitChars": ["."]}': 18,  # recorded: "." stands for any character
    'Tokenizer {"splitPattern": "\\\\d+"}': 4,  # words behind a lost separator
    'Tokenizer {"targetPattern": "\\\\w+"}': 4,  # separators beyond U+FFFF count as one unit
    'Tokenizer {"targetPattern": "\\\\p{L}+|\\\\d+"}': 3,
    'Tokenizer {"targetPattern": "."}': 4,
}

Found = list[tuple[str, int, int]]
Spark = dict[str, Any]


def _lines(path: Path) -> Iterator[Spark]:
    # Texts hold U+2028, at which splitlines() would cut.
    return (json.loads(line) for line in path.read_text("utf-8").split("\n") if line)


def _recorded(annotations: list[Spark] | None) -> Found:
    return [(a["result"], a["begin"], a["end"] + 1) for a in annotations or []]


def _in_units(text: str, segments: list[Segment], base: int = 0) -> Found:
    units = Utf16Offsets(text)
    return [
        (s.text, base + units.to_units(s.begin), base + units.to_units(s.end)) for s in segments
    ]


def _sentence_rules(params: Spark) -> SentenceRules:
    names = {
        "useAbbreviations": "use_abbreviations",
        "detectLists": "detect_lists",
        "useCustomBoundsOnly": "use_custom_bounds_only",
        "customBounds": "custom_bounds",
        "customBoundsStrategy": "custom_bounds_strategy",
        "splitLength": "split_length",
        "minLength": "min_length",
        "maxLength": "max_length",
    }
    return SentenceRules(**_fields(params, names))


def _word_rules(params: Spark) -> WordRules:
    names = {
        "targetPattern": "target_pattern",
        "prefixPattern": "prefix_pattern",
        "suffixPattern": "suffix_pattern",
        "infixPatterns": "infix_patterns",
        "addInfixPattern": "infix_patterns",
        "exceptions": "exceptions",
        "addException": "exceptions",
        "caseSensitiveExceptions": "case_sensitive_exceptions",
        "contextChars": "context_chars",
        "addContextChars": "context_chars",
        "splitChars": "split_chars",
        "splitPattern": "split_pattern",
        "minLength": "min_length",
        "maxLength": "max_length",
    }
    fields = _fields(params, names)
    if "addContextChars" in params:
        fields["context_chars"] = (*DEFAULT_CONTEXT_CHARS, params["addContextChars"])
    return WordRules(**fields)


def _fields(params: Spark, names: dict[str, str]) -> dict[str, Any]:
    fields = {}
    for name, value in params.items():
        if name != "explodeSentences":
            several = isinstance(value, list) or name.startswith("add")
            fields[names[name]] = (
                tuple([value] if isinstance(value, str) else value) if (several) else value
            )
    return fields


def _sentences(text: str, params: Spark, *, exact: bool) -> Found:
    rules = _sentence_rules(params)
    if exact:
        return [tuple(segment) for segment in recorded_sentences(text, rules)]
    return _in_units(text, split_sentences(text, rules))


def _words(text: str, splitter: WordSplitter, *, exact: bool) -> Found:
    """Words of all sentences; Spark NLP adds the sentence's offset to that in the sentence."""
    found: Found = []
    for sentence, begin, _ in _sentences(text, {}, exact=exact):
        if exact:
            words = RecordedWords(splitter).split(sentence)
            found += [(w.text, begin + w.begin, begin + w.end) for w in words]
        else:
            found += _in_units(sentence, splitter.split(sentence), begin)
    return found


class Tally:
    """Counts agreeing documents per set of options."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.agreeing: Counter[str] = Counter()

    def add(self, name: str, found: Found, recorded: Found) -> None:
        self.total[name] += 1
        self.agreeing[name] += found == recorded

    def shares(self) -> dict[str, float]:
        return {name: self.agreeing[name] / total for name, total in self.total.items()}

    def differing(self) -> dict[str, int]:
        return {name: n for name in self.total if (n := self.total[name] - self.agreeing[name])}


@pytest.fixture(scope="module")
def goldens(testdata: Path) -> Path:
    return testdata / "spark_nlp_answers"


@pytest.fixture(scope="module")
def texts(goldens: Path) -> dict[str, str]:
    return {d["id"]: d["text"] or "" for d in _lines(goldens / "documents.jsonl")}


def _structure(goldens: Path, texts: dict[str, str], *, exact: bool) -> Tally:
    tally = Tally()
    splitter = WordSplitter()
    for golden in _lines(goldens / "structure.jsonl"):
        text = texts[golden["id"]]
        document = [(text, 0, utf16_length(text))]
        tally.add("document", document, _recorded(golden["document"]))
        sentences = _sentences(text, {}, exact=exact)
        tally.add("sentence", sentences, _recorded(golden["sentence"]))
        words = _words(text, splitter, exact=exact)
        tally.add("token", words, _recorded(golden["token"]))
    return tally


def _options(goldens: Path, texts: dict[str, str], *, exact: bool) -> Tally:
    tally = Tally()
    splitters: dict[str, WordSplitter] = {}
    for golden in _lines(goldens / "options.jsonl"):
        text, params = texts[golden["id"]], golden["params"]
        name = f"{golden['annotator']} {json.dumps(params)}"
        if golden["annotator"] == "DocumentAssembler":
            cleaned = clean(text, params.get("cleanupMode", "disabled"))
            found = [(cleaned, 0, utf16_length(cleaned))]
            recorded = golden["document"]
        elif golden["annotator"] == "SentenceDetector":
            found = _sentences(text, params, exact=exact)
            rows = golden.get("rows") or [golden.get("sentence")]
            recorded = [annotation for row in rows for annotation in row or []]
        else:
            splitter = splitters.setdefault(name, WordSplitter(_word_rules(params)))
            found, recorded = _words(text, splitter, exact=exact), golden["token"]
        tally.add(name, found, _recorded(recorded))
    return tally


@pytest.mark.parametrize("measure", [_structure, _options])
def test_recorded_mode_agrees_with_spark_nlp(
    measure: Callable[..., Tally], goldens: Path, texts: dict[str, str]
) -> None:
    tally = measure(goldens, texts, exact=True)
    for name, share in tally.shares().items():
        print(f"{share:7.2%} of {tally.total[name]:3} documents: {name}")
    assert {name: share for name, share in tally.shares().items() if share < FLOOR} == {}
    assert sum(tally.total.values()) > 1000


def test_default_differs_nowhere_with_default_parameters(
    goldens: Path, texts: dict[str, str]
) -> None:
    assert _structure(goldens, texts, exact=False).differing() == {}


def test_default_differs_only_where_recorded_offsets_or_words_are_wrong(
    goldens: Path, texts: dict[str, str]
) -> None:
    assert _options(goldens, texts, exact=False).differing() == DIFFERING
