"""Saved stages and transformers open each other's models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AlbertModel, AutoModel, AutoTokenizer, BertModel, BertTokenizer

from embedpipe import Encoder
from embedpipe.annotator import (
    AlbertEmbeddings,
    BertEmbeddings,
)
from tests.saving.make_golden_pipeline import GOLDEN, SAVED
from tests.support.golden_models import load_encoders
from tests.support.stage_makers import albert, words


@pytest.mark.parametrize(
    "golden",
    [path / name for path in sorted(GOLDEN.glob("format_*")) for name in ("saved", "bundle.zip")],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_the_golden_vectors_are_those_of_transformers(golden: Path) -> None:
    folder = SAVED / "models/golden_bert"
    model, tokenizer = (
        AutoModel.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    expected = json.loads((golden.parent / "expected.json").read_text())
    for row in expected["vectors"]:
        for annotation in row:
            inputs = tokenizer(annotation["result"], return_tensors="pt")
            with torch.no_grad():
                mean = model(**inputs).last_hidden_state[0].mean(dim=0)
            unit = (mean / mean.norm()).numpy()
            np.testing.assert_allclose(annotation["embeddings"], unit, atol=1e-5)


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def transformers_hidden(folder: Path, ids: np.ndarray) -> np.ndarray:
    model = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(torch.tensor(ids[None].astype(np.int64))).last_hidden_state[0].numpy()


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_albert"])
def test_transformers_opens_what_was_saved(encoders, tmp_path, name) -> None:
    encoder = encoders[name]
    stage = words(encoder) if name == "tiny_bert" else albert(encoder)
    stage.save(tmp_path / "saved")
    folder = tmp_path / "saved/models" / name
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in ("I hate cancer.", "Antibiotics aren't painkillers"):
        (ids,) = encoder.tokenize([text]).ids
        assert tokenizer(text)["input_ids"] == ids.tolist()
        hidden = encoder.hidden_states([ids]).values
        np.testing.assert_allclose(transformers_hidden(folder, ids), hidden, atol=2e-5)


@pytest.mark.parametrize("kind", [BertModel, AlbertModel])
def test_what_transformers_saved_opens_as_a_stage_and_is_saved(encoders, tmp_path, kind) -> None:
    name = "tiny_bert" if kind is BertModel else "tiny_albert"
    source = encoders[name].path
    kind.from_pretrained(source).save_pretrained(tmp_path / "theirs")
    AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path / "theirs")
    stage = (BertEmbeddings if kind is BertModel else AlbertEmbeddings).load(tmp_path / "theirs")
    assert (tmp_path / "theirs/tokenizer.json").exists()
    ids = stage.encoder.tokenize(["I hate cancer."]).ids[0]
    expected = transformers_hidden(tmp_path / "theirs", ids)
    stage.save(tmp_path / "ours")
    again = type(stage).load(tmp_path / "ours")
    assert again.encoder.tokenize(["I hate cancer."]).ids[0].tolist() == ids.tolist()
    for encoder in (stage.encoder, again.encoder):
        np.testing.assert_allclose(encoder.hidden_states([ids]).values, expected, atol=2e-5)


def test_bert_tokenizer_settings_survive(encoders, tmp_path) -> None:
    folder = shutil.copytree(encoders["tiny_bert"].path, tmp_path / "cased")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    words(Encoder.load(folder)).save(tmp_path / "saved")
    saved = tmp_path / "saved/models/cased"
    theirs = BertTokenizer.from_pretrained(saved)
    ours = Encoder.load(saved).tokenizer
    ids = ours.encode(["I hate"]).ids[0].tolist()
    assert theirs("I hate")["input_ids"] == ids
    assert "[UNK]" in ours.pieces(ids)
