"""LightPipeline: what Spark NLP's gave, and what the pipeline gives over a frame."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.annotation import Annotation, AnnotationColumn
from embedpipe.annotator import BertEmbeddings, SentenceDetector, SentenceEmbeddings, Tokenizer
from embedpipe.base import (
    Doc2Chunk,
    DocumentAssembler,
    EmbeddingsFinisher,
    Finisher,
    LightPipeline,
    Pipeline,
    PipelineModel,
)
from embedpipe.errors import ColumnError, InputError, ParameterError
from tests.support.golden_models import load_encoders, records

SPARK_NLP = "spark-nlp-5.5.3"
TOLERANCE = 1e-4
TEXTS = ["I hate cancer. Antibiotics aren't painkillers!", "", " ", "😀 a", "One word"]
NAMES = ["document", "sentence", "token", "embeddings", "sentence_embeddings"]
# Documents of which Spark NLP drops tokens, or gives one another's vector.
DROPPED = {"awkward-086", "awkward-090", "awkward-098"}


@pytest.fixture(scope="module")
def stages(testdata, tmp_path_factory):
    encoder = load_encoders(testdata, tmp_path_factory.mktemp("models"))["tiny_bert"]
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
        BertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="embeddings"),
        SentenceEmbeddings(inputCols=["sentence", "embeddings"]),
    ]


@pytest.fixture(scope="module")
def model(stages):
    return Pipeline(stages=stages).fit()


@pytest.fixture(scope="module")
def recorded(testdata):
    return [r for r in records(testdata, "others") if r["annotator"] == "LightPipeline"]


@pytest.fixture(scope="module")
def texts(testdata):
    return {record["id"]: record["text"] for record in records(testdata, "documents")}


def answers(recorded, texts, model):
    """Recorded and our answer to each call with texts, per text and column, with its id."""
    for record in recorded:
        if not ("id" in record or record.get("ids")):
            continue
        light = LightPipeline(model, **record["params"])
        ids = record["ids"] if "ids" in record else [record["id"]]
        target = [texts[i] for i in ids]
        ours = getattr(light, record["call"])(target if "ids" in record else target[0])
        value = record["value"]
        assert type(ours).__name__ == value["type"]
        theirs = value["items"] if value["type"] == "list" else [value]
        for key, mine, item in zip(
            ids, ours if value["type"] == "list" else [ours], theirs, strict=True
        ):
            assert list(mine) == NAMES
            assert set(NAMES) == set(item["keys"])
            for name in NAMES:
                yield key, record["params"]["parse_embeddings"], mine[name], item["values"][name]


def numbers(text):
    return np.array(text.split(), dtype=np.float32)


def equal(mine, item, parsed, exactly):
    """Whether one annotation, or its text, is the recorded one.

    Unless `exactly`, a document has the pipeline's metadata where Spark NLP gives none.
    """
    if item["type"] == "str":
        if mine == item["value"] or not parsed:
            return mine == item["value"]
        return np.allclose(numbers(mine), numbers(item["value"]), rtol=0, atol=TOLERANCE)
    vector, metadata = mine.embeddings, mine.metadata
    if not exactly and item["annotatorType"] == "document" and item["metadata"] == {}:
        assert metadata == {"sentence": "0"}
        metadata = {}
    size, first = item["embeddings"]["size"], item["embeddings"]["first"]
    return (
        [mine.annotatorType, mine.begin, mine.end, mine.result, metadata]
        == [item[name] for name in ("annotatorType", "begin", "end", "result", "metadata")]
        and type(vector).__name__ == item["embeddings"]["type"]
        and len(vector) == size
        and np.allclose(vector[:4], first, rtol=0, atol=TOLERANCE)
    )


@pytest.mark.parametrize(("compatibility", "wanted"), [(SPARK_NLP, set()), ("none", DROPPED)])
def test_answers_are_the_recorded_ones(compatibility, wanted, recorded, texts, model):
    compatible = model.copy({"compatibility": compatibility})
    total, differing = 0, set()
    for key, parsed, ours, theirs in answers(recorded, texts, compatible):
        total += 1
        same = len(ours) == len(theirs["items"])
        pairs = zip(ours, theirs["items"], strict=False)
        exactly = compatibility == SPARK_NLP
        if not same or not all(equal(*pair, parsed, exactly) for pair in pairs):
            differing.add(key)
    assert total == (48 + 4 * 3) * len(NAMES)
    assert differing == wanted


def test_other_targets_are_refused_and_no_texts_give_no_answers(recorded, model):
    for record in recorded:
        if "error" in record["value"]:
            call = getattr(LightPipeline(model, **record["params"]), record["call"])
            if record.get("ids") == []:
                assert call([]) == []
            else:
                target = {"None": None, "5": 5}[record["argument"]]
                with pytest.raises(InputError, match="expected a text or a list of texts"):
                    call(target)


@pytest.mark.parametrize("target", [["a", None], [b"a"], [["a"]], [1.0], ["bad \ud800"]])
def test_lists_hold_texts_only(target, model):
    with pytest.raises(InputError, match=r"item \d of the list|lone surrogate"):
        LightPipeline(model).annotate(target)


def test_annotations_are_those_of_the_pipeline_over_a_frame(model):
    table = model.transform(pa.table({"text": TEXTS}))
    found = LightPipeline(model).fullAnnotate(TEXTS)
    for name in NAMES:
        assert [row[name] for row in found] == AnnotationColumn.from_arrow(table[name]).rows()
    asked = LightPipeline(model, parse_embeddings=True).fullAnnotate(TEXTS)
    assert asked == found
    plain = LightPipeline(model, parse_embeddings=False).fullAnnotate(TEXTS)
    recorded = LightPipeline(model.copy({"compatibility": SPARK_NLP})).fullAnnotate(TEXTS)
    assert not any(a.embeddings for row in recorded for name in NAMES for a in row[name])
    for with_vectors, without in zip(found, plain, strict=True):
        for name in NAMES:
            for one, other in zip(with_vectors[name], without[name], strict=True):
                assert other.embeddings == []
                one.embeddings = []
                assert one == other


def test_texts_come_out_in_their_order_whatever_their_number(model):
    many = [f"row {i}." for i in range(2100)]
    found = LightPipeline(PipelineModel(model.stages[:3])).annotate(many)
    assert [row["document"] for row in found] == [[text] for text in many]
    assert found[2099]["token"] == ["row", "2099", "."]


def test_a_text_and_a_list_of_it_give_the_same(model):
    light = LightPipeline(model)
    assert light.annotate("One word") == light.annotate(["One word"])[0]
    assert light.fullAnnotate("One word") == light.fullAnnotate(("One word",))
    assert isinstance(light.fullAnnotate("One word")[0]["token"][0], Annotation)


def test_a_frame_passes_through_the_pipeline(model):
    table = pa.table({"text": TEXTS})
    assert LightPipeline(model).transform(table).equals(model.transform(table))


def test_exploded_sentences_stay_with_their_text(stages):
    exploding = stages[1].copy({"explodeSentences": True})
    light = LightPipeline(PipelineModel([stages[0], exploding]))
    assert [row["sentence"] for row in light.annotate(["It is. So it is.", "", "No."])] == [
        ["It is.", "So it is."],
        [],
        ["No."],
    ]
    assert exploding.getExplodeSentences()


def test_a_finisher_chooses_columns_and_vectors_stay_annotations(stages):
    finisher = Finisher(inputCols=["token", "sentence"], outputCols=["a", "b"])
    light = LightPipeline(PipelineModel([*stages, finisher]))
    assert light.annotate("It is.") == {"sentence": ["It is."], "token": ["It", "is", "."]}
    vectors = EmbeddingsFinisher(inputCols=["embeddings"], cleanAnnotations=True)
    assert list(LightPipeline(PipelineModel([*stages, vectors])).annotate("It is.")) == NAMES


def test_every_document_assembler_gets_the_text(stages):
    other = DocumentAssembler(inputCol="title", outputCol="other")
    light = LightPipeline(PipelineModel([stages[0], other]))
    assert light.annotate("It is.") == {"document": ["It is."], "other": ["It is."]}


def test_stages_that_need_other_columns_are_refused(stages):
    chunk = Doc2Chunk(inputCols=["document"], outputCol="chunk", chunkCol="target")
    with pytest.raises(ColumnError, match=r"reads column 'target'.*PipelineModel\.transform"):
        LightPipeline(PipelineModel([stages[0], chunk]))
    LightPipeline(PipelineModel([stages[0], chunk.copy().clear("chunkCol")]))


@pytest.mark.parametrize("pipeline", [None, Pipeline(stages=[]), DocumentAssembler()])
def test_what_is_no_fitted_pipeline_is_refused(pipeline):
    with pytest.raises(ParameterError, match="expected a PipelineModel, as"):
        LightPipeline(pipeline)
