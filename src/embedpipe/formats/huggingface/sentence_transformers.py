"""How a model folder says its piece vectors become a sentence vector.

`embedpipe.json` has the last word; otherwise sentence-transformers' files are read: `modules.json`
lists the steps (transformer, pooling, normalization), each with a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import POOLINGS, Pooling
from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree

__all__ = ["OWN_SETTINGS", "SentenceSettings", "check_settings", "read_sentence_settings"]

OWN_SETTINGS = "embedpipe.json"

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
_SHORTEST = 3  # two special pieces and one of the text


@dataclass(frozen=True)
class SentenceSettings:
    """What the folder declares; None for what it does not.

    transformer: the folder of config.json and weights, inside the model's ("" for the same one).
    lengths: declared limits on the pieces of a sequence, special ones included.
    dimension: the vector size that the pooling configuration was written for.
    """

    transformer: str = ""
    pooling: Pooling | None = None
    normalize: bool | None = None
    lengths: tuple[int, ...] = ()
    dimension: int | None = None


def read_sentence_settings(tree: FileTree) -> SentenceSettings:
    """Read what a model's files declare; without any of them, nothing is declared.

    Raises ModelFormatError for a damaged file, for steps or poolings that embedpipe does not
    compute, and for values that cannot be.
    """
    transformer, pooling_folder, normalize = _read_modules(tree)
    own = _read_own(tree)
    pooling, dimension = own.pooling, None
    if pooling is None and pooling_folder is not None:
        pooling, dimension = _read_pooling(tree, f"{pooling_folder}/config.json")
    if own.normalize is not None:
        normalize = own.normalize
    lengths = own.lengths or _read_lengths(tree.below(transformer))
    return SentenceSettings(transformer, pooling, normalize, lengths, dimension)


def check_settings(
    settings: SentenceSettings, config: EncoderConfig, root: str, *, pooler: bool
) -> None:
    """Raise ModelFormatError where the declared pooling does not fit the encoder.

    pooler: whether there is one among the weights.
    """
    if settings.pooling == "pooler" and not pooler:
        raise ModelFormatError(
            f"{root}: pooling 'pooler' is declared, but the weights have no pooler; "
            "declare 'mean' or 'cls' in embedpipe.json"
        )
    if settings.dimension not in (None, config.hidden_size):
        raise ModelFormatError(
            f"{root}: the pooling configuration is for vectors of {settings.dimension}; "
            f"config.json says hidden_size {config.hidden_size}; take both from the same model"
        )


def _read_modules(tree: FileTree) -> tuple[str, str | None, bool | None]:
    """The folders of transformer and pooling, and whether vectors are normalized (None: unsaid)."""
    path = tree.where("modules.json")
    if "modules.json" not in tree:
        # A copy without the list may still have the pooling step, under its usual name
        return "", "1_Pooling" if "1_Pooling/config.json" in tree else None, None
    modules = tree.read_json("modules.json", list)
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


def _read_own(tree: FileTree) -> SentenceSettings:
    """`pooling`, `normalize`, `max_length` of embedpipe.json; other keys are others' business."""
    if OWN_SETTINGS not in tree:
        return SentenceSettings()
    settings, path = tree.read_json(OWN_SETTINGS, dict), tree.where(OWN_SETTINGS)
    pooling, normalize = settings.get("pooling"), settings.get("normalize")
    if pooling is not None and (not isinstance(pooling, str) or pooling not in POOLINGS):
        raise ModelFormatError(
            f"{path}: pooling {str(pooling)[:80]!r}; expected one of {', '.join(POOLINGS)}"
        )
    if normalize is not None and not isinstance(normalize, bool):
        raise ModelFormatError(f"{path}: normalize {str(normalize)[:80]!r}; expected true or false")
    length = settings.get("max_length")
    lengths = () if length is None else (_length(length, f"{path}: max_length"),)
    return SentenceSettings(pooling=pooling, normalize=normalize, lengths=lengths)


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
    # transformers writes "no limit" as 1e30, a float in some versions
    is_number = _is_integer(value) or isinstance(value, float)
    if not is_number or not _SHORTEST <= value < float("inf"):
        raise ModelFormatError(
            f"{named} {str(value)[:80]}; expected a number of pieces from {_SHORTEST} up"
        )
    return int(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
