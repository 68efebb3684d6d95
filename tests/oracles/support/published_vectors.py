"""Values that a catalog would publish of a tiny BERT, as transformers computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedpipe.engine import Ragged
from tests.oracles.support.frameworks import transformers_model, transformers_outputs
from tests.support.model_folders import random_tensors, tiny_config, write_model, write_safetensors

PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("I", "i", "hate", "love", "cancer", "NLP", "nlp", "Pain", "pain", "##killer", "helps", "."),
]
SENTENCES = {
    "I hate cancer": (["I", "hate", "cancer"], ["i", "hate", "cancer"]),
    "Painkiller helps.": (["Pain", "##killer", "helps", "."], ["pain", "##killer", "helps", "."]),
}
"""The pieces of each sentence, with case and without."""
CONTEXT = "I love NLP"
HIDDEN_ACT = {"gelu_erf": "gelu", "gelu_tanh": "gelu_new"}
VALUES = 4


def weights(config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Matrices so large that both forms of GELU give plainly different vectors."""
    tensors = random_tensors(config, seed=5)
    return {
        name: tensor * np.float32(20) if tensor.ndim == 2 else tensor
        for name, tensor in tensors.items()
    }


def transformers_vectors(
    config: dict[str, Any], activation: str, sequences: list[list[int]]
) -> tuple[Ragged, dict[str, np.ndarray]]:
    """The piece vectors of each sequence, and its vector by pooling, in float64."""
    model = transformers_model(config | {"hidden_act": HIDDEN_ACT[activation]}, weights(config))
    pieces = Ragged.from_sequences(sequences, np.int32)
    values, pooled = transformers_outputs(model, pieces)
    hidden = Ragged(values, pieces.offsets)
    means = np.stack([vectors.mean(axis=0) for vectors in hidden])
    return hidden, {"cls": values[pieces.offsets[:-1]], "mean": means, "pooler": pooled}


def bert_ids(pieces: list[str]) -> list[int]:
    return [PIECES.index(piece) for piece in ("[CLS]", *pieces, "[SEP]")]


def row(text: str, context: str, level: str, vector: np.ndarray) -> dict[str, Any]:
    values = [float(value) for value in vector[:VALUES].astype(np.float32)]
    return {"text": text, "context": context, "level": level, "values": values}


def bert_config() -> dict[str, Any]:
    return tiny_config(vocab_size=len(PIECES))


def sentence_rows(pooling: str, activation: str, case: str) -> list[dict[str, Any]]:
    pieces = [bert_ids(both[case == "lower"]) for both in SENTENCES.values()]
    _, vectors = transformers_vectors(bert_config(), activation, pieces)
    named = zip(SENTENCES, vectors[pooling], strict=True)
    return [row(text, text, "sentence", vector) for text, vector in named]


def word_rows(activation: str, case: str) -> list[dict[str, Any]]:
    pieces = ["I", "love", "NLP"] if case == "cased" else ["i", "love", "nlp"]
    hidden, _ = transformers_vectors(bert_config(), activation, [bert_ids(pieces)])
    named = zip(CONTEXT.split(), hidden[0][1:], strict=False)
    return [row(text, CONTEXT, "token", vector) for text, vector in named]


def write_bert(folder: Path) -> Path:
    vocabulary = folder.with_suffix(".txt")
    vocabulary.write_text("\n".join(PIECES) + "\n")
    config = bert_config()
    write_model(folder, config, vocab=vocabulary)
    write_safetensors(folder / "model.safetensors", weights(config))
    return folder
