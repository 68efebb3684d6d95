"""The files that tell sentence-transformers the steps of a model: pooling, head, normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.pooling import poolings_of
from embedpipe.formats.huggingface.sentence_transformers_steps import ACTIVATION_CLASSES
from embedpipe.formats.layout import CONFIG, MODULES, SAFETENSORS
from embedpipe.formats.model import Model

__all__ = ["step_texts", "step_weights"]


def step_texts(model: Model) -> dict[str, Any]:
    """What JSON says in each file, by name: the steps, and the settings of each."""
    folders = _folders(model)
    steps = [
        {
            "idx": number,
            "name": str(number),
            "path": folder,
            "type": f"sentence_transformers.models.{folder.partition('_')[2] or 'Transformer'}",
        }
        for number, folder in enumerate(folders)
    ]
    modes = poolings_of(model.pooling)
    pooling: dict[str, Any] = {
        "word_embedding_dimension": model.config.hidden_size,
        "include_prompt": model.usage.include_prompt,
    }
    if "pooler" not in modes:  # which only `embedpipe.json` can tell
        pooling["pooling_mode"] = modes[0] if len(modes) == 1 else list(modes)
    texts = {MODULES: steps, f"{folders[1]}/{CONFIG}": pooling}
    for folder, dense in zip(folders[2:], model.head, strict=False):
        texts[f"{folder}/{CONFIG}"] = {
            "in_features": dense.inputs,
            "out_features": dense.outputs,
            "bias": dense.bias is not None,
            "activation_function": ACTIVATION_CLASSES[dense.activation],
        }
    return texts


def step_weights(model: Model) -> dict[str, Mapping[str, npt.NDArray[np.float32]]]:
    """The tensors in each file of weights, by its name."""
    found: dict[str, Mapping[str, npt.NDArray[np.float32]]] = {}
    for folder, dense in zip(_folders(model)[2:], model.head, strict=False):
        tensors = {"linear.weight": dense.weight}
        if dense.bias is not None:
            tensors["linear.bias"] = dense.bias
        found[f"{folder}/{SAFETENSORS}"] = tensors
    return found


def _folders(model: Model) -> list[str]:
    """The folder of each step, that of the encoder itself "" for the model's own."""
    kinds = ["Pooling", *["Dense"] * len(model.head), *["Normalize"] * model.normalize]
    return ["", *(f"{number}_{kind}" for number, kind in enumerate(kinds, start=1))]
