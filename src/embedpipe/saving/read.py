"""From files to the objects that were saved; nothing in the files is executed."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, cast

from embedpipe._version import __version__
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.formats.archives.tree import FileTree, open_tree
from embedpipe.formats.layout import SAVED_STAGES
from embedpipe.formats.reading import open_model_tree
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.savable import Savable
from embedpipe.pipeline.stage import Stage
from embedpipe.saving.models import LoadedModels, load_encoder
from embedpipe.saving.spark_nlp import is_spark, spark_node
from embedpipe.saving.tree import (
    CLASSES,
    FORMAT_VERSION,
    SAVE_AGAIN,
    Node,
    parse_node,
)
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = ["load", "restored"]

S = TypeVar("S", bound=Savable)


def load(path: str | os.PathLike[str], wanted: type[S]) -> S:
    """What is saved at `path`, which must be a `wanted`, or the only one in a saved pipeline.

    wanted: a class of stages or pipelines; `Savable` takes any. Errors as of `Savable.load`.
    """
    place = Path(path)
    if not os.path.exists(place):  # noqa: PTH110 - which knows names that are too long
        raise ModelNotFoundError(
            f"{wanted.__name__}.load: nothing is at {os.fspath(path)!r}; expected a saved stage or "
            "pipeline, or a model"
        )
    tree = open_model_tree(place)
    names = {name for name, found in CLASSES.items() if issubclass(found, wanted)}
    node = _read(tree, names)
    chosen = None if node is None else _chosen(node, wanted, names, tree.source)
    if chosen is None:
        return _of_model(wanted, place)
    try:
        return cast("S", restored(chosen, LoadedModels()))
    except ParameterError as error:
        raise ModelFormatError(
            f"{tree.source} holds a parameter that embedpipe {__version__} does not take: {error}"
        ) from error


def _read(tree: FileTree, names: Collection[str]) -> Node | None:
    """The node of what is saved in the tree, None if nothing is."""
    if SAVED_STAGES in tree:
        folder = Path(tree.source)
        return _read_document(open_tree(folder, links=False) if folder.is_dir() else tree)
    return spark_node(tree, CLASSES, names) if is_spark(tree) else None


def _read_document(tree: FileTree) -> Node:
    document = tree.read_json(SAVED_STAGES, dict)
    where = tree.where(SAVED_STAGES)
    version = document.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFormatError(
            f"{where}: format_version is {version!r:.80}; expected a number from 1 to "
            f"{FORMAT_VERSION}. {SAVE_AGAIN}"
        )
    if version > FORMAT_VERSION:
        raise ModelFormatError(
            f"{where} has the format version {version}, written by embedpipe "
            f"{str(document.get('embedpipe_version'))[:80]}; this is embedpipe "
            f"{__version__}, which reads up to {FORMAT_VERSION}. Install a newer one: "
            "pip install --upgrade embedpipe"
        )
    return parse_node(document.get("saved"), tree, where)


def _chosen(node: Node, wanted: type[Savable], names: Collection[str], source: str) -> Node | None:
    """The node to restore: all of it, or the only stage in it of a class that is wanted.

    None if there is none, but perhaps a model that serves.
    """
    if node.class_name in names:
        return node
    inside = [found for found in node.walk() if found.class_name in names]
    if len(inside) == 1:
        return inside[0]
    if not inside and issubclass(wanted, EncoderStage):
        return None
    held = ", ".join(found.class_name for found in node.walk())
    raise ModelFormatError(
        f"{wanted.__name__}.load: {source} holds {held[:300]}; expected one {wanted.__name__}. "
        f"Load it with {node.class_name}.load"
    )


def _of_model(wanted: type[S], path: Path) -> S:
    """A stage around the model at `path`, if such stages take one."""
    if issubclass(wanted, EncoderStage):
        return wanted(load_encoder(path))
    raise ModelFormatError(
        f"{wanted.__name__}.load: {path} holds no saved stage or pipeline; expected a folder or "
        "bundle that save or `embedpipe bundle` has written"
    )


def restored(node: Node, models: LoadedModels) -> Savable:
    """The object of a node; ModelFormatError or ParameterError for what it cannot be."""
    found = CLASSES.get(node.class_name)
    if found is None:
        raise ModelFormatError(
            f"{node.uid} is of the class {node.class_name[:80]!r}, which this embedpipe "
            f"{__version__} does not know; it knows {', '.join(sorted(CLASSES))}"
        )
    if issubclass(found, Stage):
        return _restored_stage(found, node, models)
    return _restored_pipeline(found, node, models)


def _restored_stage(found: type[Stage], node: Node, models: LoadedModels) -> Stage:
    _refuse_entries(node, stages=node.stages is not None)
    if issubclass(found, EncoderStage):
        if node.model is None:
            raise ModelFormatError(f"a saved {found.__name__} has no model. {SAVE_AGAIN}")
        stage: Stage = found(models.get(node.model, node.uid))
    elif node.model is not None:
        model = node.model if isinstance(node.model, str) else Path(node.model.source).name
        raise ModelFormatError(
            f"a saved {found.__name__} names the model {model!r}, but takes none. {SAVE_AGAIN}"
        )
    else:
        stage = found()
    stage.uid = node.uid
    stage.restore_values(node.params, node.defaults)
    return stage


def _restored_pipeline(found: type[Any], node: Node, models: LoadedModels) -> Savable:
    if node.stages is None:
        raise ModelFormatError(f"the saved pipeline {node.uid} has no list of stages. {SAVE_AGAIN}")
    _refuse_entries(node, params=node.params, defaults=node.defaults, model=node.model)
    stages = [restored(stage, models) for stage in node.stages]
    unfitted = [stage.uid for stage in stages if isinstance(stage, Pipeline)]
    if unfitted:
        raise ModelFormatError(
            f"the saved pipeline {node.uid} holds {', '.join(unfitted)}, which must be fitted "
            f"first. {SAVE_AGAIN}"
        )
    pipeline: Pipeline | PipelineModel = found(stages=stages)
    pipeline.uid = node.uid
    return pipeline


def _refuse_entries(node: Node, **entries: Any) -> None:
    """Raise ModelFormatError for an entry that is there, but means nothing to the class."""
    for name, value in entries.items():
        if value:
            raise ModelFormatError(
                f"the saved {node.class_name} {node.uid} has {name}, which it cannot have. "
                f"{SAVE_AGAIN}"
            )
