"""The tree of what is saved: nodes, their form in JSON, and the classes that they may be of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import OBJECT, TEXT, Field, check_fields, optional, text_matching
from embedpipe.formats.archives.tree import FileTree
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.savable import Savable
from embedpipe.stages import STAGES

__all__ = [
    "CLASSES",
    "FORMAT_VERSION",
    "SAVED_MODELS",
    "SAVE_AGAIN",
    "Node",
    "parse_node",
]

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

_DEEPEST = 8  # pipelines within pipelines

_OBJECT_FIELDS = {
    "class": TEXT,
    "uid": text_matching(
        r"[^\0-\x1f/\\]{1,200}",
        "1 to 200 characters without slashes, backslashes and control characters",
    ),
    "params": optional(OBJECT),
    "defaults": optional(OBJECT),
    "model": optional(OBJECT),
    "stages": optional(Field("an array", lambda value: isinstance(value, list))),
}
_MODEL_FIELDS = {
    "folder": optional(
        text_matching(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}", f"a name in {SAVED_MODELS}/")
    ),
    "reference": optional(TEXT),
}


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
    found = check_fields(value, _OBJECT_FIELDS, where, remedy=SAVE_AGAIN, others=False)
    stages, model = found.get("stages"), found.get("model")
    return Node(
        class_name=found["class"],
        uid=found["uid"],
        params=found.get("params") or {},
        defaults=found.get("defaults") or {},
        model=None if model is None else _parse_model(model, tree, f"{where}: model"),
        stages=None
        if stages is None
        else tuple(
            parse_node(stage, tree, f"{where}: stage {number}", depth + 1)
            for number, stage in enumerate(stages)
        ),
    )


def _parse_model(value: Any, tree: FileTree, where: str) -> FileTree | str:
    found = check_fields(value, _MODEL_FIELDS, where, remedy=SAVE_AGAIN, others=False)
    folder, reference = found.get("folder"), found.get("reference")
    if (folder is None) == (reference is None):
        raise ModelFormatError(
            f"{where}: found {value!r:.80}; expected either folder or reference. {SAVE_AGAIN}"
        )
    if folder is None:
        return str(reference)
    inside = tree.below(f"{SAVED_MODELS}/{folder}")
    if not inside.names:
        raise ModelFormatError(f"{where}: the folder {inside.source} is missing. {SAVE_AGAIN}")
    return inside
