"""The tree of what is saved: nodes, their form in JSON, and the classes that they may be of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.tree import FileTree
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.savable import Savable
from embedpipe.stages import STAGES

__all__ = [
    "CLASSES",
    "FORMAT_VERSION",
    "SAVED_MODELS",
    "SAVED_STAGES",
    "SAVE_AGAIN",
    "Node",
    "parse_node",
]

SAVED_STAGES = "stages.json"
"""The file that tells a saved stage or pipeline."""

SAVED_MODELS = "models"
"""The folder in it that holds the folders of its models."""

FORMAT_VERSION = 1
"""Of `stages.json`; counts up when older versions of embedpipe could not read it rightly."""

CLASSES: dict[str, type[Savable]] = {
    found.__name__: found for found in (*STAGES, Pipeline, PipelineModel)
}
"""By name, all that can be saved and loaded."""

SAVE_AGAIN = "Save it again, or get a new copy of it"
"""The remedy for files that are damaged or were changed."""

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_UID = re.compile(r"[^\0-\x1f/\\]{1,200}")
_DEEPEST = 8  # pipelines within pipelines


@dataclass(frozen=True)
class Node:
    """A saved object: its class by name, its parameters, and what it is made of.

    model: the tree of the model's files, or a name or path to load it by; None without a model.
    stages: of a pipeline, None for a stage.
    """

    class_name: str
    uid: str
    params: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    model: FileTree | str | None = None
    stages: tuple[Node, ...] | None = None

    def walk(self) -> Iterator[Node]:
        """This one, and all in it."""
        yield self
        for stage in self.stages or ():
            yield from stage.walk()


def parse_node(value: Any, tree: FileTree, where: str, depth: int = 0) -> Node:
    """Check the JSON of a saved object; `tree` holds its models, `where` names it in errors."""
    if depth > _DEEPEST:
        raise ModelFormatError(f"{where}: nested more than {_DEEPEST} deep. {SAVE_AGAIN}")
    fields = _Fields(value, where)
    class_name = fields.take("class", str)
    stages = fields.take("stages", list, required=False)
    node = Node(
        class_name=class_name,
        uid=fields.take("uid", str),
        params=fields.take("params", dict, required=False) or {},
        defaults=fields.take("defaults", dict, required=False) or {},
        model=_model(fields.take("model", dict, required=False), tree, where),
        stages=None
        if stages is None
        else tuple(
            parse_node(stage, tree, f"{where}: stage {number}", depth + 1)
            for number, stage in enumerate(stages)
        ),
    )
    fields.check_empty()
    if not _UID.fullmatch(node.uid):
        raise ModelFormatError(
            f"{where}: uid is {node.uid[:80]!r}; expected 1 to 200 characters without "
            f"slashes, backslashes and control characters. {SAVE_AGAIN}"
        )
    return node


def _model(value: dict[str, Any] | None, tree: FileTree, where: str) -> FileTree | str | None:
    if value is None:
        return None
    fields = _Fields(value, f"{where}: model")
    folder = fields.take("folder", str, required=False)
    reference = fields.take("reference", str, required=folder is None)
    fields.check_empty()
    if folder is None:
        return str(reference)
    if reference is not None or not _FOLDER.fullmatch(folder):
        raise ModelFormatError(
            f"{where}: the model's folder {folder[:80]!r} is not the name of one folder in "
            f"{SAVED_MODELS}/. {SAVE_AGAIN}"
        )
    inside = tree.below(f"{SAVED_MODELS}/{folder}")
    if not inside.names:
        raise ModelFormatError(
            f"{where}: the model's folder {inside.source} is missing. {SAVE_AGAIN}"
        )
    return inside


_KINDS: dict[type, str] = {str: "a string", dict: "an object", list: "an array"}


class _Fields:
    """Takes the entries of an object one by one, with their types."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ModelFormatError(f"{where}: found {str(value)[:80]!r}; expected an object")
        self._left = dict(value)
        self._where = where

    def take(self, key: str, kind: type, *, required: bool = True) -> Any:
        """The value of a key; None if it is not there and need not be."""
        value = self._left.pop(key, None)
        if isinstance(value, kind) or (value is None and not required):
            return value
        found = "missing" if value is None else repr(value)[:80]
        expected = _KINDS[kind]
        raise ModelFormatError(
            f"{self._where}: {key} is {found}; expected {expected}. {SAVE_AGAIN}"
        )

    def check_empty(self) -> None:
        """Refuse entries that nobody has taken."""
        if self._left:
            listed = ", ".join(sorted(self._left))[:200]
            raise ModelFormatError(f"{self._where}: unknown entries: {listed}. {SAVE_AGAIN}")
