"""Saved stages and pipelines: what is written, where, and what others read of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from embedpipe import Encoder
from embedpipe.annotator import (
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
    TokenizerModel,
)
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import (
    ModelNotFoundError,
    OutputError,
    ParameterError,
    TruncationWarning,
)
from embedpipe.pipeline.savable import Savable
from embedpipe.saving import load
from embedpipe.saving.tree import FORMAT_VERSION
from tests.support.cli_support import names_in
from tests.support.golden_models import load_encoders
from tests.support.stage_makers import albert, sentences, text_stages, words

TEXTS = ["I hate cancer. Antibiotics aren't painkillers!", None, "One word"]
FRAME = pd.DataFrame({"text": TEXTS})


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


@pytest.fixture
def pipeline(encoders) -> Pipeline:
    tiny = encoders["tiny_bert"]
    last = [words(tiny), sentences(tiny), albert(encoders["tiny_albert"])]
    return Pipeline(stages=[*text_stages(), *last])


@pytest.fixture
def saved(pipeline, tmp_path) -> Path:
    pipeline.fit(FRAME).save(tmp_path / "saved")
    return tmp_path / "saved"


def document(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "stages.json").read_text())


# ---- what is written ----


def test_a_pipeline_model_is_loaded_equal(pipeline, tmp_path) -> None:
    model = pipeline.fit(FRAME)
    model.save(tmp_path / "saved")
    loaded = PipelineModel.load(tmp_path / "saved")
    assert loaded.uid == model.uid
    assert [stage.uid for stage in loaded.stages] == [stage.uid for stage in model.stages]
    assert loaded.transform(FRAME).equals(model.transform(FRAME))
    assert PipelineModel.read().load(str(tmp_path / "saved")).uid == model.uid
    assert type(load(tmp_path / "saved", Savable)) is PipelineModel


def test_each_model_is_stored_once_and_shared_again(saved) -> None:
    assert names_in(saved) == ["models", "stages.json"]
    assert names_in(saved / "models") == ["tiny_albert", "tiny_bert"]
    *_, word_stage, sentence_stage, albert_stage = PipelineModel.load(saved).stages
    assert word_stage.encoder is sentence_stage.encoder
    assert word_stage.encoder is not albert_stage.encoder
    assert word_stage.encoder.name == "tiny_bert"


def test_equal_models_loaded_twice_are_stored_once_and_others_apart(encoders, tmp_path) -> None:
    folder = shutil.copytree(encoders["tiny_bert"].path, tmp_path / "a/tiny_bert")
    again = words(Encoder.load(folder))
    changed = json.loads((folder / "config.json").read_text()) | {"layer_norm_eps": 1e-5}
    (folder / "config.json").write_text(json.dumps(changed))
    other = words(Encoder.load(folder)).setOutputCol("other")
    stages = [sentences(encoders["tiny_bert"]), again, other]
    model = PipelineModel([*text_stages(), *stages])
    model.save(tmp_path / "saved")
    assert names_in(tmp_path / "saved/models") == ["tiny_bert", "tiny_bert-2"]
    loaded = PipelineModel.load(tmp_path / "saved")
    assert loaded.transform(FRAME).equals(model.transform(FRAME))


def test_the_json_is_readable_and_holds_what_was_set_and_no_more(encoders, tmp_path) -> None:
    stage = sentences(encoders["tiny_bert"])
    stage.save(tmp_path / "saved")
    found = document(tmp_path / "saved")
    assert found["format_version"] == FORMAT_VERSION == 1
    assert found["saved"] == {
        "class": "BertSentenceEmbeddings",
        "uid": stage.uid,
        "params": {"inputCols": ["sentence"], "outputCol": "vectors"},
        "defaults": {
            "dimension": 64,
            "maxSentenceLength": encoders["tiny_bert"].max_length,
            "normalize": False,
            "pooling": encoders["tiny_bert"].pooling,
            "storageRef": stage.uid,
        },
        "model": {"folder": "tiny_bert"},
    }
    assert (tmp_path / "saved/stages.json").read_text().count("\n") > 20


def test_a_pipeline_to_be_fitted_keeps_its_pipelines_apart(pipeline, tmp_path) -> None:
    text, rest = pipeline.getStages()[:3], pipeline.getStages()[3:]
    nested = Pipeline(stages=[PipelineModel(text), *rest])
    nested.save(tmp_path / "saved")
    loaded = Pipeline.load(tmp_path / "saved")
    assert loaded.uid == nested.uid
    assert [type(stage).__name__ for stage in loaded.getStages()][:2] == [
        "PipelineModel",
        "BertEmbeddings",
    ]
    expected = pipeline.fit(FRAME).transform(FRAME)
    assert loaded.fit(FRAME).transform(FRAME).equals(expected)


def test_patterns_and_exceptions_of_a_tokenizer_come_back(tmp_path) -> None:
    tokenizer = Tokenizer(
        inputCols=["sentence"],
        prefixPattern=r"\A([aA]*)",
        infixPatterns=[r"(\w+)(')", "(x+)"],
        exceptions=["One word"],
        splitChars=["-"],
        contextChars=[".", "!"],
    )
    model = PipelineModel([*text_stages()[:2], tokenizer])
    model.save(tmp_path / "model")
    tokenizer.save(tmp_path / "tokenizer")
    (loaded,) = PipelineModel.load(tmp_path / "model").stages[2:]
    assert isinstance(loaded, TokenizerModel)
    assert loaded.rule_set() == model.stages[2].rule_set() != TokenizerModel().rule_set()
    assert Tokenizer.load(tmp_path / "tokenizer").rule_set() == tokenizer.rule_set()


def test_settings_of_a_loaded_model_stay_after_saving_it(tmp_path) -> None:
    stage = sentences(Encoder.load())
    assert stage.encoder.max_length == 256
    stage.save(tmp_path / "saved")
    (folder,) = (tmp_path / "saved/models").iterdir()
    for found in (Encoder.load(folder), Encoder.load(tmp_path / "saved")):
        assert (found.pooling, found.normalize, found.max_length) == ("mean", True, 256)
        texts = ["Antibiotics aren't painkillers", "x " * 400]
        with pytest.warns(TruncationWarning, match="1 of 2 texts"):
            assert (found.encode(texts) == stage.encoder.encode(texts)).all()


def test_a_stage_without_its_model_is_not_saved(tmp_path) -> None:
    with pytest.raises(ModelNotFoundError, match="has no model; make the stage by"):
        BertEmbeddings().save(tmp_path / "saved")
    assert names_in(tmp_path) == []


def test_a_class_that_load_would_not_make_is_not_saved(tmp_path) -> None:
    class Mine(SentenceDetector):
        pass

    detector = Mine(inputCols=["document"], outputCol="sentence")
    for saved in (detector, PipelineModel([DocumentAssembler(inputCol="text"), detector])):
        with pytest.raises(OutputError, match="Mine is not one of embedpipe's own stages"):
            saved.save(tmp_path / "saved")
    assert names_in(tmp_path) == []


def test_values_that_json_cannot_hold_are_named(encoders, tmp_path) -> None:
    stage = words(encoders["tiny_bert"])
    stage.setConfigProtoBytes([1, 2]).save(tmp_path / "list")
    assert BertEmbeddings.load(tmp_path / "list").getConfigProtoBytes() == [1, 2]
    for value in (object(), float("nan"), {1: 2}, (1, 2)):
        with pytest.raises(ParameterError, match=r"configProtoBytes is .* cannot be saved as JSON"):
            stage.setConfigProtoBytes(value).save(tmp_path / "saved")
    assert names_in(tmp_path) == ["list"]


# ---- where it may be written ----


def test_what_is_there_is_refused_unless_it_is_to_be_replaced(saved, encoders, tmp_path) -> None:
    before = (saved / "stages.json").read_bytes()
    stage = sentences(encoders["tiny_bert"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for taken in (saved, tmp_path / "empty", tmp_path / "file", tmp_path / "dangling"):
        with pytest.raises(OutputError, match=r"something is there already.*overwrite\(\)"):
            stage.save(taken)
    assert (saved / "stages.json").read_bytes() == before
    with pytest.raises(OutputError, match="does not exist; make it first"):
        stage.save(tmp_path / "no/where")
    stage.write().overwrite().save(saved)
    assert names_in(saved / "models") == ["tiny_bert"]
    assert BertSentenceEmbeddings.load(saved).uid == stage.uid
    stage.write().overwrite().save(tmp_path / "new")
    assert names_in(tmp_path) == ["dangling", "empty", "file", "new", "saved"]


def test_replacing_a_folder_of_something_else_is_refused(encoders, tmp_path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letters").touch()
    for target, finding in ((home, "holds something other"), (home / "letters", "it is a file")):
        with pytest.raises(OutputError, match=finding):
            sentences(encoders["tiny_bert"]).write().overwrite().save(target)
    assert names_in(home) == ["letters"]


def test_a_stage_may_replace_the_folder_it_was_loaded_from(saved) -> None:
    model = PipelineModel.load(saved)
    expected = model.transform(FRAME)
    model.write().overwrite().save(saved)
    assert model.transform(FRAME).equals(expected)
    assert PipelineModel.load(saved).transform(FRAME).equals(expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_save_that_fails_leaves_everything_as_before(saved, error, monkeypatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in saved.rglob("*")}
    model = PipelineModel.load(saved)

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("embedpipe.formats.writing.safetensors_parts", fail)
    for target in (saved, saved.with_name("other")):
        with pytest.raises(error):
            model.write().overwrite().save(target)
    with pytest.raises(error):
        model.write().bundle(saved.with_name("bundle.zip"))
    assert {path: path.stat().st_mtime_ns for path in saved.rglob("*")} == before
    assert names_in(saved.parent) == ["saved"]


# ---- references ----


def test_references_store_names_and_paths_only(encoders, tmp_path) -> None:
    model = PipelineModel([*text_stages(), words(encoders["tiny_bert"]), sentences(Encoder.load())])
    model.save(tmp_path / "saved", models="reference")
    assert names_in(tmp_path / "saved") == ["stages.json"]
    stages = document(tmp_path / "saved")["saved"]["stages"]
    assert [stage["model"] for stage in stages[3:]] == [
        {"reference": str(encoders["tiny_bert"].path.resolve())},
        {"reference": "embedpipe-small-v1"},
    ]
    loaded = PipelineModel.load(tmp_path / "saved")
    assert loaded.transform(FRAME).equals(model.transform(FRAME))


def test_a_reference_that_leads_nowhere_is_named(encoders, tmp_path) -> None:
    folder = shutil.copytree(encoders["tiny_bert"].path, tmp_path / "tiny")
    stage = words(Encoder.load(folder))
    stage.save(tmp_path / "saved", models="reference")
    shutil.rmtree(folder)
    with pytest.raises(ModelNotFoundError, match=rf"{stage.uid} was saved .*tiny.*cannot be found"):
        BertEmbeddings.load(tmp_path / "saved")


def test_references_that_would_be_lost_are_refused(saved, tmp_path) -> None:
    model = PipelineModel.load(saved)
    with pytest.raises(OutputError, match="which will be replaced"):
        model.write().overwrite().save(saved, models="reference")
    model.save(tmp_path / "beside", models="reference")
    assert PipelineModel.load(tmp_path / "beside").transform(FRAME).equals(model.transform(FRAME))
    model.write().bundle(tmp_path / "bundle")
    with pytest.raises(OutputError, match="no name or path loads it alone"):
        PipelineModel.load(tmp_path / "bundle").save(tmp_path / "c", models="reference")
    with pytest.raises(ParameterError, match="expected 'copy' or 'reference'"):
        model.save(tmp_path / "d", models="link")
