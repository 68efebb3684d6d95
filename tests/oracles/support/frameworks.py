"""Hugging Face transformers as the standard of comparison, and the pieces to compare on."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    ElectraConfig,
    ElectraModel,
)

from embedpipe.engine import EncoderConfig, EncoderWeights, Ragged, check_weights
from embedpipe.formats import open_model
from tests.support.model_folders import minilm_folder, random_config, random_pieces, random_tensors


def transformers_model(raw: dict[str, Any], tensors: dict[str, np.ndarray]) -> Any:
    """transformers' model in float64 with plain attention and these weights, all of them."""
    kinds = {
        "bert": (BertModel, BertConfig),
        "electra": (ElectraModel, ElectraConfig),
        "albert": (AlbertModel, AlbertConfig),
    }
    model_class, config_class = kinds[raw["model_type"]]
    with torch.device("meta"):  # the initial weights are not wanted
        model = model_class(config_class(**raw, attn_implementation="eager"))
    model = model.to_empty(device="cpu")
    state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
    model.load_state_dict(state, strict=True)
    for buffer, value in (("position_ids", torch.arange), ("token_type_ids", torch.zeros)):
        size = raw["max_position_embeddings"]
        setattr(model.embeddings, buffer, value(size, dtype=torch.long).expand(1, -1).clone())
    return model.double().eval()


def transformers_outputs(model: Any, pieces: Ragged) -> tuple[np.ndarray, np.ndarray]:
    """Last hidden states (T, D) and pooler outputs (n, D), one sequence after the other.

    Of a model without pooler, the first pieces' vectors stand in for the latter.
    """
    hidden, pooled = [], []
    for ids in pieces:
        with torch.no_grad():
            output = model(torch.from_numpy(ids.astype(np.int64))[None])
        hidden.append(output.last_hidden_state[0].numpy())
        has_pooler = getattr(output, "pooler_output", None) is not None
        pooled.append((output.pooler_output if has_pooler else output[0][:, 0])[0].numpy())
    return np.concatenate(hidden), np.stack(pooled)


@dataclass(frozen=True)
class Oracle:
    """A model, pieces, and what transformers makes of them in float64; its own float32 errors."""

    config: EncoderConfig
    weights: EncoderWeights
    pieces: Ragged
    hidden: np.ndarray
    pooled: np.ndarray
    float32_errors: tuple[float, float]


MODELS = (
    "bert_L2_H128",
    "bert_L2_H512",
    "bert_L12_H256",
    "bert_L12_H768",
    "albert_base",
    "albert_large",
    "electra_small",
    "electra_base",
    "electra_large",
    "minilm",
)
_LENGTHS = (1, 2, 3, 17, 31, 32, 33, 100, 512)
# Fewer for the shapes that take transformers, in float64, several seconds per hundred pieces
_FEW_LENGTHS = dict.fromkeys(("bert_L12_H768", "albert_base", "albert_large"), (1, 2, 33, 512))
_FEW_LENGTHS |= {"electra_small": (1, 2, 33, 512), "electra_base": (1, 40), "electra_large": (1, 9)}


@functools.cache
def oracle(name: str) -> Oracle:
    """`name` is one of MODELS: a shape of random_models, or "minilm" for the trained model."""
    if name == "minilm":
        read = open_model(minilm_folder())
        config, weights = read.config, read.weights
        model: Any = BertModel.from_pretrained(
            minilm_folder(), attn_implementation="eager", dtype=torch.float64
        ).eval()
    else:
        raw = random_config(name)
        tensors = random_tensors(raw, seed=11)
        config = EncoderConfig.from_huggingface(raw, source="config.json")
        weights = check_weights(tensors, config, source="weights")
        model = transformers_model(raw, tensors)
    pieces = random_pieces(_FEW_LENGTHS.get(name, _LENGTHS), config.vocab_size)
    hidden, pooled = transformers_outputs(model, pieces)
    assert hidden.dtype == np.float64
    assert np.isfinite(hidden).all()
    hidden32, pooled32 = transformers_outputs(model.float(), pieces)
    errors = float(np.abs(hidden32 - hidden).max()), float(np.abs(pooled32 - pooled).max())
    return Oracle(config, weights, pieces, hidden, pooled, errors)
