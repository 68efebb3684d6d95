"""Folders in Hugging Face's layout: configuration, weights, tokenizer, and how to pool.

Weights are `model.safetensors` or `pytorch_model.bin`, whole or in shards, else
`compact.safetensors`, or the file that was named.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.weights import WeightsFile
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.huggingface.sentence_transformers import read_usage
from embedpipe.formats.huggingface.sentence_transformers_steps import dense_weights, read_dense
from embedpipe.formats.layout import COMPACT, CONFIG, TOKENIZER_FILES, WEIGHTS, index_of
from embedpipe.formats.model import Model

__all__ = ["read_huggingface", "weights_name"]

_Tensors = dict[str, npt.NDArray[Any]]
_INDEX = ".index.json"


def read_huggingface(root: FileTree) -> Model:
    """Read and check a model in Hugging Face's layout; weights are mapped, not copied.

    Raises ModelFormatError if a file is missing, damaged, or contradicts another.
    """
    usage = read_usage(root)
    tree = root.below(usage.transformer) if root.named is None else root
    if CONFIG not in tree:
        raise ModelFormatError(
            f"{tree.source} has no {CONFIG}; expected a model folder as transformers saves it"
        )
    raw_config: dict[str, Any] = tree.read_json(CONFIG, dict)
    config = EncoderConfig.from_huggingface(raw_config, source=tree.where(CONFIG))
    name = weights_name(tree, root.named)
    if name is None:
        others = ", ".join(n for n in tree.names if n.endswith((".h5", ".msgpack", ".onnx")))
        raise ModelFormatError(
            f"{tree.source} has none of {', '.join(WEIGHTS)}, whole or in shards; found "
            f"{others or 'no weights at all'}. Save the model with transformers' save_pretrained"
        )
    places = _shards(tree, name) if name.endswith(_INDEX) else {}
    state = _state(tree, sorted({name, *places.values()}))
    for folder in usage.dense:
        state += _state(root.below(folder), [dense_weights(root.below(folder))])
    model = Model(
        source=tree.source,
        format="huggingface",
        config=config,
        huggingface_config=raw_config,
        tensors=_joined(tree, name, places) if places else _read(tree, name),
        tokenizer_files={n: tree.read_text_file(n) for n in TOKENIZER_FILES if n in tree},
        usage=usage,
        weights_files=state,
        head=tuple(read_dense(root.below(folder)) for folder in usage.dense),
    )
    return model.checked(stored=tree.where(name))


def weights_name(tree: FileTree, named: str | None = None) -> str | None:
    """The file of weights that is read, or the index of its shards; None if there is none.

    named: the file that was asked for; of several shards, it means them all.
    """
    if named is not None and named in tree:
        shards = index_of(named)
        is_shard = shards != f"{named}{_INDEX}" and shards in tree
        return shards if is_shard else named
    names = (found for name in WEIGHTS for found in (name, index_of(name)))
    return next((name for name in (*names, COMPACT) if name in tree), None)


def _state(tree: FileTree, names: list[str]) -> tuple[WeightsFile, ...]:
    """The files that will be read, in their present state; none in an archive."""
    paths = [path for path in map(tree.file, dict.fromkeys(names)) if path is not None]
    try:
        return tuple(map(WeightsFile.of, paths))
    except OSError:  # just removed, or not to be read: reading says so
        return ()


def _read(tree: FileTree, name: str) -> _Tensors:
    if name.endswith(".bin"):  # loaded when needed, as most models have none
        from embedpipe.formats.pytorch.state_dict import read_torch_pickle

        return read_torch_pickle(tree.read(name), tree.where(name))
    if name == COMPACT:  # likewise
        from embedpipe.formats.huggingface.compact import read_compact

        return read_compact(tree, name)
    return parse_safetensors(tree.read(name), tree.where(name))


def _shards(tree: FileTree, index: str) -> dict[str, str]:
    """The file of each tensor, as the index says, all of which are there."""
    where, ending = tree.where(index), index.removesuffix(_INDEX).rpartition(".")[2]
    places = tree.read_json(index, dict).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelFormatError(f"{where}: weight_map is no object of tensor names and file names")
    names = places.values()
    wrong = sorted({f"{n!r:.80}" for n in names if not _is_plain_name(n, f".{ending}")})
    if wrong:
        raise ModelFormatError(
            f"{where}: weight_map names {', '.join(wrong[:5])}; expected names of .{ending} files "
            "in the same folder, without path"
        )
    absent = sorted(file for file in set(places.values()) if file not in tree)
    if absent:
        raise ModelFormatError(
            f"{where}: missing {', '.join(absent[:5])}; fetch all shards of the model"
        )
    return places


def _is_plain_name(file: Any, ending: str) -> bool:
    """Whether it is a file name that stays inside its folder, on any operating system."""
    return (
        isinstance(file, str)
        and file.endswith(ending)
        and not any(character in file for character in "/\\:\0")
    )


def _joined(tree: FileTree, index: str, places: dict[str, str]) -> _Tensors:
    """The tensors of all shards, each from its place."""
    shards = {file: _read(tree, file) for file in sorted(set(places.values()))}
    lost = [f"{name[:80]!r} in {file}" for name, file in places.items() if name not in shards[file]]
    if lost:
        raise ModelFormatError(
            f"{tree.where(index)}: tensors that are not where it says: {', '.join(lost[:5])}. The "
            "index and the shards belong to different models: copy both from the same one"
        )
    return {name: shards[file][name] for name, file in places.items()}
