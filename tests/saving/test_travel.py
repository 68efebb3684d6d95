"""Encoders and pipelines in other processes: the same bits, by Python's own means.

Those of joblib, Dask and Ray are in `tests/oracles/saving`.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedpipe import Encoder, _pickles
from embedpipe.annotator import SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, LightPipeline, Pipeline, PipelineModel
from embedpipe.errors import ModelFormatError, ModelNotFoundError

pytestmark = pytest.mark.usefixtures("importable")

BUNDLE = Path(__file__).parent / "golden_pipeline/format_1/bundle.zip"
TABLE = pa.table({"text": ["It rains a lot. The sun, though!", None, "Rain and sun"]})
TEXTS = ["it rains", "the sun, though!"]


def transformed(pipeline: Any) -> pa.Table:
    """What a worker does with a pipeline that it got."""
    return pipeline.transform(TABLE)


def encoded(encoder: Encoder) -> tuple[int, bytes]:
    """What a worker does with an encoder that it got; and which process it was."""
    return os.getpid(), encoder.encode(TEXTS).tobytes()


@pytest.fixture(scope="module")
def model() -> PipelineModel:
    loaded = PipelineModel.load(BUNDLE)
    loaded.transform(TABLE)  # its engine is there, and must stay behind
    return loaded


@pytest.fixture(scope="module")
def expected(model: PipelineModel) -> pa.Table:
    return model.transform(TABLE)


# ---- other processes ----


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork")  # that it is there while threads are
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(method: str, model, expected) -> None:
    encoder = model.stages[-1].encoder
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(transformed, [model]).equals(expected)
        worker, vectors = pool.apply(encoded, [encoder])
    assert (worker != os.getpid(), vectors) == (True, encoded(encoder)[1])


@pytest.mark.slow
def test_a_model_that_vanished_is_told_by_the_worker_that_needs_it(tmp_path) -> None:
    shutil.copy(BUNDLE, tmp_path)
    model = Sent(PipelineModel.load(tmp_path / BUNDLE.name))
    (tmp_path / BUNDLE.name).unlink()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.apply_async(transformed, [model])
        with pytest.raises(ModelNotFoundError, match=r"by reference to .*, where nothing is now"):
            answer.get(timeout=60)


class Sent:
    """Something that is on its way already."""

    def __init__(self, thing: Any) -> None:
        self._pickled = pickle.dumps(thing)

    def __reduce__(self) -> Any:
        return pickle.loads, (self._pickled,)


@pytest.mark.slow
def test_concurrent_futures(model, expected) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert list(pool.map(transformed, [model, model])) == [expected, expected]
        assert pool.submit(encoded, model.stages[-1].encoder).result()[0] != os.getpid()


# ---- pipelines ----


def test_pipelines_are_pickled_small_and_copied(model, expected) -> None:
    pipeline = Pipeline(stages=[*model.stages[:3], PipelineModel(model.stages[3:])])
    for made in (model, pipeline, LightPipeline(model)):
        sent = pickle.dumps(made)
        assert len(sent) < 8000
        for found in (pickle.loads(sent), copy.deepcopy(made)):
            assert type(found) is type(made)
            fitted = found.fit(TABLE) if isinstance(found, Pipeline) else found
            assert fitted.transform(TABLE).equals(expected)
    found = pickle.loads(pickle.dumps(model))
    assert found.uid == model.uid
    assert found.stages[-1].encoder is found.stages[-2].encoder
    light = pickle.loads(pickle.dumps(LightPipeline(model, parse_embeddings=True)))
    assert light.fullAnnotate(TEXTS) == LightPipeline(model, True).fullAnnotate(TEXTS)


def test_a_deep_copy_is_changed_alone(model) -> None:
    copied = copy.deepcopy(model)
    copied.stages[1].setParams(maxLength=5)
    assert model.stages[1].getMaxLength() == 40
    assert copied.stages[-1].encoder._model is model.stages[-1].encoder._model


def test_a_pipeline_of_text_alone_travels() -> None:
    stages = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"], infixPatterns=[r"(\w+)(')"], exceptions=["a lot"]),
    ]
    fitted = Pipeline(stages=stages).fit(TABLE)
    assert pickle.loads(pickle.dumps(fitted)).transform(TABLE).equals(fitted.transform(TABLE))


def test_a_pipeline_without_files_takes_its_weights_along_once(expected, tmp_path) -> None:
    shutil.copy(BUNDLE, tmp_path)
    loaded = PipelineModel.load(tmp_path / BUNDLE.name)
    (tmp_path / BUNDLE.name).unlink()
    sent = pickle.dumps(loaded)
    weights = sum(t.nbytes for t in loaded.stages[-1].encoder.model.tensors.values())
    assert weights < len(sent) < 2 * weights + 8000
    assert pickle.loads(sent).transform(TABLE).equals(expected)


def test_pickles_of_another_version_or_that_are_damaged_say_so(model, monkeypatch) -> None:
    sent = pickle.dumps(model)
    place = sent.rindex(model.uid.encode())
    with pytest.raises(ModelFormatError, match="pickle of a PipelineModel is damaged"):
        pickle.loads(sent[:place] + b"x" + sent[place + 1 :])
    old = pickle.dumps(SentenceDetector())
    monkeypatch.setattr(_pickles, "__version__", "99.0")
    with pytest.raises(ModelFormatError, match=r"SentenceDetector was made by embedpipe 0.*99\.0"):
        pickle.loads(old)
    with pytest.raises(ModelFormatError, match="says neither version nor checksum"):
        SentenceDetector().__setstate__({"uid": "SentenceDetector_1"})
