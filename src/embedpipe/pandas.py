"""`import embedpipe.pandas` gives series of pandas an `.embedpipe`.

>>> import pandas as pd
>>> import embedpipe.pandas
>>> frame = pd.DataFrame({"text": ["It rains.", None]}, index=["a", "b"])
>>> frame["vector"] = frame["text"].embedpipe.embed()
>>> frame["vector"]["a"].shape, frame["vector"]["b"]
((384,), None)
>>> frame["vector"].embedpipe.vectors().shape
(2, 384)
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe._dependencies import require
from embedpipe.embedding.columns import ColumnEmbedder
from embedpipe.frames.pandas import cells
from embedpipe.frames.vectors import vectors

if TYPE_CHECKING:
    import pandas as pd

    from embedpipe.encoder import Encoder
    from embedpipe.engine.precision import AskedPrecision
else:
    pd = require("pandas", "embedpipe.pandas")

__all__ = ["SeriesAccessor"]


@pd.api.extensions.register_series_accessor("embedpipe")
class SeriesAccessor:
    """`series.embedpipe`."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    def embed(
        self,
        model: str | PathLike[str] | Encoder | None = None,
        *,
        precision: AskedPrecision | None = None,
        progress: bool = False,
        **options: Any,
    ) -> pd.Series[Any]:
        """Vectors of texts: a series of arrays float32 (dimension,), None for a missing text.

        model: a name or path for `Encoder.load`, or an Encoder; None for the default one.
        precision: as for `Encoder.load`. progress: show a bar. options: of `Encoder.encode`, such
        as pooling, normalize, prompt. Index and name are the series' own. Raises what those two
        raise.
        """
        embedder = ColumnEmbedder.of(model, options, precision=precision)
        made = embedder(self._series, progress=progress)
        found = cells(made.values, made.present)
        return pd.Series(found, index=self._series.index, name=self._series.name, dtype=object)

    def vectors(self) -> npt.NDArray[np.float32]:
        """A series of vectors as a matrix, float32 (n, dimension): `embedpipe.vectors`."""
        return vectors(self._series)
