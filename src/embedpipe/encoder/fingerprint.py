"""A short text that tells models apart by what they compute, not by their names or files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import SubwordTokenizer

__all__ = ["fingerprint_of"]

_SAMPLES = 16
_PROBE = (
    "Naïve café ÉCOLE, don't!  co-operate\t3.14 % 東京 हिन्दी 🙂 unaffordability "
    "electroencephalography [MASK] x\u00ady"
)


def fingerprint_of(
    config: EncoderConfig, tensors: Mapping[str, npt.NDArray[Any]], tokenizer: SubwordTokenizer
) -> str:
    """64 hexadecimal digits, the same for the same model in whatever format it is stored.

    They come from all tensors' shapes and some values of each, which training changes everywhere;
    from the settings of the computation; and from the pieces of a text. Reading all values would
    take a second for a large model, and a little of each is enough to tell two trainings apart.
    """
    from hashlib import sha256  # slow to load

    digest = sha256()
    sizes = (config.num_hidden_layers, config.num_attention_heads)
    settings = (str(config.architecture), config.activation, config.layer_norm_eps)
    digest.update(repr((*settings, *sizes)).encode())
    for tensor in tensors.values():
        digest.update(repr(tensor.shape).encode())
        places = np.linspace(0, tensor.size - 1, min(_SAMPLES, tensor.size)).astype(np.int64)
        digest.update(np.asarray(tensor.flat[places], dtype="<f4").tobytes())
    pieces = tokenizer.encode([_PROBE], max_length=config.max_position_embeddings).ids.values
    digest.update(np.asarray(pieces, dtype="<i4").tobytes())
    return digest.hexdigest()
