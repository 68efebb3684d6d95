"""Names of the files that models are made of, in all formats."""

from __future__ import annotations

import re

__all__ = [
    "CHECKPOINT",
    "COMPACT",
    "CONFIG",
    "MODULES",
    "PARTS_OF_MODELS",
    "SAFETENSORS",
    "SAVED_MODEL",
    "SAVED_STAGES",
    "SPARK_METADATA",
    "TOKENIZER_FILES",
    "TRAINING",
    "TRAINING_CURVE",
    "VARIABLES",
    "VOCABULARIES",
    "WEIGHTS",
    "index_of",
]

CONFIG = "config.json"
MODULES = "modules.json"
"""sentence-transformers' list of steps."""

SAFETENSORS = "model.safetensors"
WEIGHTS = (SAFETENSORS, "pytorch_model.bin")
"""By preference; each may lie in shards instead, see `index_of`."""

COMPACT = "compact.safetensors"
"""Weights in embedpipe's own form of fewer bits, read where there are no others."""

VOCABULARIES = ("tokenizer.json", "vocab.txt", "spiece.model")
"""Files that a tokenizer can be made of."""

TOKENIZER_FILES = (
    *VOCABULARIES,
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""The files on which the pieces of a text may depend, here or in transformers."""

TRAINING, TRAINING_CURVE = "training.json", "training.svg"
"""How a model was trained, as the commands that train write it, and its curve."""

SAVED_STAGES = "stages.json"
"""The file that tells a saved stage or pipeline."""

SPARK_METADATA = "metadata/part-00000"
SAVED_MODEL = "saved_model.pb"
VARIABLES = "variables/variables"
CHECKPOINT = ".index"
"""What the names of TensorFlow's indexes of tensors end in."""

PARTS_OF_MODELS = (CHECKPOINT, ".safetensors", ".bin", ".pb", ".json")
"""Endings of files that stand for the folder they lie in."""

_SHARD = re.compile(r"(.+)-[0-9]{5}-of-[0-9]{5}(\.[a-z]+)")


def index_of(name: str) -> str:
    """The file that tells where the shards of a file of weights lie; `name` may be one of them.

    >>> index_of("model.safetensors"), index_of("pytorch_model-00001-of-00002.bin")
    ('model.safetensors.index.json', 'pytorch_model.bin.index.json')
    """
    return _SHARD.sub(r"\1\2", name) + ".index.json"
