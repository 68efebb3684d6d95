"""EmbeddingsFinisher with `outputAs`: vectors as plain columns of fixed-size lists."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import embedpipe
from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, Pipeline, PipelineModel
from embedpipe.errors import ColumnError, InputError, ParameterError
from tests.support.annotation_tables import words
from tests.support.golden_models import load_encoders

TEXTS = ["It is. So it is.", None, "", "One"]
VECTOR = pa.list_(pa.float32(), 2)


@pytest.fixture(scope="module")
def encoder(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]


def finisher(form, *, name="words", **params):
    return EmbeddingsFinisher(inputCols=[name], outputCols=["out"], outputAs=form, **params)


def sentence_stages(encoder, *, of="document"):
    stages = [DocumentAssembler(inputCol="text")]
    if of == "sentence":
        stages.append(SentenceDetector(inputCols=["document"], outputCol="sentence"))
    return [*stages, BertSentenceEmbeddings(encoder, inputCols=[of], outputCol="made")]


def embedded(encoder, frame):
    stage = finisher("vector", name="made", cleanAnnotations=True)
    return Pipeline(stages=[*sentence_stages(encoder), stage]).fit(frame).transform(frame)


def test_one_vector_a_row_is_that_of_the_encoder_in_every_kind_of_frame(encoder):
    expected = encoder.encode(TEXTS)
    table = pa.table({"text": TEXTS, "n": [1, 2, 3, 4]})
    for frame in (table, table.to_batches()[0], pl.from_arrow(table), table.to_pandas()):
        out = embedded(encoder, frame)
        found = embedpipe.vectors(out["out"])
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    assert embedded(encoder, table).column_names == ["text", "n", "out"]
    assert embedded(encoder, table)["out"].type == pa.list_(pa.float32(), encoder.dimension)
    assert embedded(encoder, table)["out"].null_count == 1
    assert embedded(encoder, pl.from_arrow(table))["out"].dtype == pl.Array(
        pl.Float32, encoder.dimension
    )


def test_cells_of_pandas_are_arrays_and_come_back_from_parquet(encoder, tmp_path):
    frame = pd.DataFrame({"text": TEXTS, "n": [1, 2, 3, 4]}, index=list("abba"))
    out = embedded(encoder, frame)
    assert list(out.index) == list("abba")
    assert out["out"].isna().tolist() == [False, True, False, False]
    there = np.stack(out["out"].dropna())
    np.testing.assert_array_equal(
        there, encoder.encode([text for text in TEXTS if text is not None])
    )
    out.to_parquet(tmp_path / "a.parquet")
    read = pd.read_parquet(tmp_path / "a.parquet")
    assert list(read.index) == list("abba")
    np.testing.assert_array_equal(embedpipe.vectors(read["out"]), encoder.encode(TEXTS))


def test_no_copy_is_made_for_the_matrix_of_a_frame(encoder):
    out = embedded(encoder, pd.DataFrame({"text": ["one", "two"] * 1000}))
    assert np.shares_memory(embedpipe.vectors(out["out"]), out["out"][1234])


def test_duckdb_and_polars_read_arrays_from_parquet(encoder, tmp_path):
    path = tmp_path / "a.parquet"
    out = embedded(encoder, pa.table({"text": ["one", "two"]}))
    pyarrow.parquet.write_table(out, path)
    size = encoder.dimension
    one, two = encoder.encode(["one", "two"])
    assert pl.read_parquet(path)["out"].dtype == pl.Array(pl.Float32, size)
    cosine = duckdb.sql(
        f"select array_cosine_similarity(a.out::float[{size}], b.out::float[{size}]) "
        f"from '{path}' a, '{path}' b where a.text = 'one' and b.text = 'two'"
    ).fetchall()[0][0]
    assert cosine == pytest.approx(one @ two / np.linalg.norm(one) / np.linalg.norm(two), abs=1e-5)


def test_several_vectors_a_row_are_lists_of_arrays(encoder):
    stages = [*sentence_stages(encoder, of="sentence"), finisher("vectors", name="made")]
    table = pa.table({"text": TEXTS})
    out = PipelineModel(stages).transform(table)
    assert out["out"].type.value_type == pa.list_(pa.float32(), encoder.dimension)
    assert out["out"].is_valid().to_pylist() == [True, False, True, True]
    rows = AnnotationColumn.from_arrow(out["made"]).rows()
    assert out["out"].to_pylist() == [
        None if row is None else [found.embeddings.tolist() for found in row] for row in rows
    ]
    assert pl.from_arrow(out)["out"].dtype == pl.List(pl.Array(pl.Float32, encoder.dimension))


def test_rows_of_exploded_sentences_have_one_vector_each(encoder):
    stages = sentence_stages(encoder, of="sentence")
    stages[1].setExplodeSentences(True)
    out = PipelineModel([*stages, finisher("vector", name="made")]).transform(
        pa.table({"text": TEXTS})
    )
    expected = encoder.encode(["It is.", "So it is.", "One"])
    np.testing.assert_array_equal(embedpipe.vectors(out["out"]), expected)


@pytest.mark.parametrize("part", [slice(None), slice(1, None), slice(1, 2), slice(0, 0)])
def test_rows_without_a_vector_are_null_in_any_slice(part):
    rows = [[(0, 0, "a", {}, [1, 2])], None, [], [(0, 0, "b", {}, [3, 4])]]
    out = finisher("vector").transform(words(rows)[part])["out"]
    assert out.type == VECTOR
    out.validate(full=True)
    assert out.to_pylist() == [[1, 2], None, None, [3, 4]][part]
    out = finisher("vectors").transform(words(rows)[part])["out"]
    out.validate(full=True)
    assert out.to_pylist() == [[[1, 2]], None, [], [[3, 4]]][part]


def empty_ones():
    """Words of which the second has no vector, as chunks without words have none."""
    column = words([[(0, 0, "a", {}, [1, 2])], [(0, 0, "b", {}, [0, 0])]])
    found = AnnotationColumn.from_arrow(column["words"])
    made = AnnotationColumn(**{**vars(found), "vector_lengths": np.array([2, 0], np.int32)})
    return pa.table([made.to_arrow()], schema=column.schema)


def test_an_empty_vector_is_null():
    assert finisher("vector").transform(empty_ones())["out"].to_pylist() == [[1, 2], None]
    assert finisher("vectors").transform(empty_ones())["out"].to_pylist() == [[[1, 2]], [None]]
    assert finisher("vector").transform(empty_ones()[1:])["out"].to_pylist() == [None]


def test_several_vectors_in_a_row_are_refused_with_its_number():
    two = [(0, 0, "a", {}, [1, 2]), (1, 1, "b", {}, [3, 4])]
    table = words([two[:1], two])
    with pytest.raises(InputError, match=r"'words', row 1 has 2 vectors; expected one a row.*"):
        finisher("vector").transform(table)


def test_vectors_of_another_length_than_the_column_says_are_refused(encoder):
    stages = sentence_stages(encoder)
    stages[-1].setDimension(7)
    table = pa.table({"text": TEXTS})
    for form in ("vector", "vectors"):
        model = PipelineModel([*stages, finisher(form, name="made")])
        with pytest.raises(
            InputError, match=r"'made', row 0 has a vector of \d+ numbers; expected 7"
        ):
            model.transform(table)


def test_the_length_is_found_in_the_data_or_asked_for():
    table = words([None, [(0, 0, "a", {}, [1, 2])]])
    bare = table.cast(pa.schema([part.remove_metadata() for part in table.schema]))
    assert finisher("vector").transform(bare)["out"].to_pylist() == [None, [1, 2]]
    frame = pd.DataFrame(bare.to_pandas(types_mapper=pd.ArrowDtype))
    assert finisher("vector").transform(frame)["out"][1].tolist() == [1, 2]
    with pytest.raises(ColumnError, match="'words' does not say how many numbers"):
        finisher("vector").transform(bare[:1])
    Pipeline(stages=[finisher("vector")])  # where the frame is still to come


def test_forms_that_contradict_one_another_are_refused():
    with pytest.raises(ParameterError, match="outputAsVector=True asks for 64-bit"):
        finisher("vector", outputAsVector=True)
    with pytest.raises(ParameterError, match="outputAs must be one of lists, vectors, vector"):
        finisher("arrays")
