"""Any file or folder that holds a BERT or ALBERT encoder: what it is, by content, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.importing import WEIGHTS, read_huggingface_files
from embedpipe.formats.imported import ImportedModel
from embedpipe.formats.opening import open_model_tree
from embedpipe.formats.spark_nlp.folder import METADATA, read_spark_nlp
from embedpipe.formats.tensorflow.checkpoint import read_google_checkpoint
from embedpipe.formats.tensorflow.saved_model import GRAPH, VARIABLES, read_tf_saved_model

__all__ = ["ModelFormat", "import_model", "import_tree", "recognize"]

ModelFormat = Literal["huggingface", "spark nlp", "tensorflow saved model", "google checkpoint"]


@dataclass(frozen=True)
class _Layout:
    """A format: how its files lie, in words and as a test, and its reader."""

    name: ModelFormat
    described: str
    fits: Callable[[FileTree], bool]
    read: Callable[[FileTree], ImportedModel]


def _is_huggingface(tree: FileTree) -> bool:
    """Whether configuration and weights lie in the tree, or in a folder as `modules.json` says."""
    weights = [f"{name}{index}" for name in WEIGHTS for index in ("", ".index.json")]
    folders = tree.folders_with("config.json") if "modules.json" in tree else [""]
    inside = (tree.below(folder) for folder in folders)
    return any("config.json" in here and any(name in here for name in weights) for here in inside)


def _is_saved_model(tree: FileTree) -> bool:
    return any(f"{VARIABLES}.index" in tree.below(folder) for folder in tree.folders_with(GRAPH))


def _is_checkpoint(tree: FileTree) -> bool:
    return any(name.endswith(".index") for name in tree.names)


# The first that fits: the files of the later ones may occur inside the earlier ones.
_LAYOUTS = (
    _Layout(
        "huggingface",
        f"Hugging Face (config.json and {' or '.join(WEIGHTS)})",
        _is_huggingface,
        read_huggingface_files,
    ),
    _Layout(
        "spark nlp",
        f"Spark NLP ({METADATA})",
        lambda tree: bool(tree.folders_with(METADATA)),
        read_spark_nlp,
    ),
    _Layout(
        "tensorflow saved model",
        f"TF-Hub ({GRAPH} and {VARIABLES}.index)",
        _is_saved_model,
        read_tf_saved_model,
    ),
    _Layout(
        "google checkpoint",
        "Google (bert_config.json and bert_model.ckpt.index)",
        _is_checkpoint,
        read_google_checkpoint,
    ),
)


def recognize(path: str | Path) -> ModelFormat:
    """The format of a folder or archive, by the files in it; names and endings do not matter.

    Raises ModelNotFoundError if nothing is there, ModelFormatError if it is none of the known
    formats or cannot be opened.
    """
    return _layout(open_model_tree(path)).name


def import_model(path: str | Path) -> ImportedModel:
    """Read a model in any of the known formats: configuration, tensors, vocabulary, and a report.

    A file of weights, such as `pytorch_model.bin`, stands for the folder it lies in. Archives are
    read in place: nothing is written but files without name, which vanish with the process.

    Raises ModelNotFoundError if nothing is there, ModelFormatError that names file, finding and
    remedy for everything that is wrong with it.
    """
    return import_tree(open_model_tree(path))


def import_tree(tree: FileTree) -> ImportedModel:
    """`import_model` of what is open already."""
    return _layout(tree).read(tree)


def _layout(tree: FileTree) -> _Layout:
    for layout in _LAYOUTS:
        if layout.fits(tree):
            return layout
    shown = ", ".join(tree.names[:8]) or "no files"
    known = "; ".join(layout.described for layout in _LAYOUTS)
    raise ModelFormatError(
        f"{tree.source} is no model in a known format: found {shown}. Known are: {known}"
    )
