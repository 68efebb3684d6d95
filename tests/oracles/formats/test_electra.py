"""ELECTRA: folders as transformers saves them, Google's names, the stages, and where rows end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import (
    ElectraConfig,
    ElectraForPreTraining,
    ElectraModel,
    RobertaConfig,
    RobertaModel,
)

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from embedpipe.engine import ARCHITECTURES, EncoderConfig, check_weights
from embedpipe.engine import config as config_module
from embedpipe.engine.architecture import architecture_of
from embedpipe.engine.native import NativeEncoder
from embedpipe.engine.tensors import expected_shapes
from embedpipe.errors import ModelFormatError
from embedpipe.formats.tensorflow.names import map_tensorflow_names
from embedpipe.hub.catalog import catalog
from embedpipe.stages import AlbertEmbeddings, BertEmbeddings, BertSentenceEmbeddings
from tests.support.model_folders import tiny_config, write_model

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "train", "is", "late"]
SHAPES = {
    "small": tiny_config("electra"),  # embeddings of 8, hidden of 16
    "base": tiny_config("electra", embedding_size=16),
    "large": tiny_config("electra", embedding_size=16, num_hidden_layers=4, num_attention_heads=4),
}


@pytest.fixture(params=SHAPES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES))
    return write_model(tmp_path, SHAPES[request.param])


@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_a_folder_gives_what_transformers_computes(folder: Path, implementation: Any) -> None:
    encoder = Encoder.load(folder, implementation=implementation)
    found = encoder.hidden_states([[2, 5, 6, 3], [2, 3]])
    model = ElectraModel.from_pretrained(folder).eval()
    for ids, hidden in zip([[2, 5, 6, 3], [2, 3]], found, strict=True):
        with torch.no_grad():
            expected = model(torch.tensor([ids])).last_hidden_state[0].numpy()
        assert np.abs(hidden - expected).max() < 2e-5
    assert not encoder.has_pooler


def test_a_discriminator_saved_with_its_head_is_the_same_encoder(tmp_path: Path) -> None:
    model = ElectraForPreTraining(ElectraConfig(**SHAPES["small"])).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES))
    with torch.no_grad():
        expected = model.electra(torch.tensor([[2, 5, 3]])).last_hidden_state[0].numpy()
    found = Encoder.load(tmp_path).hidden_states([[2, 5, 3]]).values
    assert np.abs(found - expected).max() < 2e-5


def test_what_is_imported_opens_in_transformers(folder: Path, tmp_path: Path) -> None:
    tensors = {n: torch.from_numpy(t) for n, t in load_file(folder / "model.safetensors").items()}
    head = {"discriminator_predictions.dense.bias": torch.zeros(16)}
    torch.save(
        {f"electra.{name}": tensor for name, tensor in tensors.items()} | head,
        folder / "pytorch_model.bin",
    )
    (folder / "model.safetensors").unlink()
    model = convert(folder / "pytorch_model.bin", tmp_path / "imported")
    assert (model.unused, model.missing) == (tuple(head), ())
    found, info = ElectraModel.from_pretrained(tmp_path / "imported", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    for name, tensor in tensors.items():
        assert torch.equal(found.state_dict()[name], tensor), name


def test_the_stages_and_names_are_those_of_the_catalog(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = catalog()
    published = [m for m in map(known.get, known.models) if m and m.architecture == "electra"]
    assert (
        {model.annotator for model in published}
        == {BertEmbeddings.__name__} | {BertSentenceEmbeddings.__name__}
        == set(ARCHITECTURES["electra"].annotators)
    )
    assert len(published) == 6
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path / "named"))
    (tmp_path / "named").mkdir()
    expected = Encoder.load(folder).encode(["hello"])
    for model in published:
        (tmp_path / "named" / model.name).symlink_to(folder)
        assert np.array_equal(Encoder.load(model.name).encode(["hello"]), expected)
    for stage in (BertEmbeddings, BertSentenceEmbeddings):
        assert stage.load(folder).getDimension() == 16
    with pytest.raises(ModelFormatError, match="takes no model of architecture electra"):
        AlbertEmbeddings.load(folder)


@pytest.mark.parametrize("prefix", ["", "module/"])
def test_names_of_google_are_those_of_transformers(prefix: str) -> None:
    """As google-research/electra writes them; the generator shares the embeddings."""
    layer = "encoder/layer_0/attention/self/query/kernel"
    theirs = {
        "electra/embeddings/word_embeddings": "embeddings.word_embeddings.weight",
        "electra/embeddings/LayerNorm/gamma": "embeddings.LayerNorm.weight",
        "electra/embeddings_project/kernel": "embeddings_project.weight",
        f"electra/{layer}": "encoder.layer.0.attention.self.query.weight",
        f"generator/{layer}": None,
        "generator/embeddings_project/kernel": None,
        "discriminator_predictions/dense/kernel": None,
    }
    names = {prefix + name: prefix + name for name in theirs}
    found = map_tensorflow_names(names, source="checkpoint")
    assert found.architecture == "electra"
    mapped = {name: placement.source for name, placement in found.placements.items()}
    assert mapped == {ours: prefix + name for name, ours in theirs.items() if ours is not None}
    assert found.unused == tuple(sorted(prefix + name for name, ours in theirs.items() if not ours))


def test_a_row_is_told_by_the_names_of_its_tensors() -> None:
    for kind, row in ARCHITECTURES.items():
        config = EncoderConfig.from_huggingface(tiny_config(kind), source="config.json")
        assert architecture_of(expected_shapes(config), row.prefix) is row
    assert architecture_of(["embeddings_project.weight", "encoder.layer.0."], "").name == "electra"


def test_a_row_is_all_that_robertas_layers_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pieces begin at row 2 of the position table: those before are cut off."""
    changes = {"name": "roberta", "model_types": ("roberta",), "prefix": "roberta."}
    row = ARCHITECTURES["bert"]._replace(**changes, first_position=2)
    monkeypatch.setitem(ARCHITECTURES, "roberta", row)
    monkeypatch.setitem(config_module._MODEL_TYPES, "roberta", row)
    raw = tiny_config(max_position_embeddings=26, type_vocab_size=1, pad_token_id=1)
    raw["model_type"] = "roberta"
    model = RobertaModel(RobertaConfig(**raw)).eval()
    stored = {f"roberta.{name}": tensor.numpy() for name, tensor in model.state_dict().items()}
    config = EncoderConfig.from_huggingface(raw, source="config.json")
    assert config.max_position_embeddings == 24
    encoder = NativeEncoder(config, check_weights(stored, config, source="weights"))
    ids = np.arange(2, 26, dtype=np.int32)  # all 24 positions; 1 would be padding
    with torch.no_grad():
        expected = model(torch.from_numpy(ids.astype(np.int64))[None]).last_hidden_state[0].numpy()
    found = encoder.hidden_states(ids, np.array([0, len(ids)]))
    assert np.abs(found - expected).max() < 2e-5
