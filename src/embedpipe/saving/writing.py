"""Writing what is saved, and Spark ML's `write()` and `read()` around it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import embedpipe
from embedpipe.errors import OutputError
from embedpipe.formats.model_files import json_text
from embedpipe.formats.opening import PARTS_OF_MODELS, SAVED_MODELS, SAVED_STAGES
from embedpipe.output import AtomicDirectory
from embedpipe.saving.bundle import BundleFile
from embedpipe.saving.models import ModelStorage, StoredModels

if TYPE_CHECKING:
    from embedpipe.saving.saved import Saved

__all__ = ["FORMAT_VERSION", "Reader", "Writer"]

FORMAT_VERSION = 1
"""Of `stages.json`; counts up when older versions of embedpipe could not read it rightly."""

S = TypeVar("S", bound="Saved")


class _Sink(Protocol):
    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None: ...


class Writer:
    """Saves one stage or pipeline; made by its `write()`."""

    def __init__(self, saved: Saved) -> None:
        self._saved = saved
        self._overwrites = False

    def overwrite(self) -> Writer:
        """Replace what is saved at the path already, instead of refusing to."""
        self._overwrites = True
        return self

    def save(self, path: str | os.PathLike[str], *, models: ModelStorage = "copy") -> None:
        """Write the folder `path`, which appears whole or not at all.

        models: "copy" stores each model in the folder, "reference" only its name or path.

        Raises OutputError if there is something already (with `overwrite`: something other than a
        saved stage or pipeline, or an empty folder), and for what goes wrong with the disk;
        ParameterError for a value that JSON cannot hold.
        """
        target = Path(path)
        if self._overwrites:
            _check_replaceable(target)
        elif target.exists() or target.is_symlink():
            raise OutputError(
                f"cannot save to {target}: something is there already. Name another folder, or "
                "replace it with write().overwrite().save(path)"
            )
        with AtomicDirectory(target, replace=self._overwrites) as folder:
            _write(self._saved, folder, StoredModels(models, target))

    def bundle(self, path: str | os.PathLike[str]) -> None:
        """Write one file with everything, models included; a file that is there is replaced.

        The same stages give the same bytes. `load` opens it like a folder, on a machine without
        network too.
        """
        target = Path(path)
        if target.suffix in PARTS_OF_MODELS:
            raise OutputError(
                f"cannot write {target}: files that end in {target.suffix} are taken for parts of "
                "a model; name the bundle otherwise, such as .zip"
            )
        with BundleFile(target) as file:
            _write(self._saved, file, StoredModels("copy", target))


class Reader(Generic[S]):
    """Loads what is saved; made by a class's `read()`."""

    def __init__(self, wanted: type[S]) -> None:
        self._wanted = wanted

    def load(self, path: str | os.PathLike[str]) -> S:
        """The same as the class's `load`."""
        return self._wanted.load(path)


def _write(saved: Saved, sink: _Sink, models: StoredModels) -> None:
    document = {
        "format_version": FORMAT_VERSION,
        "embedpipe_version": embedpipe.__version__,
        "saved": saved.to_json(models),
    }
    sink.write(SAVED_STAGES, [json_text(document)])
    for folder, encoder in models.folders():
        for name, parts in encoder.files.parts():
            sink.write(f"{SAVED_MODELS}/{folder}/{name}", parts)


def _check_replaceable(target: Path) -> None:
    """Deleting a folder of something else would be a high price for a mistyped path."""
    if target.is_dir() and any(target.iterdir()) and not (target / SAVED_STAGES).is_file():
        raise OutputError(
            f"cannot replace {target}: it holds something else than a saved stage or pipeline "
            f"(there is no {SAVED_STAGES} in it). Remove it yourself, or name another folder"
        )
