"""Models of every format opened by path: they compute what was recorded."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.annotator import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
)
from embedpipe.base import PipelineModel
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.reading import open_model, open_model_tree
from tests.support.format_support import OUTPUT_TOLERANCE
from tests.support.model_folders import tiny_config, write_model
from tests.support.recorded_models import MODELS, SAME_AS, Recorded, archives, recorded_sequences

NEW = "models/spark_nlp_5.5.3"


def check_outputs(encoder: Encoder, testdata: Path, model: Recorded) -> None:
    expected = testdata / "models" / SAME_AS.get(model.path, model.expected)
    ids, outputs = recorded_sequences(expected.with_name(f"{expected.name}_outputs.npz"))
    assert ids
    for found, output in zip(encoder.hidden_states(ids), outputs, strict=True):
        assert np.abs(found - output).max() < OUTPUT_TOLERANCE


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_an_encoder_opens_every_recorded_model(testdata: Path, model: Recorded) -> None:
    for path in archives(testdata, model):
        encoder = Encoder.load(path)
        check_outputs(encoder, testdata, model)
        folded = [ids.tolist() for ids in encoder.tokenize(["I Hate", "i hate"]).ids]
        assert (folded[0] == folded[1]) is (model.lowercased or model.format == "huggingface")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.path)
def test_stages_open_every_recorded_model(testdata: Path, model: Recorded) -> None:
    is_albert = "albert" in model.path
    stages = (AlbertEmbeddings,) if is_albert else (BertEmbeddings, BertSentenceEmbeddings)
    for path in archives(testdata, model):
        for stage in stages:
            for load in (stage.load, stage.loadSavedModel):
                check_outputs(load(str(path)).encoder, testdata, model)
    with pytest.raises(ModelFormatError, match="takes no model of architecture"):
        (BertEmbeddings if is_albert else AlbertEmbeddings).load(path)


def test_nothing_is_written_beside_a_model_that_is_opened(testdata: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(testdata / NEW / "bert_embeddings_onnx", folder, copy_function=shutil.copyfile)
    before = sorted(tmp_path.rglob("*"))
    BertEmbeddings.load(folder)
    assert sorted(tmp_path.rglob("*")) == before


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


def test_a_zipped_folder_opens_like_the_folder(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    with zipfile.ZipFile(tmp_path / "below.zip", "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(tmp_path))
    archived = Encoder.load(tmp_path / "model.zip")
    below = Encoder.load(tmp_path / "below.zip")
    assert (below.encode(["rain"]) == archived.encode(["rain"])).all()
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


def test_what_is_no_model_by_itself_is_told_with_a_remedy(tmp_path: Path) -> None:
    for name, member, advice in (
        ("weights.safetensors", None, "Put weights.safetensors beside the config.json"),
        ("weights.bin", None, "Put weights.bin beside the config.json"),
        ("epoch3.pt", "archive/data.pkl", "put it beside its config.json, with a name in .bin"),
        ("outer.zip", "model.zip", "Unpack model.zip first"),
        ("notes.zip", "notes.txt", "Give the path of one of these"),
    ):
        path = tmp_path / name.replace(".", "_") / name
        path.parent.mkdir()
        if member is None:
            path.write_bytes(b"no weights")
        else:
            with zipfile.ZipFile(path, "w") as file:
                file.writestr(member, "no model")
        with pytest.raises(ModelFormatError, match=advice):
            Encoder.load(path)


def test_tensors_that_are_kept_for_saving_are_views_of_the_file(tmp_path: Path) -> None:
    folder = sentence_transformers_folder(tmp_path / "model")
    for tensor in open_model(open_model_tree(folder)).tensors.values():
        assert not tensor.flags.owndata
