"""How vectors are asked for: which pooling, of length 1 or not, and how much of each is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.texts import check_switch
from embedpipe.engine.pooling import Pooling, check_pooling
from embedpipe.engine.pooling import normalize as normalize_rows
from embedpipe.errors import ParameterError
from embedpipe.formats.model import Model

__all__ = ["Form", "check_truncate_dim"]


class Form(NamedTuple):
    """What a call asked for, checked.

    full: length of a vector before any of it is left off; size: what is kept of it. again: whether
    what is kept gets length 1 once more, as only a caller's own `normalize` makes it, and a
    model's does not; so does sentence-transformers.
    """

    pooling: Pooling
    normalize: bool
    full: int
    size: int
    again: bool

    @classmethod
    def of(  # noqa: PLR0913
        cls,
        model: Model,
        pooling: Pooling,
        *,
        normalize: bool | None,
        usual: bool,
        truncate_dim: int | None,
        has_pooler: bool,
    ) -> Form:
        """The form of vectors of a model. usual: whether they get length 1 unless it is said.

        Raises ParameterError for arguments that cannot be, or do not fit the model.
        """
        check_pooling(pooling, has_pooler=has_pooler)
        pooled = model.pooled_size(pooling)
        if model.head and pooled != model.head[0].inputs:
            raise ParameterError(
                f"pooling: {pooling!r} gives vectors of {pooled}; this model's Dense takes "
                f"{model.head[0].inputs}. Leave the pooling at {model.pooling!r}"
            )
        full = model.head[-1].outputs if model.head else pooled
        size = full if truncate_dim is None else min(check_truncate_dim(truncate_dim), full)
        asked = None if normalize is None else check_switch("normalize", normalize)
        return cls(pooling, usual if asked is None else asked, full, size, asked is True)

    def cut(self, vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """What is kept of vectors (n, full): float32 (n, size)."""
        made = vectors.astype(np.float32, copy=False)
        if self.size == self.full:
            return made
        kept = np.ascontiguousarray(made[:, : self.size])
        return normalize_rows(kept) if self.again else kept


def check_truncate_dim(size: Any) -> int:
    """The size itself; ParameterError for what is no positive integer."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ParameterError(
            f"truncate_dim: found {size!r:.80}; expected how many of a vector's values to keep, "
            "from 1 up, or None for all"
        )
    return int(size)
