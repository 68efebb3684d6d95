"""`Annotation`: one row as an object."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.annotation import (
    ANNOTATION_TYPE,
    Annotation,
    AnnotationColumn,
    annotation_field,
    annotator_type_of,
    is_annotation_type,
)
from tests.support.annotation_tables import words
from tests.support.card_support import Page


def token(**changes):
    fields = {
        "annotatorType": "token",
        "begin": 0,
        "end": 1,
        "result": "Hi",
        "metadata": [("sentence", "0")],
        "embeddings": [],
    }
    return {**fields, **changes}


def test_an_annotation_has_spark_nlps_fields_in_its_order():
    annotation = Annotation("token", 3, 5, "two", {"sentence": "1"}, [0.5])
    assert list(annotation.asDict()) == [
        "annotatorType", "begin", "end", "result", "metadata", "embeddings",
    ]  # fmt: skip
    assert annotation.annotator_type == annotation["annotatorType"] == "token"
    shown = "Annotation(token, 3, 5, two, {'sentence': '1'}, [0.5])"
    assert str(annotation) == repr(annotation) == shown
    annotation.embeddings = np.array([0.5], np.float32)
    assert str(annotation) == shown
    copy = annotation.copy("three")
    assert (copy.result, copy.begin, copy.metadata) == ("three", 3, {"sentence": "1"})
    assert annotation.result == "two"


def test_a_long_vector_is_shown_by_its_type_shape_and_first_numbers():
    vector = np.linspace(-0.0949, 1, 384, dtype=np.float32)
    annotation = Annotation("token", 0, 1, "<b>", {}, vector)
    assert repr(annotation) == "Annotation(token, 0, 1, <b>, {}, float32 (384,) [-0.09, -0.09, …])"
    annotation.embeddings = vector.tolist()
    assert "float (384,) [-0.09" in repr(annotation)
    page = Page(annotation._repr_html_())
    assert page.text.startswith("Annotation: token")
    assert "<b>" in page.text and "b" not in page.tags and "float (384,)" in page.text
    assert len(page.text) < 200


def test_a_column_is_shown_by_its_counts_and_the_shape_of_its_vectors():
    rows = [[(0, 1, "a", {}, [0.5, 1.0])], [], [(0, 1, "a", {}, [0.5, 1.0])] * 2]
    column = AnnotationColumn.from_arrow(words(rows)["words"])
    shown = "AnnotationColumn(word_embeddings, 3 annotations in 3 rows, float32 (3, 2))"
    assert repr(column) == shown


def test_annotations_are_equal_by_all_fields():
    def made(**changes):
        fields = Annotation("token", 0, 1, "a", {"k": "v"}, np.array([1.0, 2.0])).asDict()
        return Annotation(**{**fields, **changes})

    assert made() == made(embeddings=[1.0, 2.0])
    for field, value in {
        "annotatorType": "chunk", "begin": 1, "end": 2, "result": "b", "metadata": {},
        "embeddings": [1.0, 3.0],
    }.items():  # fmt: skip
        assert made() != made(**{field: value}), field
    assert made() != "a"


def test_an_annotation_is_made_from_anything_with_its_fields():
    row = SimpleNamespace(**token(metadata={"a": None}, embeddings=[1.0]))
    assert Annotation.fromRow(row).metadata == {"a": None}
    empty = Annotation.fromRow(token(metadata=None, embeddings=None))
    assert (empty.metadata, empty.embeddings) == ({}, [])
    with pytest.raises(KeyError, match="an annotation has annotatorType, begin"):
        Annotation.fromRow(row)["sentence"]


def test_the_annotator_type_is_read_from_the_field():
    assert annotator_type_of(annotation_field("a", "token")) == "token"
    assert annotator_type_of(pa.field("a", ANNOTATION_TYPE)) is None
    assert is_annotation_type(ANNOTATION_TYPE)
    assert not is_annotation_type(pa.list_(pa.string()))
