"""Stages as citizens of pyspark.ml."""

from __future__ import annotations

import subprocess
import sys

import pytest

from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher
from embedpipe.base import Pipeline as OwnPipeline
from embedpipe.base import PipelineModel as OwnModel
from embedpipe.errors import OutputError, ParameterError

LABELED = [("good fine nice", 1.0), ("bad awful sad", 0.0), ("fine good", 1.0), ("awful bad", 0.0)]


def stages():
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        BertSentenceEmbeddings.pretrained("sent_small_bert_L2_512").setParams(
            inputCols=["sentence"], outputCol="made"
        ),
        EmbeddingsFinisher(inputCols=["made"], outputCols=["vectors"], outputAsVector=True),
    ]


@pytest.fixture(scope="module")
def labeled(spark):
    return spark.createDataFrame(LABELED * 2, ["text", "label"])


def classifier(own):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import SQLTransformer

    one_row_each = SQLTransformer(
        statement="SELECT text, label, explode(vectors) AS features FROM __THIS__"
    )
    return Pipeline(stages=[*own, one_row_each, LogisticRegression(maxIter=5)])


def test_stages_are_transformers_whoever_was_imported_first():
    code = (
        "{}\nfrom pyspark.ml import Transformer\nfrom pyspark.ml.util import MLWritable\n"
        "from embedpipe.annotator import Tokenizer\n"
        "assert isinstance(Tokenizer(), (Transformer)) and isinstance(Tokenizer(), MLWritable)\n"
        "assert issubclass(Tokenizer, Transformer)"
    )
    for first in ("import embedpipe.annotator", "import pyspark.ml"):
        subprocess.run([sys.executable, "-c", code.format(first)], check=True)


def test_stages_import_no_pyspark():
    code = "import embedpipe.annotator, embedpipe.base, sys; assert 'pyspark' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("spark")
def test_parameters_know_their_stage():
    one, other = SentenceDetector(), SentenceDetector()
    from pyspark.ml.param import Param

    assert isinstance(one.maxLength, Param)
    assert one.maxLength == one.getParam("maxLength") == one.copy().maxLength
    assert one.maxLength != other.maxLength
    assert one.maxLength in one.params
    assert one.getOrDefault(one.minLength) == one.getMinLength() == 0
    assert "minLength" in one.explainParams()


@pytest.mark.usefixtures("spark")
def test_copies_take_what_a_map_holds_for_them():
    one, other = SentenceDetector(), SentenceDetector()
    extra = {one.minLength: 3, other.minLength: 7}
    assert one.copy(extra).getMinLength() == 3
    assert other.copy(extra).getMinLength() == 7
    assert one.getMinLength() == 0
    with pytest.raises(ParameterError, match="minLength must be an integer"):
        one.copy({one.minLength: "long"})


def test_a_classifier_learns_from_finished_vectors(labeled):
    model = classifier(stages()).fit(labeled)
    predicted = model.transform(labeled).select("label", "prediction").collect()
    assert all(row["label"] == row["prediction"] for row in predicted)


def test_parameters_are_searched_with_cross_validation(labeled):
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    own = stages()
    grid = ParamGridBuilder().addGrid(own[2].maxSentenceLength, [3, 8]).build()
    validator = CrossValidator(
        estimator=classifier(own),
        estimatorParamMaps=grid,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        seed=1,
    )
    fitted = validator.fit(labeled)
    assert len(fitted.avgMetrics) == 2
    best = fitted.bestModel.stages[2]
    assert best.uid == own[2].uid
    assert best.getMaxSentenceLength() in (3, 8)
    assert own[2].getMaxSentenceLength() == 64


def test_a_transform_takes_parameters_for_once(spark):
    frame = spark.createDataFrame([("one two three four five",)], ["text"])
    own = stages()[:3]
    model = OwnModel(own)
    whole, cut, again = (
        model.transform(frame, params).first()["made"][0]["embeddings"]
        for params in (None, {own[2].maxSentenceLength: 4}, {})
    )
    assert whole == again != cut


def test_pipelines_are_saved_and_loaded_through_spark(labeled, tmp_path):
    from pyspark.ml import PipelineModel

    model = classifier(stages()).fit(labeled)
    place = str(tmp_path / "model")
    model.save(place)
    loaded = PipelineModel.load(place)
    assert [stage.uid for stage in loaded.stages] == [stage.uid for stage in model.stages]
    before, after = (m.transform(labeled).select("prediction").collect() for m in (model, loaded))
    assert before == after
    stage = BertSentenceEmbeddings.load(f"{place}/stages/2_{model.stages[2].uid}")
    assert stage.getOutputCol() == "made"


def test_a_stage_goes_to_an_address_and_is_not_overwritten(spark, tmp_path):
    address = f"file://{tmp_path}/tokenizer"
    tokenizer = Tokenizer(inputCols=["sentence"], minLength=2)
    tokenizer.write().session(spark).save(address)
    assert Tokenizer.load(address).getMinLength() == 2
    with pytest.raises(OutputError, match="cannot save") as raised:
        tokenizer.write().session(spark).save(address)
    assert "overwrite()" in raised.value.remedy
    tokenizer.setMinLength(3).write().session(spark).overwrite().save(address)
    assert Tokenizer.load(address).getMinLength() == 3


def test_own_pipelines_take_frames_of_spark_and_are_saved_as_ever(spark, tmp_path):
    frame = spark.createDataFrame([("It rains. We stay.",)], ["text"])
    model = OwnPipeline(stages=stages()[:3]).fit(frame)
    model.save(tmp_path / "own")
    loaded = OwnModel.load(tmp_path / "own")
    assert loaded.transform(frame).collect() == model.transform(frame).collect()


def test_own_pipelines_are_stages_of_sparks(labeled):
    from pyspark.ml import Pipeline

    inner = OwnPipeline(stages=stages()[:2])
    rows = Pipeline(stages=[inner, *stages()[2:3]]).fit(labeled).transform(labeled)
    assert rows.first()["made"]
    rows = Pipeline(stages=[inner.fit(labeled)]).fit(labeled).transform(labeled)
    assert rows.columns == ["text", "label", "document", "sentence"]


@pytest.mark.usefixtures("spark")
def test_sparks_stages_in_an_own_pipeline_are_refused():
    from pyspark.ml.classification import LogisticRegression

    with pytest.raises(ParameterError, match=r"pyspark\.ml\.Pipeline, which takes these too"):
        OwnPipeline(stages=[LogisticRegression()])
