"""A model of any format as one in Hugging Face's layout, without writing a file."""

from __future__ import annotations

from pathlib import Path

from embedpipe.engine.weights import check_weights
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.archives.tree import FileTree, open_tree
from embedpipe.formats.huggingface.folder import HuggingFaceModel, read_huggingface

__all__ = ["PARTS_OF_MODELS", "SAVED_MODELS", "SAVED_STAGES", "open_model", "open_model_tree"]

SAVED_STAGES = "stages.json"
"""The file that tells a saved stage or pipeline; `embedpipe.saving` reads it."""
SAVED_MODELS = "models"
"""The folder in a saved stage or pipeline that holds the folders of its models."""

_OWN = ("config.json", "modules.json", "model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")

PARTS_OF_MODELS = {".index", ".safetensors", ".bin", ".pb", ".json"}
"""Endings of files that stand for the folder they lie in."""


def open_model_tree(path: str | Path) -> FileTree:
    """The tree of a model's folder or archive, or of the folder that a file of weights lies in.

    Of an archive that holds nothing but one folder, it is the tree of that folder.
    """
    path = Path(path)
    if not path.exists():
        raise ModelNotFoundError(f"{path} does not exist; expected a model's folder or archive")
    if path.is_dir():
        return open_tree(path)
    if path.suffix in PARTS_OF_MODELS:
        return open_tree(path.parent)
    tree = open_tree(path)
    folders = {name.partition("/")[0] for name in tree.names if "/" in name}
    alone = len(folders) == 1 and all("/" in name for name in tree.names)
    return tree.below(min(folders)) if alone else tree


def open_model(tree: FileTree) -> HuggingFaceModel:
    """Read the only model in a tree: Hugging Face's layout, a saved stage's, or one to import.

    What a format declares about the use of the model is kept: pooling, normalization, greatest
    length. Raises ModelFormatError if the tree holds no model in a known format, or several.
    """
    if SAVED_STAGES in tree:
        return read_huggingface(_only_saved_model(tree))
    if any(name in tree for name in _OWN) and not _has_pickled_weights_only(tree):
        return read_huggingface(tree)
    return _imported(tree)


def _has_pickled_weights_only(tree: FileTree) -> bool:
    names = [name.rpartition("/")[2] for name in tree.names]
    return any(n in _PICKLED for n in names) and not any(n in _OWN[2:] for n in names)


def _only_saved_model(tree: FileTree) -> FileTree:
    models = tree.below(SAVED_MODELS)
    folders = models.folders_with("config.json")
    if len(folders) != 1:
        found = ", ".join(folders) or "none"
        raise ModelFormatError(
            f"{tree.source} is a saved stage or pipeline with {len(folders)} models of its own "
            f"({found}); expected one. Give the folder of a model, or load the stages with "
            "PipelineModel.load"
        )
    return models.below(folders[0])


def _imported(tree: FileTree) -> HuggingFaceModel:
    # The readers of foreign formats are loaded when first asked for.
    from embedpipe.formats.export import model_files
    from embedpipe.formats.importer import import_tree

    model = import_tree(tree)
    files, usage, config = model_files(model), model.usage, model.config
    return HuggingFaceModel(
        directory=Path(tree.source),
        config=config,
        weights=check_weights(model.tensors, config, source=model.source),
        pooling=usage.pooling or "mean",
        normalize=bool(usage.normalize),
        pooling_source="default" if usage.pooling is None else "declared",
        max_length=min((config.max_position_embeddings, *usage.lengths)),
        files=files,
        usage=usage,
    )
