"""Frames of Dask and Ray, whose partitions are transformed in other processes: the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import embedpipe
from embedpipe.annotation import AnnotationColumn
from embedpipe.encoder import Encoder
from embedpipe.errors import ColumnError
from tests.support.golden_models import load_encoders
from tests.support.libraries import require
from tests.support.small_pipelines import embedding, sentences
from tests.support.wide_table import TEXTS, wide_table

pytestmark = pytest.mark.usefixtures("importable")

pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's and Ray's own


@pytest.fixture(scope="module")
def encoder(testdata, tmp_path_factory) -> Encoder:
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]


@pytest.fixture(scope="module")
def expected(encoder) -> bytes:
    return encoder.encode(TEXTS).tobytes()


@pytest.fixture
def dask_frame() -> Any:
    columns = ["id", "text", "kind", "when", "share"]  # Dask makes strings of objects
    frame = wide_table().select(columns).to_pandas().set_index(np.array(list("abcde")))
    return require("dask.dataframe").from_pandas(frame, npartitions=2)


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask_frames_keep_their_rows_and_divisions(scheduler, dask_frame, encoder, expected):
    out = embedding(encoder).transform(dask_frame)
    assert out.divisions == dask_frame.divisions
    assert [*out.columns] == [*dask_frame.columns, "vector"]
    made = out.compute(scheduler=scheduler)
    assert embedpipe.vectors(made["vector"]).tobytes() == expected
    before = dask_frame.compute()
    assert made.drop(columns="vector").equals(before)
    assert made.index.tolist() == list("abcde")


def test_partitions_of_dask_are_mapped(dask_frame, encoder, expected):
    made = dask_frame.map_partitions(embedding(encoder).transform).compute(scheduler="threads")
    assert embedpipe.vectors(made["vector"]).tobytes() == expected


def test_annotations_go_through_dask(dask_frame):
    table = sentences().transform(wide_table())
    made = sentences().transform(dask_frame).compute(scheduler="threads")
    found = AnnotationColumn.from_arrow(made["sentence"])
    assert found.equals(AnnotationColumn.from_arrow(table["sentence"]))
    exploded = sentences(explodeSentences=True).transform(dask_frame)
    assert exploded.compute(scheduler="threads")["id"].tolist() == [5, 5, 2, 1, 1]


def test_dask_frames_are_checked_before_anything_runs(dask_frame):
    model = embedpipe.PipelineModel(sentences().stages)
    for frame, found in (
        (dask_frame.drop(columns="text"), "'text' is missing"),
        (dask_frame.assign(text=1), "'text' holds int64"),
    ):
        with pytest.raises(ColumnError, match=found):
            model.transform(frame)


@pytest.fixture(scope="module")
def ray_data() -> Iterator[Any]:
    ray = require("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    data = require("ray.data")
    data.DataContext.get_current().enable_progress_bars = False
    yield data
    ray.shutdown()


def test_ray_datasets_keep_their_columns(ray_data, encoder, expected):
    table = wide_table()
    out = embedding(encoder).transform(ray_data.from_arrow([table[:2], table[2:]]))
    ray = require("ray")
    made = pa.concat_tables(ray.get(out.to_arrow_refs())).sort_by([("id", "descending")])
    assert embedpipe.vectors(made["vector"]).tobytes() == expected
    assert made.drop_columns("vector").equals(table)


@pytest.mark.parametrize("form", ["default", "pandas", "pyarrow", "numpy"])
def test_batches_of_ray_are_mapped(form, ray_data, encoder, expected):
    frame = ray_data.from_arrow(wide_table().select(["id", "text"]))
    rows = frame.map_batches(embedding(encoder).transform, batch_format=form).take_all()
    rows.sort(key=lambda row: -row["id"])
    assert embedpipe.vectors([row["vector"] for row in rows]).tobytes() == expected


def test_ray_datasets_are_checked_by_fit(ray_data):
    frame = ray_data.from_arrow(wide_table().select(["id"]))
    with pytest.raises(ColumnError, match="'text' is missing"):
        embedpipe.Pipeline(stages=sentences().stages).fit(frame)
