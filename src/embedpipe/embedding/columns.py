"""A column of texts to a column of vectors: what the accessors of frames and databases call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from embedpipe.encoder import Encoder
from embedpipe.errors import ParameterError
from embedpipe.frames.files.vectors import Vectors

if TYPE_CHECKING:
    from embedpipe.engine.precision import AskedPrecision

__all__ = ["ColumnEmbedder"]


@dataclass(frozen=True)
class ColumnEmbedder:
    """An encoder with the options of its `encode`; can be pickled.

    >>> embedder = ColumnEmbedder.of(None, {"pooling": "cls"})
    >>> embedder.dimension, embedder(["It rains.", None]).present.tolist()
    (384, [True, False])
    """

    encoder: Encoder
    options: Mapping[str, Any] = field(default_factory=dict)
    dimension: int = 0

    @classmethod
    def of(
        cls,
        model: str | PathLike[str] | Encoder | None,
        options: Mapping[str, Any],
        *,
        precision: AskedPrecision | None = None,
    ) -> ColumnEmbedder:
        """Load the model and try the options on a text, so that mistakes show at once.

        Raises what `Encoder.load` and `Encoder.encode` raise; ParameterError for options that
        `encode` has for other uses.
        """
        encoder = model if isinstance(model, Encoder) else Encoder.load(model)
        if precision is not None:
            encoder = encoder.with_precision(precision)
        for name in ("missing", "progress", "texts"):
            if name in options:
                raise ParameterError(
                    f"embed: found the option {name!r}; expected those that concern each text, "
                    "such as pooling, normalize, prompt, prompt_name. A missing text has no vector"
                )
        made = encoder.encode([""], **options)
        return cls(encoder, dict(options), made.shape[1])

    def __call__(self, texts: Any, *, progress: bool = False) -> Vectors:
        """The vectors of n texts, of any column that `Encoder.encode` takes."""
        rows = self.encoder.encode(texts, progress=progress, **self.options)
        present = ~np.isnan(rows[:, 0])
        rows[~present] = 0
        return Vectors(rows, present)
