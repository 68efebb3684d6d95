"""How a model folder says its piece vectors become a sentence vector.

`embedpipe.json` has the last word; otherwise sentence-transformers' files are read: `modules.json`
lists the steps (transformer, pooling, normalization), each with a folder of its own.
"""

from __future__ import annotations

from typing import Any

from embedpipe.engine.pooling import POOLINGS, Pooling
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.layout import MODULES
from embedpipe.formats.model import Usage
from embedpipe.formats.own_record import LENGTH, read_declared

__all__ = ["read_usage"]

# sentence-transformers' names: switches in older files, one `pooling_mode` in newer ones.
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_SUPPORTED: dict[str, Pooling] = {"cls": "cls", "mean": "mean"}
_STEPS = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])


def read_usage(tree: FileTree) -> Usage:
    """Read what a model's files declare; without any of them, nothing is declared.

    Raises ModelFormatError for a damaged file, for steps or poolings that embedpipe does not
    compute, and for values that cannot be.
    """
    transformer, pooling_folder, normalize = _read_modules(tree)
    own = read_declared(tree)
    pooling, dimension = own["pooling"], None
    if pooling is None and pooling_folder is not None:
        pooling, dimension = _read_pooling(tree, f"{pooling_folder}/config.json")
    if own["normalize"] is not None:
        normalize = own["normalize"]
    length = own["max_length"]
    lengths = _read_lengths(tree.below(transformer)) if length is None else (int(length),)
    return Usage(transformer, pooling, normalize, lengths, dimension)


def _read_modules(tree: FileTree) -> tuple[str, str | None, bool | None]:
    """The folders of transformer and pooling, and whether vectors are normalized (None: unsaid)."""
    path = tree.where(MODULES)
    if MODULES not in tree:
        # A copy without the list may still have the pooling step, under its usual name
        return "", "1_Pooling" if "1_Pooling/config.json" in tree else None, None
    modules = tree.read_json(MODULES, list)
    for module in modules:
        if not isinstance(module, dict) or not all(
            isinstance(module.get(key), str) for key in ("type", "path")
        ):
            raise ModelFormatError(f"{path}: a step without a type or path: {str(module)[:80]}")
        if module["path"].startswith(".") or any(c in module["path"] for c in "/\\:\0"):
            raise ModelFormatError(
                f"{path}: the step path {module['path'][:80]!r} is not the name of a folder in "
                "the model's"
            )
    # The module path before the class name differs between versions of sentence-transformers
    steps = [module["type"].rpartition(".")[2] for module in modules]
    if steps not in _STEPS:
        raise ModelFormatError(
            f"{path}: the steps are {', '.join(steps)[:200] or 'none'}; embedpipe computes "
            "Transformer, Pooling and, if wanted, Normalize, in this order"
        )
    return modules[0]["path"], modules[1]["path"], "Normalize" in steps


def _read_pooling(tree: FileTree, name: str) -> tuple[Pooling, int | None]:
    """The pooling of the step's config.json, and the vector size that it names."""
    settings, path = tree.read_json(name, dict), tree.where(name)
    if "pooling_mode" in settings:
        modes = [settings["pooling_mode"]]
    else:
        modes = [name for switch, name in _SWITCHES.items() if settings.get(switch)]
    if len(modes) != 1 or not isinstance(modes[0], str) or modes[0] not in _SUPPORTED:
        found = " and ".join(str(mode)[:80] for mode in modes) or "none"
        raise ModelFormatError(
            f"{path}: the pooling is {found}; embedpipe reads one of {', '.join(_SUPPORTED)} here. "
            f'To choose another, write {{"pooling": ...}} with one of {", ".join(POOLINGS)} into '
            "embedpipe.json in the model's folder"
        )
    dimension = settings.get("word_embedding_dimension", settings.get("embedding_dimension"))
    if dimension is not None and not _is_integer(dimension):
        raise ModelFormatError(f"{path}: word_embedding_dimension {str(dimension)[:80]} is no size")
    return _SUPPORTED[modes[0]], dimension


def _read_lengths(tree: FileTree) -> tuple[int, ...]:
    """The first declared limit, as sentence-transformers looks for it."""
    for file, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        value = tree.read_json(file, dict).get(key) if file in tree else None
        if value is not None:
            return (_length(value, f"{tree.where(file)}: {key}"),)
    return ()


def _length(value: Any, named: str) -> int:
    if not LENGTH.holds(value):
        raise ModelFormatError(f"{named} {str(value)[:80]}; expected {LENGTH.expected}")
    return int(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
