"""Saving, loading and pickling of stages and pipelines. `saving` reads and writes the files."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Generic, Literal, TypeVar

from embedpipe._pickles import seal, unseal

__all__ = ["SAVED_BY_SPARK", "ModelStorage", "Reader", "Savable", "Writer"]

SAVED_BY_SPARK = "embedpipe_bundle"
"""The folder in what was saved through Spark that holds the bundle."""

ModelStorage = Literal["copy", "reference"]

S = TypeVar("S", bound="Savable")


class Savable:
    """Spark ML's methods for saving and loading; and pickling, to send objects to processes.

    >>> import tempfile
    >>> from embedpipe.annotator import SentenceDetector
    >>> detector = SentenceDetector(inputCols=["document"], minLength=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     detector.save(f"{folder}/detector")
    ...     detector.setMinLength(4).write().overwrite().save(f"{folder}/detector")
    ...     loaded = SentenceDetector.load(f"{folder}/detector")
    >>> loaded.getMinLength(), loaded.uid == detector.uid
    (4, True)
    """

    uid: str

    left_behind: ClassVar[tuple[str, ...]] = ()
    """Attributes that no pickle holds: what can be made again."""

    def __getstate__(self) -> dict[str, Any]:
        return seal({k: value for k, value in vars(self).items() if k not in self.left_behind})

    def __setstate__(self, state: Any) -> None:
        vars(self).update(unseal(state, type(self).__name__))

    def __copy__(self: S) -> S:
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def save(self, path: str | os.PathLike[str], *, models: ModelStorage = "copy") -> None:
        """Write a folder with everything, which must not exist yet; `Writer.save` says more."""
        self.write().save(path, models=models)

    def write(self) -> Writer:
        """The writer: `stage.write().overwrite().save(path)`."""
        return Writer(self)

    @classmethod
    def read(cls: type[S]) -> Reader[S]:
        """The reader: `Class.read().load(path)`."""
        return Reader(cls)

    @classmethod
    def load(cls: type[S], path: str | os.PathLike[str]) -> S:
        """What was saved at `path`: a folder, a bundle, or a folder or archive of Spark NLP.

        Out of a saved pipeline, a stage's class loads its only stage in it. The class of a stage
        with a model also loads a model, in any format that `Encoder.load` opens.

        Raises ModelNotFoundError if nothing is there or a model cannot be found, ModelFormatError
        for what is damaged, of another class or of a newer version.
        """
        layer = _spark() if _is_of_spark(path) else _saving()
        loaded: S = layer.load(path, cls)
        return loaded


class Writer:
    """Saves one stage or pipeline; made by its `write()`."""

    def __init__(self, savable: Savable) -> None:
        self._savable = savable
        self._overwrites = False

    def overwrite(self) -> Writer:
        """Replace what is saved at the path already, instead of refusing to."""
        self._overwrites = True
        return self

    def session(self, sparkSession: Any) -> Any:
        """A writer that saves through a session of Spark, to any of its file systems."""
        return _spark().SparkWriter(self._savable, sparkSession, overwrites=self._overwrites)

    def save(self, path: str | os.PathLike[str], *, models: ModelStorage = "copy") -> None:
        """Write the folder `path`, which appears whole or not at all.

        models: "copy" stores each model in the folder, "reference" only its name or path.

        Raises OutputError if there is something already (with `overwrite`: something other than a
        saved stage or pipeline, or an empty folder), and for what goes wrong with the disk;
        ParameterError for a value that JSON cannot hold.
        """
        session = _session_that_saves(self._savable, path)
        if session is not None:
            self.session(session).save(path)
            return
        _saving().save(self._savable, path, models=models, overwrite=self._overwrites)

    def bundle(self, path: str | os.PathLike[str]) -> None:
        """Write one file with everything, models included.

        The same stages give the same bytes. `load` opens it like a folder, on a machine without
        network too. Raises OutputError if there is something already (with `overwrite`: something
        other than a file), and for what goes wrong with the disk.
        """
        _saving().bundle(self._savable, path, overwrite=self._overwrites)


class Reader(Generic[S]):
    """Loads what is saved; made by a class's `read()`."""

    def __init__(self, wanted: type[S]) -> None:
        self._wanted = wanted

    def load(self, path: str | os.PathLike[str]) -> S:
        """The same as the class's `load`."""
        return self._wanted.load(path)


def _is_of_spark(path: str | os.PathLike[str]) -> bool:
    """Whether it is an address of Spark's file systems, or was saved through Spark."""
    place = os.fspath(path)
    has_scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", place) is not None
    # os.path knows names that are too long, and those with characters that no name can have
    return has_scheme or os.path.isdir(os.path.join(place, SAVED_BY_SPARK))  # noqa: PTH112, PTH118


def _session_that_saves(savable: Savable, path: str | os.PathLike[str]) -> Any:
    """The session through which a pipeline of Spark ML saves a stage of its own; else None.

    Since Spark 4, it says which one; before, the place that it gives its stages is all that tells.
    """
    pyspark, place = sys.modules.get("pyspark.sql"), Path(path)
    if pyspark is None or place.parent.name != "stages" or not place.name.endswith(savable.uid):
        return None
    return pyspark.SparkSession.getActiveSession()


def _spark() -> ModuleType:
    # Above this layer, as `_saving` is; and only for those who have Spark.
    return importlib.import_module("embedpipe.spark.persistence")


def _saving() -> ModuleType:
    # That layer stands above this one, since it knows every class that can be loaded. So it is
    # looked up when first asked for; an import would point upwards.
    return importlib.import_module("embedpipe.saving")
