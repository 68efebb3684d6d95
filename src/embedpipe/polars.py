"""`import embedpipe.polars` gives expressions and series of Polars an `.embedpipe`.

>>> import polars as pl
>>> import embedpipe.polars
>>> frame = pl.DataFrame({"text": ["It rains.", None]})
>>> out = frame.with_columns(vector=pl.col("text").embedpipe.embed())
>>> out.schema["vector"], out["vector"].null_count()
(Array(Float32, shape=(384,)), 1)
>>> out["vector"].embedpipe.vectors().shape
(2, 384)
"""

from __future__ import annotations

from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.columns import ColumnEmbedder
from embedpipe.frames.vectors import vectors

if TYPE_CHECKING:
    import polars as pl

    from embedpipe.encoder import Encoder
    from embedpipe.engine.precision import AskedPrecision
else:
    pl = require("polars", "embedpipe.polars")

__all__ = ["ExpressionAccessor", "SeriesAccessor"]


@pl.api.register_expr_namespace("embedpipe")
class ExpressionAccessor:
    """`expression.embedpipe`."""

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def embed(
        self,
        model: str | PathLike[str] | Encoder | None = None,
        *,
        precision: AskedPrecision | None = None,
        **options: Any,
    ) -> pl.Expr:
        """Vectors of texts, Array(Float32, dimension); null for a null.

        model: a name or path for `Encoder.load`, or an Encoder; None for the default one.
        precision: as for `Encoder.load`. options: of `Encoder.encode`, such as pooling, normalize,
        prompt. Lazy queries stream it. Raises what those two raise, before the query runs.
        """
        embedder = ColumnEmbedder.of(model, options, precision=precision)
        return self._expression.map_batches(
            partial(_embedded, embedder=embedder),
            return_dtype=pl.Array(pl.Float32, embedder.dimension),
            is_elementwise=True,
        )


@pl.api.register_series_namespace("embedpipe")
class SeriesAccessor:
    """`series.embedpipe`."""

    def __init__(self, series: pl.Series) -> None:
        self._series = series

    def embed(
        self,
        model: str | PathLike[str] | Encoder | None = None,
        *,
        precision: AskedPrecision | None = None,
        progress: bool = False,
        **options: Any,
    ) -> pl.Series:
        """Vectors of texts; arguments as for expressions, and `progress` shows a bar."""
        embedder = ColumnEmbedder.of(model, options, precision=precision)
        return _embedded(self._series, embedder, progress=progress)

    def vectors(self) -> npt.NDArray[np.float32]:
        """A series of vectors as a matrix, float32 (n, dimension): `embedpipe.vectors`."""
        return vectors(self._series)


def _embedded(series: pl.Series, embedder: ColumnEmbedder, *, progress: bool = False) -> pl.Series:
    made = embedder(series, progress=progress)
    return pl.Series(series.name, pl.from_arrow(made.to_arrow()))
