"""Which implementation of the encoder computes, on how many threads, in which precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.config import EncoderConfig
from embedpipe.encoder.pooling import Pooling
from embedpipe.encoder.precision import PRECISIONS, Precision
from embedpipe.encoder.weights import EncoderWeights
from embedpipe.errors import ParameterError

__all__ = ["Engine", "EngineChoice", "Implementation"]

Implementation = Literal["native", "reference"]


class Engine(Protocol):
    """What both implementations do; see `encoder.reference` for the definition."""

    def forward(
        self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """The last hidden states (T, hidden size) of ids (T,), cut at offsets (n + 1,)."""

    def embed(
        self,
        ids: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        *,
        pooling: Pooling,
        normalize: bool,
    ) -> npt.NDArray[Any]:
        """One vector per sequence, (n, hidden size)."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine that this processor has, before there is a model for it; made by `of`."""

    implementation: Implementation
    precision: Precision
    threads: int
    isa: str

    @classmethod
    def of(
        cls, implementation: str, *, threads: int | None = None, precision: str = "float32"
    ) -> EngineChoice:
        """The engine that `Encoder.load` was asked for; its arguments are checked here.

        "auto" is bfloat16 where the processor multiplies it, else float32; so is "bfloat16" itself.
        """
        if precision not in PRECISIONS:
            allowed = ", ".join(map(repr, PRECISIONS))
            raise ParameterError(f"precision: found {precision!r}; expected one of {allowed}")
        if implementation == "native":
            from embedpipe.encoder.native import check_threads, choose_isa

            exact = cls("native", "float32", check_threads(threads), choose_isa())
            return exact.at_precision(precision)
        if implementation == "reference":
            if threads is not None:
                _refuse("threads", threads)
            if precision not in ("float32", "auto"):
                _refuse("precision", precision)
            return cls("reference", "float32", 1, "reference")
        raise ParameterError(
            f"implementation: found {implementation!r}; expected 'native' or 'reference'"
        )

    def at_precision(self, precision: str) -> EngineChoice:
        """The same in another precision."""
        if self.implementation != "native" or precision not in PRECISIONS:
            return EngineChoice.of(self.implementation, precision=precision)  # which may refuse it
        from embedpipe.encoder.native import supported_precisions

        wanted = "bfloat16" if precision == "auto" else precision
        there = supported_precisions(self.isa)
        return replace(self, precision=next((p for p in there if p == wanted), "float32"))

    def make(self, config: EncoderConfig, weights: EncoderWeights) -> Engine:
        """The engine of a model."""
        if self.implementation == "native":
            from embedpipe.encoder.native import NativeEncoder

            return NativeEncoder(
                config, weights, threads=self.threads, isa=self.isa, precision=self.precision
            )
        from embedpipe.encoder.reference import ReferenceEncoder

        return ReferenceEncoder(config, weights)


def _refuse(name: str, value: Any) -> None:
    raise ParameterError(
        f"{name}: found {value!r}; the reference implementation has none to choose. "
        "Leave it out, or use implementation='native'"
    )
