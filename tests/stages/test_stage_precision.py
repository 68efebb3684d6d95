"""`precision` of the stages with an encoder: what the encoder alone gives in that precision."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedpipe import Encoder
from embedpipe.annotation import AnnotationColumn
from embedpipe.base import DocumentAssembler, LightPipeline, Pipeline, PipelineModel
from embedpipe.engine.native import NativeEncoder, supported_precisions
from embedpipe.errors import ParameterError
from embedpipe.stages import AlbertEmbeddings, BertEmbeddings, BertSentenceEmbeddings, Tokenizer
from tests.saving.make_golden_pipeline import SAVED
from tests.support.golden_models import load_encoders

TEXTS = ["the king is dead", "long live the king", "it was the best of times"]
"""Every word is one piece in both vocabularies."""
STAGES = {
    BertEmbeddings: ("tiny_bert", ["document", "token"]),
    AlbertEmbeddings: ("tiny_albert", ["document", "token"]),
    BertSentenceEmbeddings: ("tiny_bert", ["document"]),
}

every_stage = pytest.mark.parametrize("kind", STAGES, ids=lambda kind: kind.__name__)


@pytest.fixture(scope="module")
def folders(testdata, tmp_path_factory):
    encoders = load_encoders(testdata, tmp_path_factory.mktemp("models"))
    return {name: encoder.path for name, encoder in encoders.items()}


def stage_of(kind, folders, **params):
    name, inputs = STAGES[kind]
    return kind(Encoder.load(folders[name]), inputCols=inputs, outputCol="out", **params)


def pipeline_of(stage):
    before = [DocumentAssembler(inputCol="text"), Tokenizer(inputCols=["document"])]
    return Pipeline(stages=[*before, stage])


def vectors(model):
    out = model.transform(pa.table({"text": TEXTS}))["out"]
    return AnnotationColumn.from_arrow(out).embeddings


def alone(kind, folders, precision):
    """What the stage's encoder gives without a stage."""
    encoder = Encoder.load(folders[STAGES[kind][0]], precision=precision)
    if kind is BertSentenceEmbeddings:
        return encoder.encode(TEXTS)
    ids = encoder.tokenize(TEXTS).ids
    assert ids.lengths.tolist() == [len(text.split()) + 2 for text in TEXTS]
    return np.concatenate([hidden[1:-1] for hidden in encoder.hidden_states(ids)])


@every_stage
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8", "auto"])
def test_vectors_are_those_of_the_encoder_in_that_precision(kind, precision, folders):
    stage = stage_of(kind, folders).setPrecision(precision)
    found = vectors(pipeline_of(stage).fit())
    assert found.tobytes() == alone(kind, folders, precision).tobytes()
    exact = alone(kind, folders, "float32")
    is_exact = stage.encoder.precision == "float32"
    assert (found.tobytes() == exact.tobytes()) == is_exact
    np.testing.assert_allclose(found, exact, atol=0.3)


@every_stage
def test_light_pipelines_and_settings_of_a_whole_pipeline_keep_it(kind, folders):
    wanted = alone(kind, folders, "int8")
    pipeline = pipeline_of(stage_of(kind, folders))
    model = pipeline.fit(pa.table({"text": TEXTS}), {"precision": "int8"})
    assert vectors(model).tobytes() == wanted.tobytes()
    assert vectors(pipeline.fit()).tobytes() == alone(kind, folders, "float32").tobytes()
    light = LightPipeline(model, parse_embeddings=True).fullAnnotate(TEXTS)
    found = [annotation.embeddings for text in light for annotation in text["out"]]
    assert np.array(found, np.float32).tobytes() == wanted.tobytes()


def test_weights_are_packed_in_no_other_precision(folders, monkeypatch):
    packed = []
    make = NativeEncoder.__init__

    def record(self, *args, **kwargs):
        packed.append(kwargs["precision"])
        make(self, *args, **kwargs)

    monkeypatch.setattr(NativeEncoder, "__init__", record)
    stage = stage_of(BertSentenceEmbeddings, folders).setPrecision("int8")
    model = pipeline_of(stage).fit()
    vectors(model)
    vectors(model.copy())
    assert packed == ["int8"]
    vectors(model.copy({"precision": "float32"}))
    assert packed == ["int8", "float32"]


@every_stage
def test_an_encoder_keeps_its_own_precision_unless_another_is_set(kind, folders, tmp_path):
    encoder = Encoder.load(folders[STAGES[kind][0]], precision="int8")
    stage = kind(encoder, inputCols=STAGES[kind][1], outputCol="out")
    assert (stage.getPrecision(), stage.isSet("precision")) == ("int8", False)
    stage.save(tmp_path / "saved")
    for made in (stage, kind.load(tmp_path / "saved")):
        model = pipeline_of(made).fit()
        assert vectors(model).tobytes() == alone(kind, folders, "int8").tobytes()
        exact = vectors(model.copy({"precision": "float32"}))
        assert exact.tobytes() == alone(kind, folders, "float32").tobytes()


@every_stage
@pytest.mark.parametrize("models", ["copy", "reference"])
def test_it_is_saved_and_loaded(kind, models, folders, tmp_path):
    model = pipeline_of(stage_of(kind, folders, precision="int8")).fit()
    model.save(tmp_path / "saved", models=models)
    loaded = PipelineModel.load(tmp_path / "saved")
    assert loaded.stages[-1].getPrecision() == "int8"
    assert vectors(loaded).tobytes() == alone(kind, folders, "int8").tobytes()


def test_what_earlier_versions_saved_is_float32():
    stage = BertSentenceEmbeddings.load(SAVED)
    assert (stage.getPrecision(), stage.encoder.precision) == ("float32", "float32")


@every_stage
def test_other_values_are_named_when_set(kind, folders):
    stage = stage_of(kind, folders)
    allowed = "must be one of float32, bfloat16, int8, auto, got"
    for wrong in ("half", "", 8, None):
        with pytest.raises(
            ParameterError, match=rf"{kind.__name__}.*precision {allowed} {wrong!r}"
        ):
            stage.setPrecision(wrong)
    assert stage.getPrecision() == "float32"


def test_what_the_reference_cannot_do_is_refused_when_set(folders):
    encoder = Encoder.load(folders["tiny_bert"], implementation="reference")
    stage = BertEmbeddings(encoder)
    with pytest.raises(ParameterError, match="'int8'; the reference implementation has none"):
        stage.setPrecision("int8")
    assert stage.setPrecision("auto").encoder is encoder


def test_padded_sentences_of_spark_nlp_are_exact_in_all_precisions(folders):
    """Those with padding beside them go without the engine; the longest has none."""
    found = {}
    for precision in supported_precisions():
        params = {"pooling": "flattened", "compatibility": "spark-nlp-5.5.3"}
        stage = stage_of(BertSentenceEmbeddings, folders, precision=precision, **params)
        found[precision] = vectors(pipeline_of(stage).fit())
    exact, low = found["float32"], found["int8"]
    assert low[:2].tobytes() == exact[:2].tobytes()
    assert low[2].tobytes() != exact[2].tobytes()
