"""Which implementation of the encoder computes, on how many threads, in which precision."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.precision import PRECISIONS, Precision
from embedpipe.engine.threads import check_threads
from embedpipe.engine.weights import EncoderWeights, WeightsFile
from embedpipe.environment import cache_directory, keeps_packed_weights
from embedpipe.errors import ParameterError

if TYPE_CHECKING:
    from embedpipe.engine.packed_cache import PackedCache

__all__ = ["Engine", "EngineChoice", "Implementation"]

Implementation = Literal["native", "reference"]


class Engine(Protocol):
    """What both implementations do; see `engine.reference` for the definition.

    is_checked: whether all weights are known to be finite.
    """

    is_checked: bool

    def hidden_states(
        self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """The last hidden states (T, hidden size) of ids (T,), cut at offsets (n + 1,)."""

    def encode_pieces(
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
    """An engine that this processor has, before there is a model for it; made by `of`.

    asked_threads: None where `threads` are as many as this process may use.
    """

    implementation: Implementation
    precision: Precision
    threads: int
    isa: str
    asked_threads: int | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls, implementation: str, *, threads: int | None = None, precision: str = "float32"
    ) -> EngineChoice:
        """The engine that `Encoder.load` was asked for; its arguments are checked here.

        "auto" is bfloat16 where this processor is faster in it, else float32; so is "bfloat16"
        itself, unless `EMBEDPIPE_ISA` demands instructions for it.
        """
        if precision not in PRECISIONS:
            allowed = ", ".join(map(repr, PRECISIONS))
            raise ParameterError(f"precision: found {precision!r}; expected one of {allowed}")
        if implementation == "native":
            from embedpipe.engine.native import choose_isa

            exact = cls("native", "float32", check_threads(threads), choose_isa(), threads)
            return exact.with_precision(precision)
        if implementation == "reference":
            if threads is not None:
                _refuse("threads", threads)
            if precision not in ("float32", "auto"):
                _refuse("precision", precision)
            return cls("reference", "float32", 1, "reference")
        raise ParameterError(
            f"implementation: found {implementation!r}; expected 'native' or 'reference'"
        )

    def with_precision(self, precision: str) -> EngineChoice:
        """The same in another precision."""
        if self.implementation != "native" or precision not in PRECISIONS:
            return EngineChoice.of(self.implementation, precision=precision)  # which may refuse it
        from embedpipe.engine.native import isa_for, isa_for_int8, look_at_bfloat16

        if precision == "int8":
            return replace(self, precision="int8", isa=isa_for_int8(self.isa))
        found: Precision = "float32"
        if precision in ("auto", "bfloat16") and look_at_bfloat16(self.isa).is_worth_it:
            found = "bfloat16"
        return replace(self, precision=found, isa=isa_for(self.isa, found))

    def make(
        self, config: EncoderConfig, weights: EncoderWeights, files: tuple[WeightsFile, ...]
    ) -> Engine:
        """The engine of a model; `files` are those its weights lie in, if they have their own."""
        if self.implementation == "native":
            from embedpipe.engine.native import NativeEncoder

            return NativeEncoder(
                config,
                weights,
                threads=self.threads,
                isa=self.isa,
                precision=self.precision,
                cache=_packed_cache(files),
            )
        from embedpipe.engine.reference import ReferenceEncoder

        return ReferenceEncoder(config, weights)


def _packed_cache(files: tuple[WeightsFile, ...]) -> PackedCache | None:
    """In `packed` of the cache; None where `EMBEDPIPE_PACKED_CACHE` is 0.

    None also for weights without a file of their own, or without a home directory for the cache.
    """
    from embedpipe.engine.packed_cache import PackedCache

    if not files or not keeps_packed_weights():
        return None
    try:
        return PackedCache(cache_directory() / "packed", files)
    except ParameterError:  # of cache_directory: nowhere to keep anything
        return None


def _refuse(name: str, value: Any) -> None:
    raise ParameterError(
        f"{name}: found {value!r}; the reference implementation has none to choose. "
        "Leave it out, or use implementation='native'"
    )
