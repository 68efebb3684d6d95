"""STS-B development set: all-MiniLM-L6-v2 ranks sentence pairs as transformers' does."""

from __future__ import annotations

import numpy as np
import torch
import transformers

from embedpipe import Encoder
from embedpipe.hub import find_model
from tests.support.stsb import points, read_pairs


def transformers_vectors(texts: list[str]) -> np.ndarray:
    """Mean pooling over real pieces, then length 1, as sentence-transformers computes it."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(find_model("all-MiniLM-L6-v2"))
    model = transformers.AutoModel.from_pretrained(
        find_model("all-MiniLM-L6-v2"), dtype=torch.float32
    ).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.empty((len(texts), 384), dtype=np.float32)
    for begin in range(0, len(texts), 64):
        rows = order[begin : begin + 64]
        batch = tokenizer(
            [texts[i] for i in rows],
            padding=True,
            truncation=True,
            max_length=256,
            return_tensors="pt",
        )
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"][:, :, None].float()
        mean = (hidden * mask).sum(1) / mask.sum(1)
        vectors[rows] = torch.nn.functional.normalize(mean).numpy()
    return vectors


def test_spearman_correlation_equals_transformers(testdata, capsys):
    first, second, scores = read_pairs(testdata / "stsb/sts-dev.csv")
    assert len(scores) == 1500
    encoder = Encoder.load("all-MiniLM-L6-v2")
    ours = encoder.encode(first + second)
    theirs = transformers_vectors(first + second)
    found = points(ours[:1500], ours[1500:], scores)
    expected = points(theirs[:1500], theirs[1500:], scores)
    with capsys.disabled():
        print(f"\nSTS-B dev Spearman: embedpipe {found:.4f}, transformers {expected:.4f}")
    assert 80 < expected < 90  # a wrong column or a constant would agree as well
    assert abs(found - expected) <= 0.01
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)
