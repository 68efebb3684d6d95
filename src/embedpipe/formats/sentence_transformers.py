"""How a model folder says its piece vectors become a sentence vector.

`embedpipe.json` has the last word; otherwise sentence-transformers' files are read: `modules.json`
lists the steps (transformer, pooling, normalisation), each with a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedpipe.encoder.pooling import POOLINGS, Pooling
from embedpipe.errors import ModelFormatError
from embedpipe.files.strict_json import read_json

__all__ = ["SentenceSettings", "read_sentence_settings"]

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


def read_sentence_settings(root: Path) -> SentenceSettings:
    """Read what `root` declares; a folder without any of the files declares nothing.

    Raises ModelFormatError for a damaged file, for steps or poolings that embedpipe does not
    compute, and for values that cannot be.
    """
    transformer, pooling_folder, normalize = _read_modules(root)
    pooling, own_normalize = _read_own(root / "embedpipe.json")
    dimension = None
    if pooling is None and pooling_folder is not None:
        pooling, dimension = _read_pooling(root / pooling_folder / "config.json")
    if own_normalize is not None:
        normalize = own_normalize
    lengths = _read_lengths(root / transformer)
    return SentenceSettings(transformer, pooling, normalize, lengths, dimension)


def _read_modules(root: Path) -> tuple[str, str | None, bool | None]:
    """The folders of transformer and pooling, and whether vectors are normalised (None: unsaid)."""
    path = root / "modules.json"
    if not path.is_file():
        # A copy without the list may still have the pooling step, under its usual name
        return "", "1_Pooling" if (root / "1_Pooling/config.json").is_file() else None, None
    modules = read_json(path, list)
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


def _read_pooling(path: Path) -> tuple[Pooling, int | None]:
    """The pooling of the step's config.json, and the vector size that it names."""
    settings = read_json(path, dict)
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


def _read_own(path: Path) -> tuple[Pooling | None, bool | None]:
    """The `pooling` and `normalize` of embedpipe.json; other keys are others' business."""
    if not path.is_file():
        return None, None
    settings = read_json(path, dict)
    pooling, normalize = settings.get("pooling"), settings.get("normalize")
    if pooling is not None and (not isinstance(pooling, str) or pooling not in POOLINGS):
        raise ModelFormatError(
            f"{path}: pooling {str(pooling)[:80]!r}; expected one of {', '.join(POOLINGS)}"
        )
    if normalize is not None and not isinstance(normalize, bool):
        raise ModelFormatError(f"{path}: normalize {str(normalize)[:80]!r}; expected true or false")
    return pooling, normalize


def _read_lengths(folder: Path) -> tuple[int, ...]:
    """The first declared limit, as sentence-transformers looks for it."""
    for file, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        path = folder / file
        value = read_json(path, dict).get(key) if path.is_file() else None
        if value is None:
            continue
        # transformers writes "no limit" as 1e30, a float in some versions
        is_number = _is_integer(value) or isinstance(value, float)
        if not is_number or not _SHORTEST <= value < float("inf"):
            raise ModelFormatError(
                f"{path}: {key} {str(value)[:80]}; expected a number of pieces from {_SHORTEST} up"
            )
        return (int(value),)
    return ()


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
