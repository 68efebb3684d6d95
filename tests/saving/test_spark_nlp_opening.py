"""Stages and pipelines that Spark NLP saved: loaded, they answer as Spark NLP did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from embedpipe import Encoder
from embedpipe.annotator import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
    TokenizerModel,
)
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.cli.import_model import convert
from embedpipe.errors import ModelFormatError

SPARK_TOLERANCE = 1e-4  # Spark NLP's float32 in TensorFlow or ONNX Runtime
NEW, OLD = "models/spark_nlp_5.5.3", "models/tf1/spark_nlp_2.6"

ANSWERS = [
    (f"{NEW}/bert_embeddings_tf", f"{NEW}/bert_embeddings_tf_expected", BertEmbeddings),
    (f"{NEW}/bert_embeddings_onnx", f"{NEW}/bert_embeddings_onnx_expected", BertEmbeddings),
    (f"{OLD}/bert_embeddings", f"{OLD}/bert_embeddings_sparknlp_expected", BertEmbeddings),
    (
        f"{OLD}/bert_embeddings_2.5_module_prefix",
        f"{OLD}/bert_embeddings_2.5_module_prefix_sparknlp_expected",
        BertEmbeddings,
    ),
    (
        f"{NEW}/bert_sentence_embeddings_tf",
        f"{NEW}/bert_sentence_embeddings_tf_expected",
        BertSentenceEmbeddings,
    ),
    (
        f"{OLD}/bert_sentence_embeddings_tf2_names",
        f"{OLD}/bert_sentence_embeddings_tf2_names_sparknlp_expected",
        BertSentenceEmbeddings,
    ),
    (f"{NEW}/albert_embeddings_tf", f"{NEW}/albert_embeddings_tf_expected", AlbertEmbeddings),
    (f"{NEW}/albert_embeddings_onnx", f"{NEW}/albert_embeddings_onnx_expected", AlbertEmbeddings),
    (f"{OLD}/albert_embeddings", f"{OLD}/albert_embeddings_sparknlp_expected", AlbertEmbeddings),
]


def answers(testdata: Path, name: str) -> tuple[list[dict[str, Any]], np.ndarray]:
    """What Spark NLP made of each text, and the vectors that the annotations count into."""
    path = testdata / f"{name}.json"
    with np.load(path.with_suffix(".npz")) as file:
        (vectors,) = (file[key] for key in file.files)
    return json.loads(path.read_text()), vectors


def annotated(stages: list[Any], texts: list[str], column: str) -> list[list[dict[str, Any]]]:
    frame = pd.DataFrame({"text": texts})
    return list(Pipeline(stages=stages).fit(frame).transform(frame)[column])


def text_stages() -> list[Any]:
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]


@pytest.mark.parametrize(("model", "expected", "stage"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_loaded_stage_answers_as_spark_nlp_did(
    testdata: Path, model: str, expected: str, stage: type
) -> None:
    documents, vectors = answers(testdata, expected)
    texts = [document["text"] for document in documents]
    loaded = stage.load(testdata / model)
    metadata = json.loads((testdata / model / "metadata/part-00000").read_text())
    assert loaded.uid == metadata["uid"]
    params = metadata["paramMap"]
    assert loaded.getStorageRef() == params.get("storageRef", loaded.uid)
    for name in params.keys() - {"poolingLayer"}:
        assert (loaded.isSet(name), loaded.getOrDefault(name)) == (True, params[name])
    found = annotated([*text_stages(), loaded], texts, loaded.getOutputCol())
    compared = 0
    for number, (document, row) in enumerate(zip(documents, found, strict=True)):
        assert len(row) == len(document["annotations"]) > 0
        for answer, annotation in zip(document["annotations"], row, strict=True):
            for key in ("begin", "end", "result"):
                assert annotation[key] == answer[key]
            assert dict(annotation["metadata"]) == answer["metadata"]
            # Spark NLP's ALBERT attends to padding: only its longest sentence is as it should be
            if stage is not AlbertEmbeddings or number == 1:
                recorded = vectors[answer["row"]]
                assert np.abs(annotation["embeddings"] - recorded).max() < SPARK_TOLERANCE
                compared += 1
    assert compared == (11 if stage is AlbertEmbeddings else len(vectors))


@pytest.mark.parametrize("case", [case for case in ANSWERS if case[2] is AlbertEmbeddings])
def test_albert_padded_as_in_spark_nlp_gives_the_recorded_vectors(
    testdata: Path, case: Any
) -> None:
    documents, vectors = answers(testdata, case[1])
    encoder = AlbertEmbeddings.load(testdata / case[0]).encoder
    sentences: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for number, document in enumerate(documents):
        for answer in document["annotations"]:
            sentences.setdefault((number, answer["metadata"]["sentence"]), []).append(answer)
    sequences, places = [], []
    for answers_ in sentences.values():
        words = encoder.tokenizer.encode_words([answer["result"] for answer in answers_])
        starts = 1 + words.offsets[:-1]
        places.append([(int(s), answer["row"]) for s, answer in zip(starts, answers_, strict=True)])
        sequences.append([encoder.tokenizer.cls_id, *words.values, encoder.tokenizer.sep_id])
    longest = max(map(len, sequences))
    padded = [[*sequence, *[1] * (longest - len(sequence))] for sequence in sequences]
    hidden = encoder.hidden_states(padded)
    for pieces, expected in zip(hidden, places, strict=True):
        for place, row in expected:
            assert np.abs(pieces[place] - vectors[row]).max() < SPARK_TOLERANCE


def test_sentence_vectors_of_a_sequence_are_flattened_or_their_mean(testdata: Path) -> None:
    """What Spark NLP makes of an ONNX model that gives a sequence: all of it, end to end."""
    model = testdata / NEW / "bert_sentence_embeddings_onnx"
    documents, vectors = answers(testdata, f"{NEW}/bert_sentence_embeddings_onnx_expected")
    texts = [document["text"] for document in documents]
    flat = BertSentenceEmbeddings.load(model).setCompatibility("spark-nlp-5.5.3")
    rows = annotated([*text_stages(), flat.setPooling("flattened")], texts, "sentence_embeddings")
    for document, row in zip(documents, rows, strict=True):
        for answer, annotation in zip(document["annotations"], row, strict=True):
            recorded = vectors[answer["row"]][: len(annotation["embeddings"])]
            assert np.abs(annotation["embeddings"] - recorded).max() < SPARK_TOLERANCE
    alone = flat.copy().setBatchSize(1)  # without padding
    unpadded = annotated([*text_stages(), alone], texts, "sentence_embeddings")
    mean = BertSentenceEmbeddings.load(model).setWordSplitting("basic-words")
    means = annotated([*text_stages(), mean], texts, "sentence_embeddings")
    for document, pieces, row in zip(documents, unpadded, means, strict=True):
        for answer, own, annotation in zip(document["annotations"], pieces, row, strict=True):
            recorded = vectors[answer["row"]][: len(own["embeddings"])]
            wanted = recorded.reshape(-1, 32).mean(axis=0)
            assert np.abs(annotation["embeddings"] - wanted).max() < SPARK_TOLERANCE


PIPELINE = f"{NEW}/pipeline_bert_onnx"


def test_a_whole_pipeline_of_spark_nlp_is_loaded_with_its_parameters(testdata: Path) -> None:
    documents, vectors = answers(testdata, f"{NEW}/bert_embeddings_onnx_expected")
    frame = pd.DataFrame({"text": [document["text"] for document in documents]})
    archive = next((testdata / NEW).glob("pipeline_bert_onnx_en_*.zip"))
    for path in (testdata / PIPELINE, archive):
        model = PipelineModel.load(path)
        assert [stage.uid for stage in model.stages] == [
            "DocumentAssembler_3bdc5c7f8ca7",
            "SentenceDetector_8bf7efa56402",
            "REGEX_TOKENIZER_f0f8142bf3f0",
            "BERT_EMBEDDINGS_d3fce4aa1e8e",
        ]
        *_, tokenizer, embeddings = model.stages
        assert isinstance(tokenizer, TokenizerModel)
        assert embeddings.getStorageRef() == "tiny_bert"
        assert (embeddings.isSet("engine"), embeddings.getEngine()) == (True, "onnx")
        assert embeddings.getMaxSentenceLength() == 64
        found = model.transform(frame)["embeddings"]
        for document, row in zip(documents, found, strict=True):
            for answer, annotation in zip(document["annotations"], row, strict=True):
                assert annotation["result"] == answer["result"]
                difference = annotation["embeddings"] - vectors[answer["row"]]
                assert np.abs(difference).max() < SPARK_TOLERANCE
        one = BertEmbeddings.load(path)
        assert (one.uid, one.extractParamMap()) == (embeddings.uid, embeddings.extractParamMap())
        assert SentenceDetector.load(path).uid == "SentenceDetector_8bf7efa56402"


@pytest.fixture
def spark_pipeline(testdata: Path, tmp_path: Path) -> Path:
    """A recorded pipeline that may be changed."""
    folder = tmp_path / "pipeline"
    shutil.copytree(testdata / PIPELINE, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder


def change_metadata(path: Path, **changes: Any) -> None:
    file = path / "metadata/part-00000"
    metadata = json.loads(file.read_text())
    for key, value in changes.items():
        if isinstance(value, dict):
            metadata[key] |= value
        else:
            metadata[key] = value
    file.write_text(json.dumps(metadata))


DETECTOR = "stages/1_SentenceDetector_8bf7efa56402"
TOKENIZER = "stages/2_REGEX_TOKENIZER_f0f8142bf3f0"
EMBEDDINGS = "stages/3_BERT_EMBEDDINGS_d3fce4aa1e8e"


def test_context_characters_come_out_of_the_rules(spark_pipeline: Path) -> None:
    rules = spark_pipeline / TOKENIZER / "fields/rules/part-00000"
    content = rules.read_bytes()
    # The same number of characters, so that every length in the stream still holds
    changed = content.replace(rb"""\Q.,;:!?*-()"'\E""", rb"""\Q.,;:!?*-()"i\E""")
    assert changed != content
    rules.write_bytes(changed)
    tokenizer = TokenizerModel.load(spark_pipeline)
    assert tokenizer.getRules().context_chars == tuple(""".,;:!?*-()"i""")


