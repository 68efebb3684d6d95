"""Saving and loading through Spark, to wherever its file systems reach.

    path/metadata/             one line of JSON, by which `pyspark.ml` finds the class to load
    path/embedpipe_bundle/     Parquet: the bundle of the stage, models included, in pieces

`pyspark.ml.PipelineModel.save` asks each of its stages to save itself so; `load`, to load itself.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pyspark.sql.types import BinaryType, IntegerType, StringType, StructField, StructType

from embedpipe.errors import ModelFormatError, ModelNotFoundError, OutputError, ParameterError
from embedpipe.output import AtomicFile
from embedpipe.pipeline.savable import SAVED_BY_SPARK, Savable
from embedpipe.saving import bundle
from embedpipe.saving import load as load_local
from embedpipe.spark.sending import archive_folder

__all__ = ["SparkWriter", "load"]

S = TypeVar("S", bound=Savable)

_PIECE = 16 * 2**20
_PIECES_AT_ONCE = 4  # which bounds the driver's memory, and messages of Connect
_PIECES = StructType([StructField("number", IntegerType()), StructField("content", BinaryType())])
_TEXT = StructType([StructField("value", StringType())])


class SparkWriter:
    """Saves one stage or pipeline through a session; made by `write().session(spark)`."""

    def __init__(self, savable: Savable, session: Any, *, overwrites: bool) -> None:
        self._savable = savable
        self._session = session
        self._overwrites = overwrites

    def overwrite(self) -> SparkWriter:
        """Replace what is saved at the path already."""
        return SparkWriter(self._savable, self._session, overwrites=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the folder `path`, a path or address of any of Spark's file systems.

        Raises OutputError where Spark cannot write, or something is there already.
        """
        target = os.fspath(path).rstrip("/")
        mode = "overwrite" if self._overwrites else "error"
        try:
            self._write(_TEXT, [(self._metadata(),)], mode).text(f"{target}/metadata")
            for rows in self._pieces():
                self._write(_PIECES, rows, mode).parquet(f"{target}/{SAVED_BY_SPARK}")
                mode = "append"
        except Exception as error:  # Spark's differ by version, classic and Connect
            if isinstance(error, OutputError) or not _is_of_spark(error):
                raise
            raise OutputError(
                f"Spark cannot save {self._savable.uid} to {target}: {_first_line(error)}. Name "
                "another folder, or replace it with write().overwrite().save(path)"
            ) from error

    def _write(self, schema: StructType, rows: list[tuple[Any, ...]], mode: str) -> Any:
        return self._session.createDataFrame(rows, schema).coalesce(1).write.mode(mode)

    def _metadata(self) -> str:
        kind = type(self._savable)
        told = {
            "class": f"{kind.__module__}.{kind.__name__}",
            "timestamp": int(time.time() * 1000),
            "sparkVersion": self._session.version,
            "uid": self._savable.uid,
            "paramMap": {},
            "defaultParamMap": {},
        }
        return json.dumps(told)

    def _pieces(self) -> Iterator[list[tuple[Any, ...]]]:
        """The bundle's pieces, some at once."""
        with TemporaryDirectory(prefix="embedpipe-spark-") as folder:
            path = Path(folder, "saved.zip")
            bundle(self._savable, path)
            with path.open("rb") as file:
                pieces = enumerate(iter(lambda: file.read(_PIECE), b""))
                while rows := [row for _, row in zip(range(_PIECES_AT_ONCE), pieces, strict=False)]:
                    yield [(number, bytearray(content)) for number, content in rows]


def load(path: str | os.PathLike[str], wanted: type[S]) -> S:
    """What was saved through Spark at `path`, read through the active session.

    Raises ParameterError without a session, ModelNotFoundError if nothing is there, and what
    loading a bundle raises.
    """
    from pyspark.sql import SparkSession

    place = os.fspath(path).rstrip("/")
    session = SparkSession.getActiveSession()
    if session is None:
        raise ParameterError(
            f"{wanted.__name__}.load: {place} is read through Spark, and there is no session; "
            "start one: embedpipe.start()"
        )
    return load_local(_fetched(session, place), wanted)


def _fetched(session: Any, place: str) -> Path:
    """The bundle at that place, as a file in the cache, where its weights can be mapped."""
    folder = archive_folder()
    digest = sha256()
    try:
        rows = session.read.parquet(f"{place}/{SAVED_BY_SPARK}").orderBy("number")
        with TemporaryDirectory(prefix=".embedpipe-", dir=folder) as scratch:
            arriving = Path(scratch, "saved.zip")
            with AtomicFile(arriving) as file:
                for expected, row in enumerate(rows.toLocalIterator()):
                    if row["number"] != expected:
                        raise ModelFormatError(
                            f"{place}: piece {expected} of the bundle is missing. Save it again"
                        )
                    content = bytes(row["content"])
                    digest.update(content)
                    file.write(content)
            return arriving.replace(folder / f"saved-{digest.hexdigest()[:24]}.zip")
    except Exception as error:
        if not _is_of_spark(error):
            raise
        raise ModelNotFoundError(
            f"Spark cannot read what was saved at {place}: {_first_line(error)}. Check the path, "
            "and that the session may read there"
        ) from error


def _is_of_spark(error: Exception) -> bool:
    return type(error).__module__.startswith(("pyspark.", "py4j."))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
