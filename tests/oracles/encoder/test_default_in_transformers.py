"""The model in the package, written as an ordinary folder: transformers' vectors of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from embedpipe import Encoder
from embedpipe.cli.import_model import convert
from embedpipe.errors import TruncationWarning

TEXTS = ["A man is playing a guitar.", "Unemployment rises in Kénya", "painkillers", "word " * 400]


def test_transformers_opens_what_was_exported_and_gives_its_vectors(tmp_path: Path) -> None:
    encoder = Encoder.load()
    convert(encoder.path, tmp_path / "exported")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "exported")
    model = transformers.AutoModel.from_pretrained(tmp_path / "exported").double().eval()
    with pytest.warns(TruncationWarning, match="1 of 4 texts"):
        vectors = encoder.encode(TEXTS)
    for text, ours in zip(TEXTS, vectors, strict=True):
        batch = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        assert batch["input_ids"][0].tolist() == encoder.tokenize([text]).ids[0].tolist()
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state[0]
        theirs = torch.nn.functional.normalize(hidden.mean(dim=0), dim=0).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
