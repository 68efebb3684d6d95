"""Models of every format opened by path: the recorded outputs, and what Spark NLP answered."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from format_support import OUTPUT_TOLERANCE
from random_models import random_tensors, tiny_config, write_model
from test_cli_import import recorded_sequences
from test_format_importer import MODELS, SAME_AS, Recorded, archives
from tokenizers import Tokenizer as HuggingFaceTokenizer

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
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.opening import open_model, open_model_tree

SPARK_TOLERANCE = 1e-4  # Spark NLP's float32 in TensorFlow or ONNX Runtime, printed
NEW, OLD = "fixtures/spark_nlp_5.5.3", "fixtures/tf1/spark_nlp_2.6"


def check_outputs(encoder: Encoder, shared: Path, model: Recorded) -> None:
    expected = shared / "fixtures" / SAME_AS.get(model.path, model.expected)
    ids, outputs = recorded_sequences(expected.with_name(f"{expected.name}_outputs.npz"))
    assert ids
    for found, output in zip(encoder.forward(ids), outputs, strict=True):
        assert np.abs(found - output).max() < OUTPUT_TOLERANCE


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_an_encoder_opens_every_recorded_model(shared: Path, model: Recorded) -> None:
    for path in archives(shared, model):
        encoder = Encoder.load(path)
        check_outputs(encoder, shared, model)
        folded = [ids.tolist() for ids in encoder.tokenize(["I Hate", "i hate"]).ids]
        assert (folded[0] == folded[1]) is (model.lowercased or model.format == "huggingface")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_stages_open_every_recorded_model(shared: Path, model: Recorded) -> None:
    is_albert = "albert" in model.path
    stages = (AlbertEmbeddings,) if is_albert else (BertEmbeddings, BertSentenceEmbeddings)
    for path in archives(shared, model):
        for stage in stages:
            for load in (stage.load, stage.loadSavedModel):
                check_outputs(load(str(path)).encoder, shared, model)
    with pytest.raises(ModelFormatError, match="needs a model of architecture"):
        (BertEmbeddings if is_albert else AlbertEmbeddings).load(path)


def test_nothing_is_written_beside_a_model_that_is_opened(shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(shared / NEW / "bert_embeddings_onnx", folder, copy_function=shutil.copyfile)
    before = sorted(tmp_path.rglob("*"))
    BertEmbeddings.load(folder)
    assert sorted(tmp_path.rglob("*")) == before


# ---- Spark NLP's own answers ----

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


def answers(shared: Path, name: str) -> tuple[list[dict[str, Any]], np.ndarray]:
    """What Spark NLP made of each text, and the vectors that the annotations count into."""
    path = shared / f"{name}.json"
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
    shared: Path, model: str, expected: str, stage: type
) -> None:
    documents, vectors = answers(shared, expected)
    texts = [document["text"] for document in documents]
    loaded = stage.load(shared / model)
    metadata = json.loads((shared / model / "metadata/part-00000").read_text())
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
def test_albert_padded_as_in_spark_nlp_gives_the_recorded_vectors(shared: Path, case: Any) -> None:
    documents, vectors = answers(shared, case[1])
    encoder = AlbertEmbeddings.load(shared / case[0]).encoder
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
    hidden = encoder.forward(padded)
    for pieces, expected in zip(hidden, places, strict=True):
        for place, row in expected:
            assert np.abs(pieces[place] - vectors[row]).max() < SPARK_TOLERANCE


def test_flattened_sentence_vectors_hold_the_pieces_vectors(shared: Path) -> None:
    """What Spark NLP makes of an ONNX model that gives a sequence: all of it, end to end."""
    model = shared / NEW / "bert_sentence_embeddings_onnx"
    documents, vectors = answers(shared, f"{NEW}/bert_sentence_embeddings_onnx_expected")
    stage = BertSentenceEmbeddings.load(model)
    found = annotated(
        [*text_stages(), stage], [d["text"] for d in documents], "sentence_embeddings"
    )
    for document, row in zip(documents, found, strict=True):
        for answer, annotation in zip(document["annotations"], row, strict=True):
            rows = vectors[answer["row"]].reshape(-1, 32)
            pieces = stage._pieces([answer["result"]])
            count = len(pieces[0])
            hidden = stage.encoder.forward(pieces).values
            assert np.abs(hidden - rows[:count]).max() < SPARK_TOLERANCE
            mean = rows[:count].mean(axis=0)
            assert np.abs(annotation["embeddings"] - mean).max() < SPARK_TOLERANCE


PIPELINE = f"{NEW}/pipeline_bert_onnx"


def test_a_whole_pipeline_of_spark_nlp_is_loaded_with_its_parameters(shared: Path) -> None:
    documents, vectors = answers(shared, f"{NEW}/bert_embeddings_onnx_expected")
    frame = pd.DataFrame({"text": [document["text"] for document in documents]})
    archive = next((shared / NEW).glob("pipeline_bert_onnx_en_*.zip"))
    for path in (shared / PIPELINE, archive):
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
def spark_pipeline(shared: Path, tmp_path: Path) -> Path:
    """A recorded pipeline that may be changed."""
    folder = tmp_path / "pipeline"
    shutil.copytree(shared / PIPELINE, folder, copy_function=shutil.copyfile)
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
        ("", {"paramMap": {"stageUids": 5}}, "stageUids is no list"),
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
    with pytest.raises(ModelFormatError, match="other patterns than those of context characters"):
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


# ---- Hugging Face folders ----


def sentence_transformers_folder(folder: Path, inner: str = "") -> Path:
    """A random model with the files of sentence-transformers: mean, normalized, 20 pieces."""
    vocab = folder.with_suffix(".txt")
    vocab.parent.mkdir(parents=True, exist_ok=True)
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rain", "sun"]))
    write_model(folder / inner, tiny_config(), vocab=vocab)
    names = {"Transformer": inner, "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    steps = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(names.items())
    ]
    (folder / "modules.json").write_text(json.dumps(steps))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / inner / "sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    return folder


@pytest.mark.parametrize("inner", ["", "0_Transformer"])
@pytest.mark.parametrize("pickled", [False, True])
def test_an_imported_sentence_transformer_pools_as_before(
    tmp_path: Path, inner: str, pickled: bool
) -> None:
    import torch

    folder = sentence_transformers_folder(tmp_path / "model", inner)
    expected = Encoder.load(folder).encode(["rain sun", "sun"])
    if pickled:
        tensors = random_tensors(tiny_config())
        state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        torch.save(state, folder / inner / "pytorch_model.bin")
        (folder / inner / "model.safetensors").unlink()
    convert(folder, tmp_path / "out")
    for path in (folder, tmp_path / "out"):
        encoder = Encoder.load(path)
        assert (encoder.pooling, encoder.normalize, encoder.max_length) == ("cls", True, 20)
        assert (encoder.encode(["rain sun", "sun"]) == expected).all()


def test_a_folder_with_tokenizer_json_alone_is_imported(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    tokenizer = Encoder.load(folder).tokenizer._parts.text
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    convert(folder, tmp_path / "out")
    whole = HuggingFaceTokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    assert whole.get_vocab() == tokenizer.get_vocab()
    found = [Encoder.load(path).encode(["Rain, sun"]) for path in (folder, tmp_path / "out")]
    assert (found[0] == found[1]).all()


def test_a_zipped_folder_opens_like_the_folder(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    archived = Encoder.load(tmp_path / "model.zip")
    assert (archived.encode(["rain"]) == Encoder.load(folder).encode(["rain"])).all()
    assert archived.reference == str(tmp_path / "model.zip")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    for read in (Encoder.load, BertEmbeddings.load):
        with pytest.raises(ModelFormatError, match="is no model in a known format: found notes"):
            read(tmp_path)
    with pytest.raises(ModelNotFoundError, match="nothing is at"):
        BertEmbeddings.load(tmp_path / "absent")
    with pytest.raises(ModelFormatError, match="holds no saved stage or pipeline"):
        PipelineModel.load(tmp_path)


def test_tensors_that_are_kept_for_saving_are_views_of_the_file(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    for tensor in open_model(open_model_tree(folder)).files.tensors.values():
        assert not tensor.flags.owndata
