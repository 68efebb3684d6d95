"""Every recorded model of every format: recognized by content, equal tensors, equal outputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from embedpipe.errors import ModelNotFoundError
from embedpipe.formats import open_model, recognize
from tests.support.format_support import (
    OUTPUT_TOLERANCE,
    assert_config,
    assert_tensors,
    largest_difference,
    refused,
)
from tests.support.recorded_models import (
    MODELS,
    NEW,
    OLD,
    SAME_AS,
    Recorded,
    archives,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_a_recorded_model_has_the_recorded_tensors_and_outputs(
    testdata: Path, model: Recorded
) -> None:
    expected = testdata / "models" / SAME_AS.get(model.path, model.expected)
    for path in archives(testdata, model):
        assert recognize(path) == model.format
        found = open_model(path)
        assert_tensors(dict(found.tensors), expected.with_name(f"{expected.name}.safetensors"))
        if model.format != "huggingface":
            assert_config(found, expected.with_name(f"{expected.name}_config.json"))
        outputs = expected.with_name(f"{expected.name}_outputs.npz")
        assert largest_difference(found, outputs) < OUTPUT_TOLERANCE
        assert found.missing == ()
        assert sorted(found.origins) == sorted(found.tensors)
        assert not set(found.unused) & set(found.origins.values())


def pieces_of(testdata: Path, model: Recorded) -> bytes:
    folder = testdata / "models"
    if model.pieces == "hub":
        return (folder / model.path / "assets/30k-clean.model").read_bytes()
    return (folder / NEW / model.pieces).read_bytes()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_a_recorded_model_has_its_vocabulary(testdata: Path, model: Recorded) -> None:
    for path in archives(testdata, model):
        found = open_model(path).tokenizer_files
        expected = pieces_of(testdata, model)
        if model.pieces == "vocab.txt":
            assert "spiece.model" not in found
            assert found["vocab.txt"].decode().splitlines() == expected.decode().splitlines()
        else:
            assert "vocab.txt" not in found
            assert found["spiece.model"] == expected
        if model.format != "huggingface":
            settings = json.loads(found["tokenizer_config.json"])
            assert settings == {"do_lower_case": model.lowercased}


def test_every_recorded_model_is_in_the_list(testdata: Path) -> None:
    folders = testdata / "models"
    found = {
        path.relative_to(folders).as_posix()
        for parent in (folders / "tf1", folders / OLD, folders / NEW)
        for path in parent.iterdir()
        if path.is_dir()
    }
    listed = {model.path for model in MODELS}
    assert found - {OLD, "tf1/google_bert_zip"} <= listed


def test_one_changed_weight_is_noticed_by_the_comparison(testdata: Path) -> None:
    """The outputs would tell: the comparison above is able to fail."""
    model = MODELS[0]
    found = open_model(testdata / "models" / model.path)
    name = "encoder.layer.1.output.dense.weight"
    changed = found.tensors[name].copy()
    changed[3, 5] *= 1.5
    object.__setattr__(found, "tensors", {**found.tensors, name: changed})
    outputs = testdata / "models" / f"{model.expected}_outputs.npz"
    assert largest_difference(found, outputs) > OUTPUT_TOLERANCE


def test_settings_of_spark_nlp_are_kept(testdata: Path) -> None:
    found = open_model(testdata / "models" / OLD / "bert_embeddings_2.5_module_prefix").parameters
    assert found["class"] == "com.johnsnowlabs.nlp.embeddings.BertEmbeddings"
    assert found["maxSentenceLength"] == 48
    assert found["poolingLayer"] == -1
    assert found["dimension"] == 32


def test_a_file_of_weights_stands_for_its_folder(testdata: Path) -> None:
    folder = testdata / "models/torch_bin"
    assert recognize(folder / "pytorch_model.bin") == "huggingface"
    assert open_model(folder / "pytorch_model.bin").tokenizer_files["vocab.txt"]


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="absent does not exist"):
        open_model(tmp_path / "absent")
    refused(lambda: recognize(tmp_path), "is no model in a known format", "no files", "Spark NLP")


def test_head_count_that_no_file_tells_is_asked_for(testdata: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(testdata / "models/tf1/google_bert_zip/uncased_L-2_H-32_A-2", folder)
    (folder / "bert_config.json").unlink()
    refused(lambda: open_model(folder), "num_attention_heads", "Put the model's bert_config.json")


def test_a_configuration_that_contradicts_the_tensors_is_refused(
    testdata: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(testdata / "models/tf1/google_bert_zip/uncased_L-2_H-32_A-2", folder)
    config = folder / "bert_config.json"
    config.chmod(0o644)
    config.write_text(config.read_text().replace('"hidden_size": 32', '"hidden_size": 64'))
    refused(lambda: open_model(folder), "hidden_size: 64 is declared; the model itself has 32")


@pytest.mark.parametrize("name", ["bert_embeddings_tf", "bert_embeddings_onnx"])
def test_arrays_are_views_of_the_file(testdata: Path, name: str) -> None:
    for tensor in open_model(testdata / "models" / NEW / name).tensors.values():
        assert not tensor.flags.writeable
        assert not tensor.flags.owndata
        assert np.isfinite(tensor).all()
