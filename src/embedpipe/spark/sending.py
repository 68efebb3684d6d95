"""From stages on the driver to what executors are told: a pickle, and files of models.

A model goes beside the pickle. Where executors see the driver's disk, they are told its path; else
it becomes one archive in the cache, named by its content, which the session sends to each executor.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import WeakKeyDictionary

from pyspark import cloudpickle
from pyspark.sql.types import StructType

from embedpipe._pickles import seal
from embedpipe._version import __version__
from embedpipe.encoder import Encoder
from embedpipe.environment import cache_directory
from embedpipe.errors import OutputError, ParameterError
from embedpipe.formats.writing import model_parts
from embedpipe.pipeline.columns import HasColumns
from embedpipe.pipeline.plan import Plan
from embedpipe.saving.bundle import BundleFile
from embedpipe.spark import shipped, worker
from embedpipe.spark.schema import annotation_metadata, vector_columns

__all__ = [
    "Place",
    "archive_folder",
    "column_function",
    "model_archive",
    "on_this_disk",
    "place_for",
    "stages_function",
]

Place = Callable[[Encoder], Mapping[str, Any]]
"""Says where executors find an encoder's model: arguments of `worker.model_at`."""

_sent: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""The archives that went to each session of Connect, or to each SparkContext."""

cloudpickle.register_pickle_by_value(shipped)


def stages_function(
    stages: Sequence[HasColumns], plan: Plan, schema: StructType, place: Place
) -> shipped.BatchFunction:
    """The function of stages for `mapInArrow` over a frame of that schema, and of that plan."""
    told = worker.Told(list(stages), annotation_metadata(schema), vector_columns(plan))
    return shipped.BatchFunction(_pickled(told, place), __version__)


def column_function(name: str, told: Any, place: Place) -> shipped.ColumnFunction:
    """The SQL function of that name; encoders in `told` go as `place` says."""
    return shipped.ColumnFunction(name, _pickled(told, place), __version__)


def _pickled(told: Any, place: Place) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, place).dump(told)
    return buffer.getvalue()


def place_for(session: Any) -> Place:
    """How a session's executors get models.

    The setting `spark.embedpipe.models` is "shared" where they see the driver's disk, or "files"
    where archives are to be sent to them; by default "shared" on one machine, else "files".
    """
    setting = str(session.conf.get("spark.embedpipe.models", "auto"))
    if setting not in ("auto", "shared", "files"):
        raise ParameterError(
            f"spark.embedpipe.models is {setting!r}; expected 'shared', 'files' or 'auto'"
        )
    is_connect = "connect" in type(session).__module__
    if setting == "shared":
        return on_this_disk
    if setting == "auto" and not is_connect and session.sparkContext.master.startswith("local["):
        return on_this_disk

    def sent(encoder: Encoder) -> Mapping[str, Any]:
        path = model_archive(encoder)
        receiver = session if is_connect else session.sparkContext
        names = _sent.setdefault(receiver, set())
        if path.name not in names:
            if is_connect:
                session.addArtifact(str(path), file=True)
            else:
                receiver.addFile(str(path))
            names.add(path.name)
        return {"file": path.name, "token": path.stem}

    return sent


def on_this_disk(encoder: Encoder) -> Mapping[str, Any]:
    """The place of a model for executors that see the driver's disk: its files, if they are there.

    A model in a format that must be converted, or whose files have gone or changed, is written to
    the cache as an archive first, as for others.
    """
    origin = encoder.loaded.origin
    if origin is not None and origin.is_unchanged() and encoder.model.weights_files:
        return {"origin": asdict(origin)}
    path = model_archive(encoder)
    return {"archive": str(path), "token": path.stem}


def model_archive(encoder: Encoder) -> Path:
    """The archive of the encoder's model in the cache, whose name tells its content.

    It is written when it is not there yet. Raises OutputError where it cannot be.
    """
    name = f"{_token(encoder)}.zip"
    folder = archive_folder()
    path = folder / name
    if not path.is_file():
        with BundleFile(path) as file:
            for member, parts in model_parts(encoder.model):
                file.write(member, parts)
    return path


def _token(encoder: Encoder) -> str:
    """The same for equal models, whatever their names and places."""
    content = f"{encoder.loaded.settings_hash} {encoder.loaded.weights_hash}"
    return f"embedpipe-{sha256(content.encode()).hexdigest()[:24]}"


def _told(encoder: Encoder, place: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the same encoder of its model; the number of threads is the task's affair."""
    implementation = "reference" if encoder.isa == "reference" else "native"
    engine = [implementation, encoder.precision]
    return {"place": dict(place), "engine": engine, "own": encoder.own}


_temporary: list[Path] = []


def archive_folder() -> Path:
    """The folder for archives: in the cache, or a temporary one where it cannot be written."""
    try:
        folder = cache_directory() / "spark"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    except (OSError, ParameterError, OutputError):
        if not _temporary:
            _temporary.append(Path(mkdtemp(prefix="embedpipe-spark-")))
        return _temporary[0]


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # which is no class to mypy
    """Pickles as Spark does, but for encoders."""

    def __init__(self, file: io.BytesIO, place: Place) -> None:
        super().__init__(file)
        self._place = place

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Encoder):
            return worker.arrived, (seal(_told(obj, self._place(obj))),)
        return super().reducer_override(obj)
