"""Annotation columns against pyarrow's own conversion of Python objects, and Spark NLP's schema."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.annotation import (
    ANNOTATION_TYPE,
    METADATA_TYPE,
    Annotation,
    AnnotationColumn,
    annotation_field,
    metadata_map,
)
from embedpipe.errors import InputError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
int32s = st.integers(-(2**31), 2**31 - 1)


@st.composite
def annotation_rows(draw, dimension=None):
    """Rows as Arrow reads them: None, or lists of dicts; vectors of `dimension` or any numbers."""
    width = draw(st.integers(0, 3)) if dimension is None else dimension
    annotation = st.fixed_dictionaries(
        {
            "annotatorType": st.just("token"),
            "begin": int32s,
            "end": int32s,
            "result": st.none() | texts,
            "metadata": st.dictionaries(texts, st.none() | texts, max_size=3).map(
                lambda pairs: list(pairs.items())
            ),
            "embeddings": st.lists(
                st.floats(width=32, allow_nan=False),
                min_size=0 if dimension is None else width,
                max_size=width,
            ),
        }
    )
    return draw(st.lists(st.none() | st.lists(annotation, max_size=4), max_size=6))


def arrow(rows):
    return pa.array(rows, ANNOTATION_TYPE)


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


@given(annotation_rows())
def test_a_column_comes_back_from_arrow_as_it_went_in(rows):
    wanted = arrow(rows)
    got = AnnotationColumn.from_arrow(wanted, "token").to_arrow()
    got.validate(full=True)
    assert got.type == ANNOTATION_TYPE
    assert got.equals(wanted)


@given(annotation_rows())
def test_rows_are_the_annotations_that_arrow_holds(rows):
    got = AnnotationColumn.from_arrow(arrow(rows), "token").rows()
    wanted = [
        None if row is None else [Annotation.fromRow(fields) for fields in row] for row in rows
    ]
    assert got == wanted


@given(annotation_rows(), st.data())
def test_slicing_before_and_after_reading_gives_what_arrow_gives(rows, data):
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    whole = arrow(rows)
    wanted = whole.slice(start, stop - start)
    assert AnnotationColumn.from_arrow(whole, "token").slice(start, stop).to_arrow().equals(wanted)
    assert AnnotationColumn.from_arrow(wanted, "token").to_arrow().equals(wanted)


@given(annotation_rows(), annotation_rows())
def test_columns_are_equal_where_their_rows_are(first, second):
    columns = [AnnotationColumn.from_arrow(arrow(rows), "token") for rows in (first, second)]
    assert columns[0].equals(columns[1]) == (arrow(first).equals(arrow(second)))


@given(annotation_rows(dimension=2))
def test_columns_of_other_arrow_types_read_the_same(rows):
    struct = pa.struct(
        [
            ("embeddings", pa.large_list(pa.float64())),
            ("result", pa.large_string()),
            ("annotatorType", pa.dictionary(pa.int8(), pa.string())),
            ("begin", pa.int64()),
            ("end", pa.int32()),
            ("metadata", pa.map_(pa.large_string(), pa.string())),
        ]
    )
    foreign = pa.array(rows, pa.large_list(pa.field("item", struct)))
    got = AnnotationColumn.from_arrow(pa.chunked_array([foreign[:2], foreign[2:]]), "token")
    assert got.to_arrow().equals(arrow(rows))


@given(st.lists(st.fixed_dictionaries({}, optional={key: st.none() | texts for key in "abc"})))
def test_metadata_maps_leave_out_what_is_null(annotations):
    columns = {key: pa.array([a.get(key) for a in annotations], pa.string()) for key in "abc"}
    got = metadata_map({**columns, "d": "same"}, len(annotations))
    got.validate(full=True)
    wanted = [
        [(key, a[key]) for key in "abc" if a.get(key) is not None] + [("d", "same")]
        for a in annotations
    ]
    assert got.type == METADATA_TYPE
    assert got.to_pylist() == wanted


@given(st.lists(st.tuples(texts, texts)))
def test_metadata_is_the_same_from_dictionaries(pairs):
    columns = {key: pa.array([p[i] for p in pairs], pa.string()) for i, key in enumerate("ab")}
    encoded = {key: column.dictionary_encode() for key, column in columns.items()}
    got = metadata_map({**encoded, "c": columns["a"]}, len(pairs))
    got.validate(full=True)
    assert got.to_pylist() == [[("a", a), ("b", b), ("c", a)] for a, b in pairs]


def test_metadata_without_keys_is_an_empty_map():
    assert metadata_map({}, 2).to_pylist() == [[], []]


def test_metadata_fields_are_read_from_the_map():
    rows = [[token(metadata=[("a", "1"), ("b", "2")])], [token(metadata=[("b", "3")])]]
    column = AnnotationColumn.from_arrow(arrow(rows))
    assert column.metadata_field("a").to_pylist() == ["1", None]
    assert column.metadata_field("b").to_pylist() == ["2", "3"]


@given(annotation_rows(), st.data())
def test_metadata_fields_are_what_arrow_looks_up_in_maps(rows, data):
    whole = AnnotationColumn.from_arrow(arrow(rows), "token")
    start = data.draw(st.integers(0, whole.row_count))
    column = whole.slice(start, data.draw(st.integers(start, whole.row_count)))
    keys = {key for metadata in column.metadata.to_pylist() for key, _ in metadata}
    for name in [*sorted(keys), "absent"]:
        wanted = pc.map_lookup(column.metadata, pa.scalar(name), "first")
        assert column.metadata_field(name).equals(wanted)


def tokens_column(rows, begins, ends, result, vectors=None, metadata=None):
    return AnnotationColumn(
        annotator_type="token",
        row_offsets=np.array(rows, np.int32),
        begin=np.array(begins, np.int32),
        end=np.array(ends, np.int32),
        result=result,
        metadata=metadata_map({}, len(begins)) if metadata is None else metadata,
        embeddings=vectors,
    )


def test_of_a_repeated_metadata_key_the_first_counts_and_null_maps_have_none():
    maps = [[("a", "1"), ("a", "2")], [("a", "0")], [("b", "3"), ("a", None)], [("a", "4")]]
    full = pa.array(maps, METADATA_TYPE)
    pairs = pa.StructArray.from_arrays(
        [full.keys, full.items], fields=[METADATA_TYPE.key_field, METADATA_TYPE.item_field]
    )
    null_bits = pa.py_buffer(bytes([0b1101]))  # the second one is null, and has a pair all the same
    given = pa.Array.from_buffers(
        METADATA_TYPE, 4, [null_bits, full.buffers()[1]], children=[pairs]
    )
    column = tokens_column([0, 4], [0] * 4, [0] * 4, pa.array(["", "", "", ""]), metadata=given)
    assert column.metadata_field("a").to_pylist() == ["1", None, None, "4"]


def test_vectors_are_shared_with_arrow_both_ways():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    column = tokens_column([0, 1, 3], [0, 1, 2], [0, 1, 2], pa.array(["a", "b", "c"]), vectors)
    out = column.to_arrow()
    numbers = out.values.field("embeddings").values
    address = vectors.__array_interface__["data"][0]
    assert numbers.buffers()[1].address == address
    again = AnnotationColumn.from_arrow(out)
    assert again.embeddings.__array_interface__["data"][0] == address
    assert again.embeddings.tolist() == vectors.tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["text"]), "holds no annotations"),
        (pa.array([[{"begin": 1}]]), "holds no annotations"),
        (arrow([[token(), None]]), "1 of 2 annotations are null"),
        (arrow([[token()], [token(annotatorType="chunk")]]), "of type chunk, token"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(column, message):
    with pytest.raises(InputError, match=message):
        AnnotationColumn.from_arrow(column)


def test_a_null_begin_is_refused():
    element = pa.struct([pa.field(f.name, f.type) for f in ANNOTATION_TYPE.value_type])
    with pytest.raises(InputError, match="begin is null in 1 annotations"):
        AnnotationColumn.from_arrow(pa.array([[token(begin=None)]], pa.list_(element)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("begin", 2**31, "begin has type int64, not int32"),
        ("end", "last", "end has type string, not int32"),
        ("result", [1], "result has type list"),
        ("metadata", {"sentence": "0"}, "metadata has type struct"),
        ("embeddings", ["a"], "embeddings has type list<item: string>, not list<element: float"),
        ("embeddings", [None, 1.0], "1 numbers of the vectors are null"),
    ],
)
def test_parts_of_other_types_are_refused_by_name(name, value, message):
    element = pa.struct(
        [
            pa.field(f.name, pa.array([value]).type if f.name == name else f.type)
            for f in ANNOTATION_TYPE.value_type
        ]
    )
    column = pa.array([[token(**{name: value})]], pa.list_(element))
    with pytest.raises(InputError, match=message):
        AnnotationColumn.from_arrow(column)


def test_another_annotator_type_than_the_expected_is_refused():
    with pytest.raises(InputError, match="of type token, not annotations of type document"):
        AnnotationColumn.from_arrow(arrow([[token()]]), "document")


def test_vectors_beyond_what_an_arrow_list_holds_are_refused():
    n = 2**16
    vectors = np.broadcast_to(np.float32(0), (n, 2**15 + 1))  # takes no memory
    zeros = np.zeros(n)
    column = tokens_column([0, n], zeros, zeros, pa.nulls(n, pa.string()), vectors)
    with pytest.raises(InputError, match="pass fewer or shorter rows"):
        column.to_arrow()


def spark_type(spark):
    """The Arrow type for a type of Spark's JSON schemas."""
    plain = {"string": pa.string(), "integer": pa.int32(), "float": pa.float32()}
    if isinstance(spark, str):
        return plain[spark]
    if spark["type"] == "array":
        element = spark_type(spark["elementType"])
        return pa.list_(pa.field("element", element, nullable=spark["containsNull"]))
    if spark["type"] == "map":
        value = pa.field("value", spark_type(spark["valueType"]), spark["valueContainsNull"])
        return pa.map_(spark_type(spark["keyType"]), value)
    fields = [pa.field(f["name"], spark_type(f["type"]), f["nullable"]) for f in spark["fields"]]
    return pa.struct(fields)


def test_the_column_type_is_spark_nlps_nullability_included(testdata):
    schemas = json.loads((testdata / "spark_nlp_answers/schemas.json").read_text(encoding="utf-8"))
    columns = [
        annotator["output_column"]
        for annotator in schemas["annotators"].values()
        if annotator.get("output_column")
    ]
    assert len(columns) >= 7
    for column in columns:
        recorded = column["metadata"]
        field = annotation_field(
            column["name"],
            recorded["annotatorType"],
            dimension=recorded.get("dimension"),
            ref=recorded.get("ref"),
        )
        assert field.type == spark_type(column["type"])
        assert field.nullable == column["nullable"]
        assert {k.decode(): v.decode() for k, v in field.metadata.items()} == {
            key: str(value) for key, value in recorded.items()
        }
