"""From stages and pipelines to a folder, or to one file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from embedpipe._version import __version__
from embedpipe.errors import OutputError
from embedpipe.formats.layout import PARTS_OF_MODELS, SAVED_STAGES
from embedpipe.formats.writing import json_text, model_parts
from embedpipe.output import AtomicDirectory, check_output
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.savable import ModelStorage, Savable
from embedpipe.pipeline.stage import Stage
from embedpipe.saving.bundle import BundleFile
from embedpipe.saving.models import StoredModels
from embedpipe.saving.tree import CLASSES, FORMAT_VERSION, SAVED_MODELS
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = ["bundle", "save"]


class _Sink(Protocol):
    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None: ...


def save(
    savable: Savable,
    path: str | os.PathLike[str],
    *,
    models: ModelStorage = "copy",
    overwrite: bool = False,
) -> None:
    """Write a stage or pipeline to the folder `path`; `Writer.save` says more."""
    target = Path(path)
    if not overwrite and os.path.lexists(target):
        raise OutputError(
            f"cannot save to {target}: something is there already. Name another folder, or "
            "replace it with write().overwrite().save(path)"
        )
    writing = AtomicDirectory(target, replace=overwrite)
    if overwrite:
        _check_replaceable(target)
    with writing as folder:
        _write(savable, folder, StoredModels(models, target))


def bundle(savable: Savable, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a stage or pipeline to the file `path`; `Writer.bundle` says more."""
    target = Path(path)
    if target.suffix in PARTS_OF_MODELS:
        raise OutputError(
            f"cannot write {target}: files that end in {target.suffix} are taken for parts of "
            "a model; name the bundle otherwise, such as .zip"
        )
    check_output(target, overwrite=overwrite)
    with BundleFile(target) as file:
        _write(savable, file, StoredModels("copy", target))


def _write(savable: Savable, sink: _Sink, models: StoredModels) -> None:
    document = {
        "format_version": FORMAT_VERSION,
        "embedpipe_version": __version__,
        "saved": _to_json(savable, models),
    }
    sink.write(SAVED_STAGES, [json_text(document)])
    for folder, encoder in models.folders():
        for name, parts in model_parts(encoder.model):
            sink.write(f"{SAVED_MODELS}/{folder}/{name}", parts)


def _to_json(savable: Savable, models: StoredModels) -> dict[str, Any]:
    """Class, uid, and what it is made of; its models get their places from `models`."""
    name = type(savable).__name__
    if CLASSES.get(name) is not type(savable):
        label = savable.label if isinstance(savable, Stage) else savable.uid
        raise OutputError(
            f"cannot save {label}: {name} is not one of embedpipe's own stages, and only those are "
            "made when a file is loaded. Save the other stages, and add it afterwards"
        )
    found: dict[str, Any] = {"class": name, "uid": savable.uid}
    if isinstance(savable, Stage):
        params, defaults = savable.saved_values()
        found |= {"params": params} if params else {}
        found |= {"defaults": defaults} if defaults else {}
        if isinstance(savable, EncoderStage):
            found["model"] = models.place(savable.encoder)
    elif isinstance(savable, PipelineModel):
        found["stages"] = [_to_json(stage, models) for stage in savable.stages]
    elif isinstance(savable, Pipeline):
        found["stages"] = [_to_json(stage, models) for stage in savable.getStages()]
    return found


def _check_replaceable(target: Path) -> None:
    """Deleting a folder of something else would be a high price for a mistyped path."""
    if target.is_dir() and any(target.iterdir()) and not (target / SAVED_STAGES).is_file():
        raise OutputError(
            f"cannot replace {target}: it holds something other than a saved stage or pipeline "
            f"(there is no {SAVED_STAGES} in it). Remove it yourself, or name another folder"
        )
