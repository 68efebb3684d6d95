"""The random models and the records of Spark NLP 5.5.3's answers: see tests/data/README.md.

Weights are five times as large as a model's at the start of training, so that vectors of different
words and positions differ strongly, and a wrong piece, position or mask shows in the first digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedpipe import Encoder
from embedpipe_bench.random_models import albert_config, bert_config, random_tensors
from tests.support.model_folders import write_model

MINILM = "all-MiniLM-L6-v2"
_SMALL = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 256}
_MODELS = {
    "tiny_bert": (
        bert_config(2, 64) | _SMALL,
        20240553,
        "bert_uncased/vocab.txt",
        "3d7b201be7afed4cb8fecae6ec73aae80bfbf2bb7a3f141484caf99abb81bcca",
    ),
    "tiny_albert": (
        albert_config(3, 64) | _SMALL | {"embedding_size": 32},
        20240554,
        "albert_30k/spiece.model",
        "19b5a040f96852fbb3587960f373ba03b9c471ad908a14f20bf41afb7f096f2c",
    ),
}
"""By name: the configuration, the seed, the vocabulary, and the digest of what Spark NLP ran."""


class _Encoders(dict[str, Encoder]):
    """The trained model is loaded when asked for: tests that do are marked `trained_model`."""

    def __missing__(self, name: str) -> Encoder:
        if name != MINILM:
            raise KeyError(name)
        return self.setdefault(name, Encoder.load(name))


def load_encoders(testdata: Path, folder: Path) -> dict[str, Encoder]:
    """The models by the names of the records; files of random ones are written to `folder`."""
    encoders = _Encoders()
    for name, (config, seed, vocabulary, expected) in _MODELS.items():
        tensors = random_tensors(config, seed=seed, deviation=0.1)
        assert digest(tensors) == expected, f"{name}: the weights differ from the recorded ones"
        vocab = testdata / "vocabularies" / vocabulary
        write_model(folder / name, config, tensors=tensors, vocab=vocab)
        encoders[name] = Encoder.load(folder / name)
    return encoders


def digest(tensors: Mapping[str, np.ndarray]) -> str:
    """The SHA-256 over name, shape and float32 bytes of every tensor, in the names' order."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {list(tensors[name].shape)}\n".encode())
        found.update(np.ascontiguousarray(tensors[name], "<f4").tobytes())
    return found.hexdigest()


def records(testdata: Path, name: str) -> Iterator[dict[str, Any]]:
    """The records of one file; texts contain U+2028, so lines end at line feeds only."""
    text = (testdata / "spark_nlp_answers" / f"{name}.jsonl").read_text(encoding="utf-8")
    return (json.loads(line) for line in text.split("\n") if line)
