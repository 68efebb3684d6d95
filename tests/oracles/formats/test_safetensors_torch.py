"""Safetensors files that torch wrote are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file as save_torch

from embedpipe.formats.huggingface.safetensors import read_safetensors


def test_bfloat16_becomes_float32_exactly(tmp_path: Path) -> None:
    values = torch.tensor([1.0, -2.5, 3.140625, 1e30, 1e-40, float("inf")], dtype=torch.bfloat16)
    save_torch({"b": values.reshape(2, 3), "s": values[2].clone()}, tmp_path / "b.safetensors")
    found = read_safetensors(tmp_path / "b.safetensors")
    assert found["b"].dtype == np.float32
    np.testing.assert_array_equal(found["b"], values.reshape(2, 3).float().numpy())
    assert found["s"].shape == ()
    assert found["s"] == np.float32(3.140625)
