"""Runs in Spark's Python workers: opens what was sent, once per process, and computes.

A model is opened where it lies and mapped: the weights of its folder, or of the one folder that the
first worker of a host makes of an archive that came. Packed weights come from the cache. So all
workers of a host share one copy, and later tasks of a worker find the model open. Nothing here asks
the network for anything.
"""

from __future__ import annotations

import ctypes
import pickle
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pyarrow as pa

from embedpipe._pickles import unseal
from embedpipe.encoder import Encoder
from embedpipe.encoder.loaded import LoadedModel, Origin
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.weights import WeightsFile
from embedpipe.environment import go_offline
from embedpipe.errors import ModelNotFoundError
from embedpipe.pipeline.columns import HasColumns
from embedpipe.pipeline.plan import Planner
from embedpipe.spark.failures import located
from embedpipe.spark.unpacking import unpacked

__all__ = ["Told", "arrived", "opened", "run", "task_cpus"]

_VECTOR = pa.struct(  # how Spark stores a VectorUDT
    [
        pa.field("type", pa.int8(), nullable=False),
        pa.field("size", pa.int32()),
        pa.field("indices", pa.list_(pa.field("element", pa.int32(), nullable=False))),
        pa.field("values", pa.list_(pa.field("element", pa.float64(), nullable=False))),
    ]
)
_DENSE = 1

_MOST_OPEN = 8
"""Payloads whose objects a worker keeps for later tasks; models nobody holds any more go."""

_open: OrderedDict[str, Any] = OrderedDict()
_models: WeakValueDictionary[str, LoadedModel] = WeakValueDictionary()
_lock = Lock()


@dataclass(frozen=True)
class Told:
    """What executors are told of stages.

    metadata: of the frame's columns of annotations, which Spark's Arrow batches leave out.
    vectors: names of made columns that are lists of Spark's vectors.
    """

    stages: list[HasColumns]
    metadata: Mapping[str, Mapping[str, str]]
    vectors: tuple[str, ...]


def run(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The stages of a payload over the batches of one partition."""
    try:
        told: Told = opened(payload)
        described = (_with_metadata(batch, told.metadata) for batch in batches)
        for made in Planner(told.stages).run(described):
            yield _as_spark_reads(made, told.vectors)
    except Exception as error:
        raise located(error) from None
    finally:
        _give_memory_back()


def _give_memory_back() -> None:
    """Return to the system what the batches took: a worker may wait long for its next partition."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError):  # what glibc has; others return it by themselves, or not at all
        ctypes.CDLL(None).malloc_trim(0)


def opened(payload: bytes) -> Any:
    """What was pickled on the driver, unpickled once and kept."""
    key = sha256(payload).hexdigest()
    with _lock:
        if key not in _open:
            _stay_offline()
            _open[key] = pickle.loads(payload)  # noqa: S301 - as Spark itself unpickles functions
        _open.move_to_end(key)
        while len(_open) > _MOST_OPEN:
            _open.popitem(last=False)
        return _open[key]


def _stay_offline() -> None:
    """On executors, whatever is missing is to be told, not fetched."""
    from pyspark import TaskContext

    if TaskContext.get():
        go_offline()


def arrived(sealed: Any) -> Encoder:
    """An encoder that was sent, with as many threads as the task has processors."""
    told = unseal(sealed, "Encoder")
    implementation, precision = told["engine"]
    threads = task_cpus() if implementation == "native" else None
    choice = EngineChoice.of(implementation, threads=threads, precision=precision)
    own = told["own"]
    encoder = Encoder.of_loaded(_model(told["place"], own["name"]), choice, name=own["name"])
    vars(encoder).update(own)
    return encoder


def task_cpus() -> int:
    """How many processors Spark gives to each task: `spark.task.cpus`."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return max(1, context.cpus()) if context else 1


def _model(place: Mapping[str, Any], name: str) -> LoadedModel:
    key = repr(sorted(place.items()))
    found = _models.get(key)
    if found is None:
        made = LoadedModel.at(_origin(place, name))
        found = _models.setdefault(key, made)
    return found


def _origin(place: Mapping[str, Any], name: str) -> Origin:
    """Where the model lies here: at its own path, or in what was made of the archive that came."""
    if "origin" not in place:
        return Origin(str(unpacked(place)))
    fields = dict(place["origin"])
    files = tuple(WeightsFile(**file) for file in fields.pop("files"))
    origin = Origin(**fields, files=files)
    if not origin.is_unchanged():
        raise ModelNotFoundError(
            f"the model {name!r} was sent to executors by its path, {origin.path}, where its files "
            "are no longer as they were. Put them back, or make the data frame again: transform "
            "sends what is in the driver's memory"
        )
    return origin


def _with_metadata(
    batch: pa.RecordBatch, metadata: Mapping[str, Mapping[str, str]]
) -> pa.RecordBatch:
    """The batch with what Spark's schema says of annotations."""
    if not metadata:
        return batch
    fields = [
        part.with_metadata(metadata[part.name]) if part.name in metadata else part
        for part in batch.schema
    ]
    return pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(fields))


def _as_spark_reads(batch: pa.RecordBatch, vectors: Collection[str]) -> pa.RecordBatch:
    """The batch without lists of fixed size, which Spark does not know, and with its own vectors.

    vectors: the columns, lists of lists of numbers, that become lists of Spark's vectors.
    """
    for place, part in enumerate(batch.schema):
        column = batch.column(place)
        if part.name in vectors:
            column = _spark_vectors(column)
        elif _has_fixed_size(part.type):
            column = column.cast(_growing(part.type))
        else:
            continue
        batch = batch.set_column(place, part.name, column)
    return batch


def _has_fixed_size(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return bool(pa.types.is_fixed_size_list(inner))


def _growing(kind: pa.DataType) -> pa.DataType:
    """The type with lists of any size in place of those of fixed size."""
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", _growing(kind.value_type)))
    return pa.list_(pa.field("element", kind.value_type, nullable=False))


def _spark_vectors(column: pa.ListArray) -> pa.ListArray:
    """Lists of lists of numbers as lists of Spark's dense vectors."""
    numbers = column.values
    count = len(numbers)
    parts = [
        pa.array(np.full(count, _DENSE, np.int8)),
        pa.nulls(count, pa.int32()),
        pa.nulls(count, _VECTOR.field("indices").type),
        numbers.cast(_VECTOR.field("values").type),
    ]
    vectors = pa.StructArray.from_arrays(parts, fields=list(_VECTOR))
    return pa.ListArray.from_arrays(column.offsets, vectors, mask=column.is_null())
