"""Saved pipelines that are damaged or hostile: each is refused, and says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.annotator import SentenceDetector
from embedpipe.base import Pipeline, PipelineModel
from embedpipe.errors import EmbedpipeError, ModelFormatError, ModelNotFoundError
from tests.support.model_folders import tiny_config, write_model

GOLDEN = Path(__file__).parent / "golden_pipeline/format_1/saved"


@pytest.fixture
def saved(tmp_path) -> Path:
    """A saved pipeline that may be changed."""
    return shutil.copytree(GOLDEN, tmp_path / "saved")


def document(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "stages.json").read_text())


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        found = document(folder)
        change(found)
        (folder / "stages.json").write_text(json.dumps(found))

    return apply


def stage(number: int, **changes: Any) -> Callable[[Path], None]:
    return edit(lambda found: found["saved"]["stages"][number].update(changes))


def nest(found: dict[str, Any]) -> None:
    for _ in range(20):
        found["saved"] = {"class": "PipelineModel", "uid": "p", "stages": [found["saved"]]}


def albert_instead(folder: Path) -> None:
    (folder / "models/golden_bert/model.safetensors").unlink()
    write_model(folder / "models/golden_bert", tiny_config("albert"))


def link_file(folder: Path) -> None:
    weights = folder / "models/golden_bert/model.safetensors"
    weights.rename(folder.parent / "elsewhere")
    weights.symlink_to(folder.parent / "elsewhere")


def link_folder(folder: Path) -> None:
    (folder / "models/golden_bert").rename(folder.parent / "elsewhere")
    (folder / "models/golden_bert").symlink_to(folder.parent / "elsewhere")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no JSON": (lambda f: (f / "stages.json").write_text("{"), "is not valid JSON"),
    "another value": (lambda f: (f / "stages.json").write_text("[]"), "expected an object"),
    "nothing saved": (edit(lambda d: d.pop("saved")), "found None; expected an object"),
    "no version": (edit(lambda d: d.pop("format_version")), "format_version is None; expected"),
    "version true": (edit(lambda d: d.update(format_version=True)), "format_version is True"),
    "newer version": (
        edit(lambda d: d.update(format_version=2, embedpipe_version="7.1")),
        "has the format version 2, written by embedpipe 7.1; .* pip install --upgrade embedpipe",
    ),
    "unknown class": (stage(1, **{"class": "os.system"}), "class 'os.system', which this embedp"),
    "base class": (stage(1, **{"class": "Annotator"}), "'Annotator', which this embedpipe"),
    "no class": (stage(1, **{"class": None}), "stage 1: class: None; expected a string"),
    "uid of another type": (stage(1, uid=5), "uid: 5; expected 1 to 200 characters"),
    "uid with a slash": (stage(1, uid="../x"), "uid: '../x'; expected 1 to 200 characters"),
    "unknown parameter": (stage(1, params={"minLenght": 1}), "did you mean minLength"),
    "bad parameter": (stage(1, params={"minLength": -1}), "minLength must be an integer of at"),
    "unknown default": (stage(1, defaults={"other": 1}), "no parameter 'other'"),
    "bad default": (stage(3, defaults={"dimension": "x"}), "dimension must be an integer"),
    "bad rules": (stage(2, params={"rules": {"shell": "rm"}}), "rules is saved as"),
    "rules no object": (stage(2, params={"rules": [1]}), "rules is saved as"),
    "rules of numbers": (stage(2, params={"rules": {"exceptions": 5}}), "rules"),
    "parameters a list": (stage(1, params=[]), r"params: \[\]; expected an object"),
    "more entries": (stage(1, code="1"), "code: not known; expected class, uid"),
    "stages no list": (edit(lambda d: d["saved"].update(stages={})), "expected an array"),
    "no stages": (edit(lambda d: d["saved"].pop("stages")), "has no list of stages"),
    "parameters of a pipeline": (edit(lambda d: d["saved"].update(params={"a": 1})), "has params"),
    "stages of a stage": (stage(1, stages=[]), "SentenceDetector .* has stages, which it cannot"),
    "a pipeline to be fitted": (
        stage(1, **{"class": "Pipeline", "stages": [], "params": {}, "defaults": {}}),
        "which must be fitted first",
    ),
    "too deep": (edit(nest), "nested more than 8 deep"),
    "no model": (stage(3, model=None), "a saved BertEmbeddings has no model"),
    "a model too many": (
        stage(1, model={"folder": "golden_bert"}),
        "a saved SentenceDetector names the model 'golden_bert', but takes none",
    ),
    "model of another kind": (
        albert_instead,
        "takes no model of architecture albert",
    ),
    "model upwards": (stage(3, model={"folder": ".."}), "folder: '..'; expected a name in models/"),
    "model elsewhere": (stage(3, model={"folder": "/etc"}), "expected a name in models/"),
    "model below": (stage(3, model={"folder": "a/b"}), "expected a name in models/"),
    "model twice": (
        stage(3, model={"folder": "golden_bert", "reference": "x"}),
        "expected either folder or reference",
    ),
    "model nowhere": (stage(3, model={}), "expected either folder or reference"),
    "model absent": (stage(3, model={"folder": "gone"}), "models/gone is missing"),
    "weights absent": (
        lambda f: (f / "models/golden_bert/model.safetensors").unlink(),
        "found no weights at all",
    ),
    "vocabulary absent": (
        lambda f: (f / "models/golden_bert/vocab.txt").unlink(),
        "golden_bert has no tokenizer",
    ),
    "linked weights": (link_file, r"model\.safetensors is a symbolic link"),
    "linked model": (link_folder, "golden_bert is a symbolic link"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_each_way_to_break_what_was_saved_has_its_own_error(saved, case: str) -> None:
    damage, finding = DAMAGES[case]
    damage(saved)
    with pytest.raises(ModelFormatError, match=finding):
        PipelineModel.load(saved)


def test_a_link_to_the_folder_is_followed(saved, tmp_path) -> None:
    (tmp_path / "latest").symlink_to(saved)
    assert PipelineModel.load(tmp_path / "latest").uid == PipelineModel.load(saved).uid


def test_another_class_than_the_saved_one_is_told_from_it(saved, tmp_path) -> None:
    with pytest.raises(ModelFormatError, match=r"expected one Pipeline\. Load it with PipelineM"):
        Pipeline.load(saved)
    (detector,) = (s for s in PipelineModel.load(saved).stages if isinstance(s, SentenceDetector))
    assert SentenceDetector.load(saved).uid == detector.uid
    detector.save(tmp_path / "detector")
    with pytest.raises(ModelFormatError, match="expected one PipelineModel"):
        PipelineModel.load(tmp_path / "detector")
    with pytest.raises(ModelNotFoundError, match="nothing is at"):
        PipelineModel.load(tmp_path / "absent")
    assert Encoder.load(saved).dimension == 8
    shutil.copytree(saved / "models/golden_bert", saved / "models/other")
    with pytest.raises(ModelFormatError, match=r"2 models \(models/golden_bert, models/other\)"):
        Encoder.load(saved)


def test_garbage_in_the_json_gives_our_error_or_a_pipeline(saved) -> None:
    content = (saved / "stages.json").read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 3):
            damaged[place] = generator.integers(32, 127)
        (saved / "stages.json").write_bytes(damaged)
        try:
            PipelineModel.load(saved)
        except EmbedpipeError as error:
            refused += bool(str(error))
    assert refused > 50
