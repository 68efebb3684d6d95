"""What sentence-transformers' Dense does to a sentence's vector: a product, and an activation.

It is float32 in every precision, as it costs next to nothing beside the layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Dense", "DenseActivation"]

DenseActivation = Literal["identity", "tanh"]

Floats = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Dense:
    """`activation(W @ vector + b)`: weight (outputs, inputs), bias (outputs,) or none, float32."""

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None
    activation: DenseActivation

    @property
    def inputs(self) -> int:
        """Length of the vectors that it takes."""
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        """Length of the vectors that it gives."""
        return int(self.weight.shape[0])

    def __call__(self, vectors: Floats) -> Floats:
        """Vectors (n, inputs) to (n, outputs) of the same dtype; a row's bits depend on it alone.

        >>> double = Dense(np.array([[2.0, 0.0]], np.float32), None, "identity")
        >>> double(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)).tolist()
        [[2.0], [6.0]]
        """
        weight = self.weight.astype(vectors.dtype, copy=False)
        made = np.empty((len(vectors), self.outputs), vectors.dtype)
        # Row by row and by einsum: BLAS sums in an order that depends on the number of rows, and
        # on threads.
        for row, vector in enumerate(np.ascontiguousarray(vectors)):
            np.einsum("od,d->o", weight, vector, out=made[row])
        if self.bias is not None:
            made += self.bias.astype(vectors.dtype, copy=False)
        return np.tanh(made) if self.activation == "tanh" else made
