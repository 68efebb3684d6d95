"""What the data source does in Python, without a JVM: what it writes, and what it leaves behind."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql.types import StringType, StructField, StructType

from embedpipe.errors import ColumnError, ParameterError
from pyspark_embedpipe.writing import Writer
from tests.spark.jvm.published import TEXTS
from tests.spark.jvm.running import assert_same

SENTENCES = next(iter(TEXTS))
TEXT = StructType([StructField("text", StringType())])


def writer(models, folder, **changes):
    options = {"model": str(models / SENTENCES), "path": str(folder)} | changes
    return Writer(options, TEXT, overwrite=True)


def test_files_appear_with_the_commit_and_carry_sparks_schema(models, tmp_path):
    one = writer(models, tmp_path / "out")
    messages = [one.write(iter([pa.record_batch({"text": [text]})])) for text in TEXTS[SENTENCES]]
    assert not list((tmp_path / "out").glob("*.parquet"))
    one.commit([*messages, None, one.write(iter([]))])
    assert_same(tmp_path / "out", SENTENCES, models)
    (first, *_) = (tmp_path / "out").glob("part-*.parquet")
    told = json.loads(pq.read_schema(first).metadata[b"org.apache.spark.sql.parquet.row.metadata"])
    last = told["fields"][-1]
    assert (last["name"], last["metadata"]["dimension"]) == ("sentence_embeddings", 64)
    assert sorted(path.name for path in (tmp_path / "out").glob("_*")) == ["_SUCCESS"]


def test_an_abort_leaves_what_was_there(models, tmp_path):
    before = writer(models, tmp_path / "out")
    before.commit([before.write(iter([pa.record_batch({"text": ["One."]})]))])
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    failed = writer(models, tmp_path / "out")
    failed.abort([failed.write(iter([pa.record_batch({"text": ["Two."]})]))])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_a_bad_option_or_column_is_told_before_anything_is_written(models, tmp_path):
    with pytest.raises(ParameterError, match="option 'modle' is not known; expected model"):
        writer(models, tmp_path, modle="x")
    with pytest.raises(ParameterError, match=r"annotator is 'Bert'; expected BertEmb|AlbertEmb"):
        writer(models, tmp_path, annotator="Bert")
    with pytest.raises(ColumnError, match=r"'review' is missing"):
        writer(models, tmp_path, inputCol="review")
