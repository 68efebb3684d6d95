"""SQL functions of a session: texts to vectors, and how alike two vectors are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import Any

import pyarrow as pa
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    FloatType,
    IntegerType,
    StringType,
    StructField,
    StructType,
)

from embedpipe.encoder import Encoder
from embedpipe.spark.sending import Place, column_function, place_for
from embedpipe.spark.shipped import ColumnFunction

__all__ = ["functions", "register"]

_VECTOR = ArrayType(FloatType(), containsNull=False)
_TOKENS = ArrayType(
    StructType(
        [
            StructField("token", StringType()),
            StructField("begin", IntegerType()),
            StructField("end", IntegerType()),
            StructField("vector", _VECTOR),
        ]
    )
)
_FUNCTIONS: dict[str, DataType] = {
    "embed_sentence": _VECTOR,
    "embed_tokens": _TOKENS,
    "cosine": DoubleType(),
}
"""By name, what they give. Each takes two columns, and is a function of `worker_functions`."""


def register(session: Any, models: Sequence[str | PathLike[str]] = ()) -> None:
    """Give a session the SQL functions of embedpipe, for Scala and Java in it too.

    | function                      | gives                                                       |
    |-------------------------------|-------------------------------------------------------------|
    | `embed_sentence(text, model)` | array<float>: the text's vector, as `Encoder.encode`        |
    | `embed_tokens(text, model)`   | array<struct<token, begin, end, vector>>                    |
    | `cosine(a, b)`                | double: the cosine of two arrays of numbers                 |

    A null argument gives null; so does the cosine of a vector of length zero.

    models: names or paths of models to send to the executors, to be used in SQL by the same names.
    Other models must be on each executor already: nothing is downloaded there.

    Raises what `Encoder.load` raises for a model of `models`.
    """
    for name, function in functions(models, place_for(session)).items():
        session.udf.register(name, function)


def functions(models: Sequence[str | PathLike[str]], place: Place) -> dict[str, Any]:
    """By name, Spark's functions; the models go to executors as `place` says."""
    encoders = {fspath(model): Encoder.load(model) for model in models}
    return {
        name: _user_function(
            column_function(name, {} if name == "cosine" else encoders, place), kind
        )
        for name, kind in _FUNCTIONS.items()
    }


def _user_function(function: ColumnFunction, kind: DataType) -> Any:
    """Spark's function of two columns: over Arrow arrays where this Spark has such ones."""
    from pyspark.sql import functions as of_spark

    if hasattr(of_spark, "arrow_udf"):
        return of_spark.arrow_udf(_over_arrow(function), kind)
    return of_spark.pandas_udf(_over_pandas(function), kind)


def _over_arrow(function: ColumnFunction) -> Callable[..., Any]:
    def call(first, second):  # type: ignore[no-untyped-def]
        return function(first, second)

    call.__annotations__ = {"first": pa.Array, "second": pa.Array, "return": pa.Array}
    return call


def _over_pandas(function: ColumnFunction) -> Callable[..., Any]:
    import pandas as pd

    def call(first, second):  # type: ignore[no-untyped-def]
        made = function(pa.Array.from_pandas(first), pa.Array.from_pandas(second))
        # Spark 3.5 maps over the series, and what pandas gives for a null of Arrow is no None to it
        return pd.Series(made.to_pylist(), dtype=object)

    call.__annotations__ = {"first": pd.Series, "second": pd.Series, "return": pd.Series}
    return call
