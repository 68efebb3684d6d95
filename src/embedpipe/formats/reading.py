"""Any file or folder that holds an encoder: what it is, by content, and the model in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.archives.tree import FileTree, open_tree
from embedpipe.formats.huggingface.folder import read_huggingface, weights_name
from embedpipe.formats.layout import (
    CHECKPOINT,
    CONFIG,
    MODULES,
    PARTS_OF_MODELS,
    SAVED_MODEL,
    SPARK_METADATA,
    VARIABLES,
    WEIGHTS,
)
from embedpipe.formats.model import Model

__all__ = ["open_model", "open_model_tree", "recognize"]


class _Format(NamedTuple):
    """How the files of a format lie, in words and as a test, and its reader.

    endings: of its files that one may name in place of their folder.
    """

    name: str
    described: str
    endings: tuple[str, ...]
    fits: Callable[[FileTree], bool]
    read: Callable[[FileTree], Model]


def _is_huggingface(tree: FileTree) -> bool:
    """Whether configuration and weights lie in the tree, or in a folder as `modules.json` says."""
    if tree.named is not None or MODULES not in tree:
        return CONFIG in tree and weights_name(tree, tree.named) is not None
    return any(weights_name(tree.below(folder)) for folder in tree.folders_with(CONFIG))


def _inner_models(tree: FileTree) -> list[str]:
    """Folders of models in Hugging Face's layout anywhere in the tree."""
    found = [place for place in tree.folders_with(CONFIG) if weights_name(tree.below(place))]
    above = {place: place.rpartition("/")[0] for place in found if place}
    in_steps = set(tree.folders_with(MODULES))  # whose steps lie in folders of their own
    whole = [above[p] if above.get(p) in in_steps else p for p in found]
    return list(dict.fromkeys(whole))


def _read_inner(tree: FileTree) -> Model:
    """The only model in the folders of a tree, as a saved stage or a hub's cache has it."""
    folders = _inner_models(tree)
    if len(folders) > 1:
        raise ModelFormatError(
            f"{tree.source} holds {len(folders)} models ({', '.join(folders[:5])}); expected one. "
            "Give the folder of one of them"
        )
    return read_huggingface(tree.below(folders[0]))


def _read_spark_nlp(tree: FileTree) -> Model:
    from embedpipe.formats.spark_nlp.folder import read_spark_nlp

    return read_spark_nlp(tree)


def _read_saved_model(tree: FileTree) -> Model:
    from embedpipe.formats.tensorflow.saved_model import read_tf_saved_model

    return read_tf_saved_model(tree)


def _read_checkpoint(tree: FileTree) -> Model:
    from embedpipe.formats.tensorflow.checkpoint import read_google_checkpoint

    return read_google_checkpoint(tree)


# The first that fits: the files of the later ones may occur inside the earlier ones. Readers of
# formats that most programs never meet are loaded when first needed.
_FORMATS = (
    _Format(
        "huggingface",
        f"Hugging Face ({CONFIG} and {' or '.join(WEIGHTS)})",
        (".safetensors", ".bin", ".json"),
        _is_huggingface,
        read_huggingface,
    ),
    _Format(
        "spark nlp",
        f"Spark NLP ({SPARK_METADATA})",
        (),
        lambda tree: bool(tree.folders_with(SPARK_METADATA)),
        _read_spark_nlp,
    ),
    _Format(
        "tensorflow saved model",
        f"TF-Hub ({SAVED_MODEL} and {VARIABLES}{CHECKPOINT})",
        (SAVED_MODEL,),
        lambda tree: any(
            f"{VARIABLES}{CHECKPOINT}" in tree.below(folder)
            for folder in tree.folders_with(SAVED_MODEL)
        ),
        _read_saved_model,
    ),
    _Format(
        "google checkpoint",
        f"Google (bert_config.json and bert_model.ckpt{CHECKPOINT})",
        (CHECKPOINT,),
        lambda tree: any(name.endswith(CHECKPOINT) for name in tree.names),
        _read_checkpoint,
    ),
    _Format(
        "huggingface",
        "any one of these in a folder of its own",
        (),
        lambda tree: bool(_inner_models(tree)),
        _read_inner,
    ),
)


def recognize(path: str | Path) -> str:
    """The format of a folder or archive, by the files in it; names and endings do not matter.

    Raises ModelNotFoundError if nothing is there, ModelFormatError if it is none of the known
    formats or cannot be opened.
    """
    return _format_of(open_model_tree(path)).name


def open_model(place: str | Path | FileTree, *, numbers: bool = True) -> Model:
    """Read the only model in a folder or archive, in any of the known formats.

    A file of weights stands for the folder it lies in, where it is the one that is read. Archives
    are read in place: nothing is written but files without name, which vanish with the process.

    numbers: whether to see that all numbers of the weights are finite, which reads every one of
    them. Engines see it when they pack weights, so those who make one need not do so before.

    Raises ModelNotFoundError if nothing is there, ModelFormatError that names file, finding and
    remedy for everything that is wrong with it.
    """
    tree = place if isinstance(place, FileTree) else open_model_tree(place)
    model = _format_of(tree).read(tree)
    if numbers:
        model.check_numbers()
    return model


def open_model_tree(path: str | Path) -> FileTree:
    """The tree of a model's folder or archive, or of the folder that a named file lies in.

    Of an archive that holds nothing but one folder, it is the tree of that folder.
    """
    path = Path(path)
    if not path.exists():
        raise ModelNotFoundError(f"{path} does not exist; expected a model's folder or archive")
    if path.is_dir():
        return open_tree(path)
    if path.suffix in PARTS_OF_MODELS:
        is_choice = path.suffix != ".json" or path.name.endswith(".index.json")
        return open_tree(path.parent, named=path.name if is_choice else None)
    tree = open_tree(path)
    folders = {name.partition("/")[0] for name in tree.names if "/" in name}
    alone = len(folders) == 1 and all("/" in name for name in tree.names)
    return tree.below(min(folders)) if alone else tree


def _format_of(tree: FileTree) -> _Format:
    for row in _FORMATS:
        if (tree.named is None or tree.named.endswith(row.endings)) and row.fits(tree):
            return row
    own = {CONFIG, MODULES, *WEIGHTS}
    if own & set(tree.names):  # nearly one of Hugging Face's, whose reader tells what it lacks
        return _FORMATS[0]
    shown = ", ".join(tree.names[:8]) or "no files"
    known = "; ".join(row.described for row in _FORMATS)
    raise ModelFormatError(
        f"{tree.source} is no model in a known format: found {shown}. Known are: {known}. "
        f"{_advice(tree)}"
    )


_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def _advice(tree: FileTree) -> str:
    """What to do with files that are no model by themselves."""
    if tree.named is not None:
        return f"Put {tree.named} beside the config.json and vocabulary of its model"
    if "data.pkl" in tree.names:
        return "This is what torch.save writes: put it beside its config.json, with a name in .bin"
    inner = next((name for name in tree.names if name.endswith(_ARCHIVES)), None)
    return f"Unpack {inner} first" if inner is not None else "Give the path of one of these"
