"""Read a model folder in Hugging Face's layout: configuration, weights, and how to pool.

The vocabulary in the same folder is read in `subword`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.tensors import find_tensors
from embedpipe.engine.weights import EncoderWeights, WeightsFile, group_weights
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.archives.tree import FileTree, open_tree
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.huggingface.sentence_transformers import (
    SentenceSettings,
    check_settings,
    read_sentence_settings,
)
from embedpipe.formats.model_files import CONFIG, ModelFiles, config_text, own_settings

__all__ = ["TOKENIZER_FILES", "HuggingFaceModel", "read_huggingface"]

TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.txt", "spiece.model"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""The files on which the pieces of a text may depend, here or in transformers."""

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_OTHER_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5")


@dataclass(frozen=True, eq=False)
class HuggingFaceModel:
    """A model as its files describe it.

    directory: where config.json and the vocabulary are; mostly the folder that was asked for, or
    the archive. files: what a folder that holds the same model has in it.
    pooling, normalize: from `embedpipe.json`, else from sentence-transformers' files
    (`pooling_source` "declared"), else "mean" and False (`pooling_source` "default").
    max_length: most pieces per sequence, special pieces included.
    weights_files: where the weights lie, as it was before they were read; none in an archive, or
    for weights in another format.
    """

    directory: Path
    config: EncoderConfig
    weights: EncoderWeights
    pooling: Pooling
    normalize: bool
    pooling_source: Literal["declared", "default"]
    max_length: int
    files: ModelFiles
    usage: SentenceSettings
    weights_files: tuple[WeightsFile, ...] = ()


def read_huggingface(source: str | Path | FileTree) -> HuggingFaceModel:
    """Read and check a model folder: `config.json` and `model.safetensors`, in shards or whole.

    source: the folder, or the tree of one.

    The tensors' names may begin with the model's prefix ("bert.", "albert."). Weights are mapped
    into memory, not copied.

    Raises ModelNotFoundError if there is no such folder, ModelFormatError if a file is missing,
    damaged, or contradicts another.
    """
    root = source if isinstance(source, FileTree) else _open(Path(source))
    settings = read_sentence_settings(root)
    tree = root.below(settings.transformer)
    if CONFIG not in tree:
        raise ModelFormatError(
            f"{tree.source} has no config.json; expected a model folder as transformers saves it"
        )
    raw_config = tree.read_json(CONFIG, dict)
    config = EncoderConfig.from_huggingface(raw_config, source=tree.where(CONFIG))
    files = _weights_files(tree)
    tensors, place = _read_tensors(tree)
    kept = find_tensors(tensors, config, source=place).tensors
    weights = group_weights(kept, config)
    check_settings(settings, config, root.source, pooler=weights.pooler is not None)
    texts = {name: tree.read_text_file(name) for name in TOKENIZER_FILES if name in tree}
    max_length = min((config.max_position_embeddings, *settings.lengths))
    own = own_settings(
        config,
        pooling=settings.pooling,
        normalize=settings.normalize,
        max_length=max_length,
        further=settings.further(),
    )
    return HuggingFaceModel(
        directory=Path(tree.source),
        config=config,
        weights=weights,
        pooling=settings.pooling or "mean",
        normalize=bool(settings.normalize),
        pooling_source="default" if settings.pooling is None else "declared",
        max_length=max_length,
        usage=settings,
        files=ModelFiles(
            {CONFIG: config_text(raw_config), **texts, **own},
            kept,
        ),
        weights_files=files,
    )


def _open(root: Path) -> FileTree:
    if not root.is_dir():
        raise ModelNotFoundError(
            f"{root} is not a folder; expected one with config.json and {_WEIGHTS}"
        )
    return open_tree(root)


def _weights_files(tree: FileTree) -> tuple[WeightsFile, ...]:
    """The files that `_read_tensors` will read, in their present state."""
    is_whole = _WEIGHTS in tree
    names = [_WEIGHTS] if is_whole else [n for n in tree.names if n == _INDEX or _is_plain_name(n)]
    paths = [path for path in map(tree.file, names) if path is not None]
    try:
        return tuple(map(WeightsFile.of, paths))
    except OSError:  # just removed, or not to be read: reading says so
        return ()


def _read_tensors(tree: FileTree) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """The tensors by names without the model's prefix, and the file that errors name for them."""
    if _WEIGHTS in tree:
        source, tensors = tree.where(_WEIGHTS), _read_file(tree, _WEIGHTS)
    elif _INDEX in tree:
        source, tensors = tree.where(_INDEX), _read_shards(tree)
    else:
        others = [name for name in _OTHER_WEIGHTS if name in tree]
        found = f"found {', '.join(others)}" if others else "found no weights at all"
        raise ModelFormatError(
            f"{tree.source} has neither {_WEIGHTS} nor {_INDEX}; {found}. Save the model with "
            "transformers' save_pretrained(..., safe_serialization=True), or fetch it again"
        )
    return tensors, source


def _read_file(tree: FileTree, name: str) -> dict[str, npt.NDArray[Any]]:
    return parse_safetensors(tree.read(name), tree.where(name))


def _read_shards(tree: FileTree) -> dict[str, npt.NDArray[Any]]:
    """The tensors that the index lists, each from the file that it names beside itself."""
    index = tree.where(_INDEX)
    places = tree.read_json(_INDEX, dict).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelFormatError(f"{index}: weight_map is no object of tensor names and file names")
    wrong = sorted({repr(file)[:80] for file in places.values() if not _is_plain_name(file)})
    if wrong:
        raise ModelFormatError(
            f"{index}: weight_map names {', '.join(wrong)}; expected names of .safetensors files "
            "in the same folder, without path"
        )
    files = sorted(set(places.values()))
    absent = [file for file in files if file not in tree]
    if absent:
        raise ModelFormatError(f"{index}: missing {', '.join(absent)}; fetch the model again")
    shards = {file: _read_file(tree, file) for file in files}
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
