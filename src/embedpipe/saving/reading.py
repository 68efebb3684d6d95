"""From files to the objects that were saved; nothing in the files is executed."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import embedpipe
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.formats.archives.tree import FileTree, open_tree
from embedpipe.formats.opening import SAVED_STAGES, open_model_tree
from embedpipe.saving.models import LoadedModels
from embedpipe.saving.node import Node, parse_node
from embedpipe.saving.spark_nlp import is_spark, spark_node
from embedpipe.saving.writing import FORMAT_VERSION

if TYPE_CHECKING:
    from embedpipe.saving.saved import Saved

__all__ = ["load_saved", "refuse_entries", "restore"]

S = TypeVar("S", bound="Saved")


def load_saved(
    path: str | os.PathLike[str],
    wanted: type[S],
    classes: Mapping[str, type[Saved]] | None = None,
) -> S:
    """What is saved at `path`, which must be a `wanted`, or the only one in a saved pipeline.

    classes: by name, those that may be made; None means those that `wanted` knows.
    """
    known = wanted.saved_classes() if classes is None else classes
    place = Path(path)
    if not place.exists():
        raise ModelNotFoundError(
            f"{wanted.__name__}.load: nothing is at {os.fspath(path)!r}; expected a saved stage or "
            "pipeline, or a model"
        )
    tree = open_model_tree(place)
    names = {name for name, found in known.items() if issubclass(found, wanted)}
    if SAVED_STAGES in tree:
        folder = Path(tree.source)
        tree = open_tree(folder, links=False) if folder.is_dir() else tree
        node = _read_document(tree)
    elif is_spark(tree):
        node = spark_node(tree, known, names)
    else:
        return wanted.of_model(path)
    chosen = _chosen(node, wanted, names, tree.source)
    if chosen is None:
        return wanted.of_model(path)
    try:
        return cast("S", restore(chosen, known, LoadedModels()))
    except ParameterError as error:
        raise ModelFormatError(
            f"{tree.source} holds a parameter that embedpipe {embedpipe.__version__} does not "
            f"take: {error}"
        ) from error


def restore(node: Node, classes: Mapping[str, type[Saved]], models: LoadedModels) -> Saved:
    """The object of a node; its class must be among `classes`."""
    found = classes.get(node.class_name)
    if found is None:
        raise ModelFormatError(
            f"{node.uid} is of the class {node.class_name[:80]!r}, which this embedpipe "
            f"{embedpipe.__version__} does not know; it knows {', '.join(sorted(classes))}"
        )
    return found.of_node(node, models)


def refuse_entries(node: Node, **entries: Any) -> None:
    """Raise ModelFormatError for an entry that is there, but means nothing to the class."""
    for name, value in entries.items():
        if value:
            raise ModelFormatError(
                f"the saved {node.class_name} {node.uid} has {name}, which it cannot have. "
                "Save it again, or fetch it again"
            )


def _read_document(tree: FileTree) -> Node:
    document = tree.read_json(SAVED_STAGES, dict)
    where = tree.where(SAVED_STAGES)
    version = document.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFormatError(
            f"{where}: format_version is {version!r:.80}; expected a number from 1 to "
            f"{FORMAT_VERSION}. Save it again, or fetch it again"
        )
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"{where} has the format version {version}, written by embedpipe "
            f"{str(document.get('embedpipe_version'))[:80]}; this is embedpipe "
            f"{embedpipe.__version__}, which reads up to {FORMAT_VERSION}. Install a newer one: "
            "pip install --upgrade embedpipe"
        )
    return parse_node(document.get("saved"), tree, where)


def _chosen(node: Node, wanted: type[Saved], names: Collection[str], source: str) -> Node | None:
    """The node to restore: all of it, or the only stage in it of a class that is wanted.

    None if there is none, but perhaps a model that serves.
    """
    if node.class_name in names:
        return node
    inside = [found for found in node.walk() if found.class_name in names]
    if len(inside) == 1:
        return inside[0]
    if not inside and wanted.opens_models:
        return None
    held = ", ".join(found.class_name for found in node.walk())
    raise ModelFormatError(
        f"{wanted.__name__}.load: {source} holds {held[:300]}; expected one {wanted.__name__}. "
        f"Load it with {node.class_name}.load"
    )
