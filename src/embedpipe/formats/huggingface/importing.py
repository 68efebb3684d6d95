"""Hugging Face folders as one of the formats to import: `pytorch_model.bin`, and safetensors too.

Reading such a folder for use, with pooling and all, is in `huggingface`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.tensors import find_tensors
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.safetensors import parse_safetensors
from embedpipe.formats.huggingface.sentence_transformers import read_sentence_settings
from embedpipe.formats.huggingface.vocabulary import read_sentencepiece_file, vocabulary_lines
from embedpipe.formats.imported import ImportedModel, TokenizerFiles, finish
from embedpipe.formats.pytorch.state_dict import read_torch_pickle

__all__ = ["WEIGHTS", "read_huggingface_files"]

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""By preference; each may lie in shards, with `.index.json` behind its name."""

_Tensors = dict[str, npt.NDArray[Any]]
_TOKENIZER_SETTINGS = (
    *("strip_accents", "tokenize_chinese_chars", "keep_accents"),
    *("cls_token", "sep_token", "unk_token", "pad_token", "mask_token"),
)


def read_huggingface_files(root: FileTree) -> ImportedModel:
    """Read `config.json`, weights and vocabulary of a tree, and what it declares about pooling.

    Names may begin with the model's prefix ("bert.", "albert."). What an encoder does not have,
    such as training heads, is left over.
    """
    usage = read_sentence_settings(root)
    tree = root.below(usage.transformer)
    raw: dict[str, Any] = tree.read_json("config.json", dict)
    config = EncoderConfig.from_huggingface(raw, source=tree.where("config.json"))
    stored = _weights(tree)
    found = find_tensors(stored, config, source=tree.source)
    return finish(
        source=tree.source,
        format_name="huggingface",
        raw_config=raw,
        tensors=found.tensors,
        origins=found.origins,
        unused=found.unused,
        tokenizer=_tokenizer(tree),
        usage=usage,
    )


def _weights(tree: FileTree) -> _Tensors:
    for name in WEIGHTS:
        read = _read_safetensors if name.endswith(".safetensors") else _read_pickle
        if name in tree:
            return read(tree, name)
        if f"{name}.index.json" in tree:
            return _read_shards(tree, f"{name}.index.json", read)
    raise ModelFormatError(
        f"{tree.source} has no weights: found neither "
        f"{' nor '.join(WEIGHTS)}. Fetch the model again"
    )


def _read_pickle(tree: FileTree, name: str) -> _Tensors:
    return read_torch_pickle(tree.read(name), tree.where(name))


def _read_safetensors(tree: FileTree, name: str) -> _Tensors:
    return parse_safetensors(tree.read(name), tree.where(name))


def _read_shards(tree: FileTree, index: str, read: Callable[[FileTree, str], _Tensors]) -> _Tensors:
    """The tensors that the index lists, each from the file that it names beside itself."""
    where = tree.where(index)
    places = tree.read_json(index, dict).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ModelFormatError(f"{where}: weight_map is no object of tensor names and file names")
    absent = sorted({str(file)[:80] for file in places.values() if str(file) not in tree})
    if absent:
        raise ModelFormatError(f"{where}: missing {', '.join(absent)}; fetch the model again")
    shards = {file: read(tree, file) for file in sorted(set(places.values()))}
    lost = [f"{name[:80]!r} in {file}" for name, file in places.items() if name not in shards[file]]
    if lost:
        raise ModelFormatError(
            f"{where}: tensors that are not where it says: {', '.join(lost)}; fetch the model again"
        )
    return {name: shards[file][name] for name, file in places.items()}


def _tokenizer(tree: FileTree) -> TokenizerFiles:
    settings: dict[str, Any] = {}
    if "tokenizer_config.json" in tree:
        settings = tree.read_json("tokenizer_config.json", dict)
    case = settings.get("do_lower_case")
    vocabulary = sentencepiece = whole = None
    if "tokenizer.json" in tree:
        whole = tree.read_text_file("tokenizer.json")
    if "spiece.model" in tree:
        sentencepiece = read_sentencepiece_file(tree, "spiece.model")
    elif "vocab.txt" in tree:
        vocabulary = vocabulary_lines(tree.read_small("vocab.txt"), tree.where("vocab.txt"))
    return TokenizerFiles(
        vocabulary,
        sentencepiece,
        case if isinstance(case, bool) else None,
        {key: settings[key] for key in _TOKENIZER_SETTINGS if key in settings},
        whole,
    )
