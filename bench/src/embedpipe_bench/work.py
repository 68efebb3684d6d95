"""How many floating-point operations an encoder needs: useful work alone, padding is not counted.

A product of (m, k) and (k, n) matrices counts 2 m k n. One layer, of hidden size D and intermediate
size F, needs for a sequence of L pieces

    8 L D^2    query, key, value and output projections
    4 L L D    attention: scores, then the weighted sum of values
    4 L D F    the two products of the feed-forward part

and ALBERT's embeddings of size E need 2 L E D once. Softmax, LayerNorm, GELU, biases, embedding
look-ups and pooling are left out: about 1 % of the operations, so that shares of the peak are a
little lower than they might be called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["useful_gflop"]


def useful_gflop(model: Path, lengths: Iterable[int]) -> float:
    """10^9 operations that the model in that folder needs for sequences of those lengths."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    embedding = config.get("embedding_size", hidden)
    per_piece = 8 * hidden**2 + 4 * hidden * intermediate
    projection = 2 * embedding * hidden if embedding != hidden else 0
    operations = 0
    for length in lengths:
        layer = length * per_piece + 4 * length**2 * hidden
        operations += config["num_hidden_layers"] * layer + length * projection
    return operations / 1e9
