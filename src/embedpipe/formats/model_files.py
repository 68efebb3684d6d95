"""The files of a model's folder in Hugging Face's layout, wherever they lie, and how to write them.

What they mean is in `huggingface`, and in `embedpipe.subword` for the vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.formats.huggingface.sentence_transformers import OWN_SETTINGS

__all__ = ["CONFIG", "ModelFiles", "config_text", "json_text", "own_settings"]

CONFIG = "config.json"
_WEIGHTS = "model.safetensors"

# transformers would convert the weights to the type that a configuration names
_WEIGHT_TYPES = ("dtype", "torch_dtype")


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """Settings and vocabulary by file name, tensors by transformers' names without prefix.

    The tensors are as they were stored, mostly views of a mapped file: keeping them costs no memory
    then.
    """

    texts: Mapping[str, bytes]
    tensors: Mapping[str, npt.NDArray[Any]]

    def parts(self) -> Iterator[tuple[str, Iterable[bytes | memoryview]]]:
        """The name and the bytes of each file to write, the weights as float32."""
        for name in sorted(self.texts):
            yield name, [self.texts[name]]
        yield _WEIGHTS, safetensors_parts(self.tensors)


def json_text(content: Mapping[str, Any]) -> bytes:
    """JSON that people can read; the same content gives the same bytes."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("ascii")


def config_text(config: Mapping[str, Any]) -> bytes:
    """The `config.json` of weights that are stored as float32."""
    return json_text({key: value for key, value in config.items() if key not in _WEIGHT_TYPES})


def own_settings(
    config: EncoderConfig,
    *,
    pooling: Pooling | None,
    normalize: bool | None,
    max_length: int | None,
    further: Mapping[str, Any],
) -> dict[str, bytes]:
    """The file `embedpipe.json` of what is declared (None: not), if anything is."""
    if max_length is not None and max_length >= config.max_position_embeddings:
        max_length = None
    settings = {"pooling": pooling, "normalize": normalize, "max_length": max_length, **further}
    declared = {key: value for key, value in settings.items() if value is not None}
    return {OWN_SETTINGS: json_text(declared)} if declared else {}
