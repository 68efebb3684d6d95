"""TokenAssembler: tokens put together to documents."""

from __future__ import annotations

import pyarrow as pa
import pytest

from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import Tokenizer
from embedpipe.base import Pipeline, TokenAssembler
from tests.support.annotation_tables import annotations, beside, shown, text_stages


def test_the_published_example_of_tokens_put_together():
    # From Spark NLP's documentation of TokenAssembler: cleaned tokens, and its answer.
    text = (
        "Spark NLP is an open-source text processing library for advanced natural language "
        "processing."
    )
    kept = ["Spark", "NLP", "open-source", "text", "processing", "library", "advanced", "natural",
            "language", "processing."]  # fmt: skip
    tokens, start = [], 0
    for word in kept:
        start = text.index(word, start)
        clean = word.replace("-", "").replace(".", "")
        tokens.append((start, start + len(word) - 1, clean, {"sentence": "0"}))
        start += len(word)
    table = beside(
        annotations("document", [[(0, len(text) - 1, text, {"sentence": "0"})]], name="sentences"),
        annotations("token", [tokens], name="cleanTokens"),
    )
    stage = TokenAssembler().setInputCols("sentences", "cleanTokens").setOutputCol("cleanText")
    ((only,),) = AnnotationColumn.from_arrow(stage.transform(table)["cleanText"]).rows()
    assert (only.annotatorType, only.begin, only.end, only.metadata) == (
        "document", 0, 80, {"sentence": "0"},
    )  # fmt: skip
    assert only.result == (
        "Spark NLP opensource text processing library advanced natural language processing"
    )


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, [(1, 13, "One, two 😀 b"), (18, 20, "Yes")]),
        ({"preservePosition": True}, [(1, 15, "One,\t two  😀 b"), (18, 20, "Yes")]),
    ],
)
def test_white_space_between_tokens_is_one_space_or_kept(params, wanted):
    stages = text_stages()
    table = pa.table({"text": [" One,\t two  😀 b. Yes", "", None]})
    cut = Tokenizer(inputCols=["sentence"], outputCol="token", contextChars=[","])
    cut.setSplitChars(["."])
    made = TokenAssembler(inputCols=["sentence", "token"], outputCol="again", **params)
    out = Pipeline(stages=[*stages[:2], cut, made]).fit(table).transform(table)
    assert shown(out, "again") == [wanted, [], None]


def test_tokens_put_together_count_code_points_if_so_wanted():
    table = beside(
        annotations("document", [[(0, 4, "😀 a b", {})]], name="document"),
        annotations("token", [[(0, 0, "😀", {}), (4, 4, "b", {})]], name="token"),
    )
    made = TokenAssembler(
        inputCols=["document", "token"], outputCol="again", offsetUnit="codepoint"
    )
    assert shown(made.transform(table), "again") == [[(0, 2, "😀 b")]]
    kept = made.copy({"preservePosition": True})
    assert shown(kept.transform(table), "again") == [[(0, 3, "😀  b")]]
