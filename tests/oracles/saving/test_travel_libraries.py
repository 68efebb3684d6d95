"""Encoders and pipelines in the workers of joblib, Dask and Ray: the same bits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from embedpipe.base import PipelineModel
from tests.saving.test_travel import BUNDLE, TABLE, encoded, transformed
from tests.support.libraries import require

pytestmark = pytest.mark.usefixtures("importable")


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    loaded = PipelineModel.load(BUNDLE)
    loaded.transform(TABLE)  # its engine is there, and must stay behind
    return loaded


@pytest.fixture(scope="module")
def expected(model: PipelineModel) -> pa.Table:
    return model.transform(TABLE)


def test_joblib(model, expected) -> None:
    joblib = require("joblib")
    with joblib.parallel_config("loky", n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(transformed)(model) for _ in range(3))
        workers = joblib.Parallel()([joblib.delayed(encoded)(model.stages[-1].encoder)] * 2)
    require("joblib.externals.loky").get_reusable_executor().shutdown(wait=True)
    assert found == [expected] * 3
    assert os.getpid() not in {worker for worker, _ in workers}


@pytest.fixture
def dask_client() -> Iterator[Any]:
    distributed = require("distributed")
    settings = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with (
        distributed.LocalCluster(**settings, processes=True) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("ignore")  # of its own
def test_dask(model, expected, dask_client) -> None:
    dask = require("dask")
    assert dask.delayed(transformed)(model).compute().equals(expected)
    results = dask_client.gather(dask_client.map(encoded, [model.stages[-1].encoder], pure=False))
    assert results[0][0] != os.getpid()
    assert results[0][1] == encoded(model.stages[-1].encoder)[1]


@pytest.mark.filterwarnings("ignore")  # of its own
def test_ray(model, expected) -> None:
    ray = require("ray")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        assert ray.get(ray.remote(transformed).remote(model)).equals(expected)
        shared = ray.put(model.stages[-1].encoder)
        worker, vectors = ray.get(ray.remote(encoded).remote(shared))
    finally:
        ray.shutdown()
    assert (worker != os.getpid(), vectors) == (True, encoded(model.stages[-1].encoder)[1])