@pytest.mark.parametrize(
    ("stage", "changes", "finding"),
    [
        (DETECTOR, {"class": "com.johnsnowlabs.nlp.Other"}, r"class com\.johnsnowlabs\.nlp\.Other"),
        (DETECTOR, {"class": "org.apache.SentenceDetector"}, "does not have; it has"),
        (DETECTOR, {"paramMap": {"sideEffect": 1}}, "sets sideEffect, which embedpipe's Sentence"),
        (DETECTOR, {"paramMap": {"minLength": "many"}}, "does not take: .*minLength"),
        (DETECTOR, {"uid": None}, "uid is missing"),
        (EMBEDDINGS, {"paramMap": {"poolingLayer": -2}}, "poolingLayer is -2; embedpipe computes"),
        (EMBEDDINGS, {"paramMap": {"maxSentenceLength": 65}}, "at most 64, the positions"),
        ("", {"paramMap": {"stageUids": 5}}, "stageUids is not a list"),
        ("", {"paramMap": {"stageUids": ["../x"]}}, r"lacks stages/0_\.\./x"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    spark_pipeline: Path, stage: str, changes: dict, finding: str
) -> None:
    change_metadata(spark_pipeline / stage, **changes)
    with pytest.raises(ModelFormatError, match=finding) as caught:
        PipelineModel.load(spark_pipeline)
    assert str(spark_pipeline) in str(caught.value)


def test_patterns_of_ones_own_in_a_tokenizer_are_refused(spark_pipeline: Path) -> None:
    rules = spark_pipeline / TOKENIZER / "fields/rules/part-00000"
    rules.write_bytes(rules.read_bytes().replace(rb"(?:.*[^\Q", rb"(?:.+[^\Q"))
    with pytest.raises(ModelFormatError, match="patterns other than those of context characters"):
        PipelineModel.load(spark_pipeline)
    assert BertEmbeddings.load(spark_pipeline).getStorageRef() == "tiny_bert"  # as it advises


def test_layers_other_than_the_last_are_refused_by_every_reader(
    spark_pipeline: Path, tmp_path: Path
) -> None:
    folder = spark_pipeline / EMBEDDINGS
    for layer in (0, -2):
        change_metadata(folder, paramMap={"poolingLayer": layer})
        for read in (Encoder.load, BertEmbeddings.load, lambda p: convert(p, tmp_path / "out")):
            with pytest.raises(ModelFormatError, match=f"poolingLayer is {layer}"):
                read(folder)
    change_metadata(folder, paramMap={"poolingLayer": -1})
    assert BertEmbeddings.load(folder).getDimension() == 32


def test_a_pipeline_without_embeddings_has_no_model(spark_pipeline: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"expected one Tokenizer\. Load it with PipelineM"):
        Tokenizer.load(spark_pipeline)
    with pytest.raises(ModelFormatError, match="found 0 stages of embeddings"):
        BertEmbeddings.load(spark_pipeline / DETECTOR)
    with pytest.raises(ModelFormatError, match=r"Load it with SentenceDetector\.load"):
        PipelineModel.load(spark_pipeline / DETECTOR)
