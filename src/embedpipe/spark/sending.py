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

from pyspark import cloudpickle
from pyspark.sql.types import StructType

from embedpipe._pickles import seal
from embedpipe._version import __version__
from embedpipe.encoder import Encoder
from embedpipe.environment import cache_directory
from embedpipe.errors import OutputError, ParameterError
from embedpipe.formats.writing import model_parts
from embedpipe.pipeline.plan import Plan
from embedpipe.pipeline.stage import Stage
from embedpipe.saving.bundle import BundleFile
from embedpipe.spark import shipped, worker
from embedpipe.spark.schema import annotation_metadata, vector_columns

__all__ = ["Place", "batch_function", "model_archive", "on_this_disk", "stages_function"]

Place = Callable[[Encoder], Mapping[str, Any]]
"""Says where executors find an encoder's model: arguments of `worker.model_at`."""

cloudpickle.register_pickle_by_value(shipped)


def stages_function(
    stages: Sequence[Stage], plan: Plan, schema: StructType, place: Place
) -> shipped.BatchFunction:
    """The function of stages for `mapInArrow` over a frame of that schema, and of that plan."""
    told = worker.Told(list(stages), annotation_metadata(schema), vector_columns(plan))
    return batch_function("run_stages", told, place)


def batch_function(task: str, told: Any, place: Place) -> shipped.BatchFunction:
    """A function for `mapInArrow`; `told` is pickled, and encoders in it go as `place` says."""
    buffer = io.BytesIO()
    _Pickler(buffer, place).dump(told)
    return shipped.BatchFunction(task, buffer.getvalue(), __version__)


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
    folder = _archives()
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
    own = {name: getattr(encoder, name) for name in worker.OWN_ATTRIBUTES}
    implementation = "reference" if encoder.isa == "reference" else "native"
    engine = [implementation, encoder.precision]
    return {"place": dict(place), "engine": engine, "own": own}


_temporary: list[Path] = []


def _archives() -> Path:
    """A folder for archives: in the cache, or a temporary one where it cannot be written."""
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
