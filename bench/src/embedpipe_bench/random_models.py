"""Random weights for published shapes of BERT, ELECTRA and ALBERT, with NumPy alone.

The weights are drawn as at the start of training (standard deviation 0.02 unless said otherwise,
LayerNorm weights around 1), but no bias is zero: a forgotten bias or a swapped tensor shows. Same
configuration, seed and deviation: same tensors, on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "SHAPES",
    "albert_config",
    "bert_config",
    "electra_config",
    "random_config",
    "random_tensors",
]


def bert_config(layers: int, hidden: int) -> dict[str, Any]:
    """Google's published BERT sizes: heads of 64, an intermediate layer four times as wide."""
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_act": "gelu",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden,
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }


def electra_config(layers: int, hidden: int, *, embedding: int, heads: int) -> dict[str, Any]:
    """Google's published ELECTRA sizes: BERT's, and a width of the embeddings of their own."""
    return bert_config(layers, hidden) | {
        "model_type": "electra",
        "architectures": ["ElectraModel"],
        "embedding_size": embedding,
        "num_attention_heads": heads,
    }


def albert_config(layers: int, hidden: int) -> dict[str, Any]:
    """Google's published ALBERT (version 2) sizes: one shared layer, E = 128, tanh GELU."""
    return bert_config(layers, hidden) | {
        "model_type": "albert",
        "architectures": ["AlbertModel"],
        "hidden_act": "gelu_new",
        "embedding_size": 128,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "vocab_size": 30000,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }


SHAPES: dict[str, dict[str, Any]] = {
    "bert_L2_H128": bert_config(2, 128),
    "bert_L2_H512": bert_config(2, 512),
    "bert_L4_H256": bert_config(4, 256),
    "bert_L4_H512": bert_config(4, 512),
    "bert_L8_H512": bert_config(8, 512),
    "bert_L12_H128": bert_config(12, 128),
    "bert_L12_H256": bert_config(12, 256),
    "bert_L12_H512": bert_config(12, 512),
    "bert_L12_H768": bert_config(12, 768),
    "albert_base": albert_config(12, 768),
    "albert_large": albert_config(24, 1024),
    "electra_small": electra_config(12, 256, embedding=128, heads=4),
    "electra_base": electra_config(12, 768, embedding=768, heads=12),
    "electra_large": electra_config(24, 1024, embedding=1024, heads=16),
}
"""Published sizes by name, as the contents of `config.json`."""


def random_config(name: str) -> dict[str, Any]:
    """A copy of the `config.json` contents of a name in SHAPES."""
    return dict(SHAPES[name])


class _Draw:
    """Draws named float32 tensors in call order from one seeded stream."""

    def __init__(self, seed: int, deviation: float) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._deviation = deviation
        self.tensors: dict[str, npt.NDArray[np.float32]] = {}

    def normal(
        self, name: str, *shape: int, mean: float = 0.0, deviation: float | None = None
    ) -> None:
        values = self._generator.standard_normal(shape)
        values *= self._deviation if deviation is None else deviation
        values += mean
        self.tensors[name] = values.astype(np.float32)

    def linear(self, name: str, inputs: int, outputs: int) -> None:
        self.normal(f"{name}.weight", outputs, inputs)
        self.normal(f"{name}.bias", outputs)

    def layer_norm(self, name: str, size: int) -> None:
        self.normal(f"{name}.weight", size, mean=1.0, deviation=0.1)
        self.normal(f"{name}.bias", size)

    def embeddings(self, config: Mapping[str, Any], size: int) -> None:
        self.normal("embeddings.word_embeddings.weight", config["vocab_size"], size)
        self.normal(
            "embeddings.position_embeddings.weight", config["max_position_embeddings"], size
        )
        self.normal("embeddings.token_type_embeddings.weight", config["type_vocab_size"], size)
        self.layer_norm("embeddings.LayerNorm", size)


def _bert_tensors(draw: _Draw, config: Mapping[str, Any]) -> None:
    hidden = config["hidden_size"]
    draw.embeddings(config, hidden)
    _bert_layers(draw, config)
    draw.linear("pooler.dense", hidden, hidden)


def _electra_tensors(draw: _Draw, config: Mapping[str, Any]) -> None:
    hidden, embedding = config["hidden_size"], config["embedding_size"]
    draw.embeddings(config, embedding)
    if embedding != hidden:
        draw.linear("embeddings_project", embedding, hidden)
    _bert_layers(draw, config)


def _bert_layers(draw: _Draw, config: Mapping[str, Any]) -> None:
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        for part in ("query", "key", "value"):
            draw.linear(f"{layer}.attention.self.{part}", hidden, hidden)
        draw.linear(f"{layer}.attention.output.dense", hidden, hidden)
        draw.layer_norm(f"{layer}.attention.output.LayerNorm", hidden)
        draw.linear(f"{layer}.intermediate.dense", hidden, intermediate)
        draw.linear(f"{layer}.output.dense", intermediate, hidden)
        draw.layer_norm(f"{layer}.output.LayerNorm", hidden)


def _albert_tensors(draw: _Draw, config: Mapping[str, Any]) -> None:
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    draw.embeddings(config, config["embedding_size"])
    draw.linear("encoder.embedding_hidden_mapping_in", config["embedding_size"], hidden)
    for group in range(config["num_hidden_groups"]):
        for inner in range(config["inner_group_num"]):
            layer = f"encoder.albert_layer_groups.{group}.albert_layers.{inner}"
            draw.layer_norm(f"{layer}.full_layer_layer_norm", hidden)
            for part in ("query", "key", "value", "dense"):
                draw.linear(f"{layer}.attention.{part}", hidden, hidden)
            draw.layer_norm(f"{layer}.attention.LayerNorm", hidden)
            draw.linear(f"{layer}.ffn", hidden, intermediate)
            draw.linear(f"{layer}.ffn_output", intermediate, hidden)
    draw.linear("pooler", hidden, hidden)


def random_tensors(
    config: Mapping[str, Any], *, seed: int = 0, deviation: float = 0.02
) -> dict[str, npt.NDArray[np.float32]]:
    """Float32 tensors by transformers' names for BertModel, ElectraModel or AlbertModel."""
    draw = _Draw(seed, deviation)
    draw_all = {"bert": _bert_tensors, "electra": _electra_tensors, "albert": _albert_tensors}
    draw_all[config["model_type"]](draw, config)
    return draw.tensors
