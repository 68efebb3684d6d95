"""Read a model folder in Hugging Face's layout: configuration, weights, and how to pool.

The vocabulary in the same folder is read in `subword`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from embedpipe.encoder.config import EncoderConfig
from embedpipe.encoder.pooling import Pooling
from embedpipe.encoder.weights import EncoderWeights, check_weights
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.files.strict_json import read_json
from embedpipe.formats.safetensors import read_safetensors
from embedpipe.formats.sentence_transformers import SentenceSettings, read_sentence_settings

__all__ = ["HuggingFaceModel", "read_huggingface"]

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_OTHER_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5")


@dataclass(frozen=True, eq=False)
class HuggingFaceModel:
    """A model as its folder describes it.

    directory: where config.json and the vocabulary are; mostly the folder that was asked for.
    pooling, normalize: from `embedpipe.json`, else from sentence-transformers' files
    (`pooling_source` "declared"), else "mean" and False (`pooling_source` "default").
    max_length: most pieces per sequence, special pieces included.
    """

    directory: Path
    config: EncoderConfig
    weights: EncoderWeights
    pooling: Pooling
    normalize: bool
    pooling_source: Literal["declared", "default"]
    max_length: int


def read_huggingface(directory: str | Path) -> HuggingFaceModel:
    """Read and check a model folder: `config.json` and `model.safetensors`, in shards or whole.

    The tensors' names may begin with the model's prefix ("bert.", "albert."). Weights are mapped
    into memory, not copied.

    Raises ModelNotFoundError if there is no such folder, ModelFormatError if a file is missing,
    damaged, or contradicts another.
    """
    root = Path(directory)
    if not root.is_dir():
        raise ModelNotFoundError(
            f"{root} is not a folder; expected one with config.json and {_WEIGHTS}" + _advice(root)
        )
    settings = read_sentence_settings(root)
    folder = root / settings.transformer
    path = folder / "config.json"
    if not path.is_file():
        raise ModelFormatError(
            f"{folder} has no config.json; expected a model folder as transformers saves it"
            + _advice(folder)
        )
    config = EncoderConfig.from_huggingface(read_json(path, dict), source=str(path))
    weights = _read_weights(folder, config)
    _check_settings(settings, config, weights, root)
    return HuggingFaceModel(
        directory=folder,
        config=config,
        weights=weights,
        pooling=settings.pooling or "mean",
        normalize=bool(settings.normalize),
        pooling_source="default" if settings.pooling is None else "declared",
        max_length=min((config.max_position_embeddings, *settings.lengths)),
    )


def _advice(path: Path) -> str:
    """How to convert a model in another format; the readers of those are loaded only now."""
    from embedpipe.formats.importer import conversion_advice

    return conversion_advice(path)


def _check_settings(
    settings: SentenceSettings, config: EncoderConfig, weights: EncoderWeights, root: Path
) -> None:
    """Raise ModelFormatError where the declared pooling does not fit the encoder."""
    if settings.pooling == "pooler" and weights.pooler is None:
        raise ModelFormatError(
            f"{root}: pooling 'pooler' is declared, but the weights have no pooler; "
            "declare 'mean' or 'cls' in embedpipe.json"
        )
    if settings.dimension not in (None, config.hidden_size):
        raise ModelFormatError(
            f"{root}: the pooling configuration is for vectors of {settings.dimension}; "
            f"config.json says hidden_size {config.hidden_size}; take both from the same model"
        )


def _read_weights(folder: Path, config: EncoderConfig) -> EncoderWeights:
    whole, index = folder / _WEIGHTS, folder / _INDEX
    if whole.is_file():
        source, tensors = whole, read_safetensors(whole)
    elif index.is_file():
        source, tensors = index, _read_shards(index)
    else:
        others = [name for name in _OTHER_WEIGHTS if (folder / name).is_file()]
        found = f"found {', '.join(others)}" if others else "found no weights at all"
        raise ModelFormatError(
            f"{folder} has neither {_WEIGHTS} nor {_INDEX}; {found}. Save the model with "
            "transformers' save_pretrained(..., safe_serialization=True), or fetch it again"
            + _advice(folder)
        )
    tensors = _without_prefix(tensors, f"{config.architecture}.", source)
    return check_weights(tensors, config, source=str(source))


def _read_shards(index: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors that the index lists, each from the file that it names beside itself."""
    places = read_json(index, dict).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelFormatError(f"{index}: weight_map is no object of tensor names and file names")
    wrong = sorted({repr(file)[:80] for file in places.values() if not _is_plain_name(file)})
    if wrong:
        raise ModelFormatError(
            f"{index}: weight_map names {', '.join(wrong)}; expected names of .safetensors files "
            "in the same folder, without path"
        )
    files = sorted(set(places.values()))
    absent = [file for file in files if not (index.parent / file).is_file()]
    if absent:
        raise ModelFormatError(f"{index}: missing {', '.join(absent)}; fetch the model again")
    shards = {file: read_safetensors(index.parent / file) for file in files}
    lost = [f"{name!r} in {file}" for name, file in places.items() if name not in shards[file]]
    if lost:
        raise ModelFormatError(
            f"{index}: tensors that are not where it says: {', '.join(lost)}; fetch the model again"
        )
    return {name: shards[file][name] for name, file in places.items()}


def _is_plain_name(file: Any) -> bool:
    """Whether it is a file name that stays inside its folder, on any operating system."""
    return (
        isinstance(file, str)
        and file.endswith(".safetensors")
        and not any(character in file for character in "/\\:\0")
    )


def _without_prefix(
    tensors: dict[str, npt.NDArray[Any]], prefix: str, source: Path
) -> dict[str, npt.NDArray[Any]]:
    """Drop the prefix under which models with a head keep their encoder."""
    stripped = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if len(stripped) < len(tensors):
        twice = sorted(name for name in tensors if name.startswith(prefix))
        twice = [name for name in twice if name.removeprefix(prefix) in tensors]
        raise ModelFormatError(
            f"{source}: tensors both with and without the prefix {prefix!r}: {', '.join(twice)}; "
            "keep one of each"
        )
    return stripped
