"""Documents, sentences and tokens of pipelines against those that Spark NLP 5.5.3 gave."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from embedpipe.annotation import AnnotationColumn
from tests.support.golden_models import records
from tests.support.golden_runs import DEFAULT, RECORDED, groups, plain, run, text_stages, with_texts

# How many documents differ by default from those recorded (and so from those under compatibility,
# where none does), and why. Groups that are not listed differ nowhere.
SHIFTED = "a first word longer than splitLength shifts all offsets that follow by one"
ASTRAL = "separators beyond U+FFFF count as one unit"
LOST = "words behind a lost separator are placed where it stood"
STOP = "the split character has its meaning in patterns, any character"
OPTIONS_DIFFERING = {
    'SentenceDetector {"splitLength": 10}': (12, SHIFTED),
    'SentenceDetector {"splitLength": 1}': (64, SHIFTED),
    'SentenceDetector {"splitLength": 25}': (4, SHIFTED),
    'SentenceDetector {"splitLength": 40, "maxLength": 30}': (2, SHIFTED),
    'Tokenizer {"splitChars": ["-", "/", "\'"]}': (3, LOST),
    'Tokenizer {"splitChars": ["."]}': (18, STOP),
    'Tokenizer {"splitPattern": "\\\\d+"}': (4, LOST),
    'Tokenizer {"targetPattern": "\\\\w+"}': (4, ASTRAL),
    'Tokenizer {"targetPattern": "\\\\p{L}+|\\\\d+"}': (3, ASTRAL),
    'Tokenizer {"targetPattern": "."}': (4, ASTRAL),
}


@pytest.fixture(scope="module")
def texts(testdata):
    return {record["id"]: record["text"] for record in records(testdata, "documents")}


def differing(found, out):
    """How many documents differ in some recorded column."""
    if "rows" in found[0]:
        exploded = defaultdict(list)
        sentences = AnnotationColumn.from_arrow(out["sentence"]).rows()
        for key, row in zip(out["id"].to_pylist(), sentences, strict=True):
            exploded[key].append(plain(row))
        return sum(exploded[r["id"]] != [plain(row) for row in r["rows"]] for r in found)
    names = [name for name in ("document", "sentence", "token") if name in found[0]]
    columns = {name: AnnotationColumn.from_arrow(out[name]).rows() for name in names}
    return sum(
        any(plain(columns[name][i]) != plain(record[name]) for name in names)
        for i, record in enumerate(found)
    )


@pytest.mark.parametrize("setting", [DEFAULT, RECORDED])
@pytest.mark.parametrize("column", ["document", "sentence", "token"])
def test_default_structure_is_equal(column, setting, testdata, texts):
    found = [{"id": r["id"], column: r[column]} for r in records(testdata, "structure")]
    assert len(found) == 633
    found = with_texts(found, texts, setting)
    assert len(found) == (633 if setting == RECORDED else 632)
    assert differing(found, run(text_stages(), found, texts, setting)) == 0


def differing_by_options(testdata, texts, setting):
    counts, total = {}, 0
    for annotator, _, params, recorded in groups(testdata, "options"):
        found = with_texts(recorded, texts, setting)
        out = run(text_stages(annotator, params), found, texts, setting)
        total += len(found)
        if count := differing(found, out):
            counts[f"{annotator} {json.dumps(params)}"] = count
    assert total > 4000
    return counts


def test_structure_with_other_parameters_is_equal_under_compatibility(testdata, texts):
    assert differing_by_options(testdata, texts, RECORDED) == {}


def test_structure_with_other_parameters_differs_by_default_only_where_it_must(testdata, texts):
    expected = {name: count for name, (count, _) in OPTIONS_DIFFERING.items()}
    assert differing_by_options(testdata, texts, DEFAULT) == expected
