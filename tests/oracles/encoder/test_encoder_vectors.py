"""Vectors of `Encoder` are those of transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from embedpipe import Encoder
from embedpipe.hub import find_model
from tests.support.encoder_texts import TEXTS
from tests.support.model_folders import write_albert, write_model


def transformers_vectors(
    folder: Path, ids: list[np.ndarray], pooling: str, normalize: bool
) -> np.ndarray:
    """What PyTorch gives in float64, one sequence at a time."""
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    rows = []
    with torch.no_grad():
        for sequence in ids:
            output = model(torch.tensor(sequence[None].astype(np.int64)))
            hidden = output.last_hidden_state[0]
            row = {"cls": hidden[0], "mean": hidden.mean(0), "pooler": output.pooler_output[0]}
            rows.append(row[pooling].numpy())
    vectors = np.stack(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if normalize else vectors


pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")


@pytest.mark.parametrize("name", ["bert_L2_H128", "albert_small"])
@pytest.mark.parametrize(
    ("pooling", "normalize"), [("mean", True), ("cls", False), ("pooler", False)]
)
def test_vectors_equal_transformers(models, name, pooling, normalize):
    encoder = Encoder.load(models / name)
    ids = list(encoder.tokenize(TEXTS).ids)
    expected = transformers_vectors(models / name, ids, pooling, normalize)
    found = encoder.encode(TEXTS, pooling=pooling, normalize=normalize)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.fixture(scope="session")
def models(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random-weight models with real vocabularies, by name."""
    folder = tmp_path_factory.mktemp("models")
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    spiece = testdata / "vocabularies/albert_30k/spiece.model"
    write_model(folder / "bert_L2_H128", "bert_L2_H128", vocab=vocab)
    write_albert(folder / "albert_small", layers=3, hidden=128, vocab=spiece)
    return folder


def test_minilm_pools_truncates_and_normalises_as_published():
    default = Encoder.load("all-MiniLM-L6-v2")
    tokenizer = transformers.AutoTokenizer.from_pretrained(find_model("all-MiniLM-L6-v2"))
    cut = tokenizer(TEXTS, truncation=True, max_length=256)["input_ids"]
    ids = [np.array(sequence) for sequence in cut]
    assert max(map(len, ids)) == 256
    expected = transformers_vectors(find_model("all-MiniLM-L6-v2"), ids, "mean", normalize=True)
    np.testing.assert_allclose(default.encode(TEXTS), expected, rtol=0, atol=2e-5)
    assert default.tokenize(TEXTS).truncated.tolist() == [i == 3 for i in range(len(TEXTS))]
