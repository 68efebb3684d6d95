"""A tiny teacher and texts to learn from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.model_folders import random_tensors, tiny_config, write_model

WORDS = [a + b for a in "bcdfghklmnprst" for b in ("ad", "en", "ip", "or")]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "##s", "##ing", ".", ","]


def write_teacher(folder: Path, **changes: object) -> Path:
    """A BERT of 4 layers, 32 wide, at most 24 pieces, whose words differ much."""
    sizes = {"num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 48}
    config = tiny_config(vocab_size=len(PIECES), **(sizes | changes))
    tensors = random_tensors(config, seed=3)
    words = next(name for name in tensors if name.endswith("word_embeddings.weight"))
    tensors[words] = np.random.default_rng(4).normal(size=tensors[words].shape).astype(np.float32)
    vocab = folder.parent / f"{folder.name}-vocab.txt"
    vocab.write_text("".join(f"{piece}\n" for piece in PIECES))
    return write_model(folder, config, tensors=tensors, vocab=vocab)


def sentences(count: int, seed: int = 0) -> list[str]:
    """Distinct texts of two to twelve words, the first words of the list most often."""
    random = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        places = np.minimum(random.exponential(14, random.integers(2, 13)), len(WORDS) - 1)
        words = [WORDS[int(place)] for place in places]
        words[-1] += random.choice(["", "s", "ing"])
        found[" ".join(words) + "."] = None
    return list(found)


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
