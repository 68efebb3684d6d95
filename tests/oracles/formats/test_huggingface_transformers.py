"""Folders as transformers and sentence-transformers write them are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM

from embedpipe.formats import open_model
from tests.support.model_folders import tiny_config


def test_what_transformers_saves_is_read(tmp_path: Path) -> None:
    """A whole model with its head, split into shards by transformers itself."""
    model = BertForMaskedLM(BertConfig(**tiny_config()))
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert not (tmp_path / "model.safetensors").exists()
    found = open_model(tmp_path)
    expected = model.bert.encoder.layer[1].intermediate.dense
    with torch.no_grad():
        np.testing.assert_array_equal(
            found.weights.layers[1].intermediate.weight, expected.weight.numpy()
        )
    assert found.weights.pooler is None  # BertForMaskedLM has none
