"""The compiled encoder: checks what is passed in, then calls `embedpipe._native`.

What it computes is defined, readably, in `embedpipe.engine.reference`.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedpipe._version import __version__
from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.packed_cache import PackedCache
from embedpipe.engine.pooling import Pooling, check_pooling
from embedpipe.engine.precision import Precision
from embedpipe.engine.ragged import check_piece_ids
from embedpipe.engine.threads import check_threads
from embedpipe.engine.weights import EncoderWeights, LayerNormWeights, LayerWeights, LinearWeights
from embedpipe.environment import ISA_VARIABLE, isa_name
from embedpipe.errors import MissingDependencyError, ParameterError

if TYPE_CHECKING:
    from embedpipe.engine.bfloat16_look import Look

try:
    from embedpipe import _native
except ImportError as error:
    raise MissingDependencyError(
        f"embedpipe's compiled engine cannot be loaded ({error}); "
        "build it with: pip install . (in a clone; it needs a C++17 compiler)"
    ) from error

__all__ = [
    "NativeEncoder",
    "choose_isa",
    "empty_vectors",
    "isa_for",
    "isa_for_int8",
    "multiply_add_peak",
    "supported_isas",
    "supported_precisions",
]

Float32 = npt.NDArray[np.float32]


def supported_isas() -> tuple[str, ...]:
    """Instruction sets that this processor has kernels for, the fastest first.

    >>> supported_isas()[-1]
    'portable'
    """
    return tuple(_native.supported_isas())


def supported_precisions(isa: str | None = None) -> tuple[Precision, ...]:
    """Precisions that this processor computes in with an instruction set, the exact one first.

    "int8" is there on every processor, "bfloat16" on those with AMX or AVX512-BF16. `isa` is one
    of `supported_isas()`; None takes `EMBEDPIPE_ISA`, or the fastest without "bfloat16" where it
    would be slower than "float32".

    >>> supported_precisions("portable")
    ('float32', 'int8')
    """
    if isa is None:
        there = look_at_bfloat16(choose_isa()).is_worth_it
    else:
        there = _native.has_bfloat16(choose_isa(isa))
    bfloat16: tuple[Precision, ...] = ("bfloat16",) if there else ()
    return ("float32", *bfloat16, "int8")


def choose_isa(name: str | None = None) -> str:
    """The named instruction set, else that of `EMBEDPIPE_ISA`, else the fastest there is.

    Raises ParameterError for one that this processor lacks.
    """
    there = supported_isas()
    asked = name or isa_name() or there[0]
    if asked not in (*there, _native.MODEL_ISA):
        origin = "isa" if name else f"the environment variable {ISA_VARIABLE}"
        raise ParameterError(
            f"{origin} is {asked!r}, which this processor does not offer; "
            f"it has: {', '.join(there)}. Unset it to use the fastest."
        )
    return asked


def isa_for(isa: str, precision: str) -> str:
    """The instruction set to compute a precision with, where `choose_isa` gave `isa`.

    "amx" needs the system's permission for all but float32, which is asked for here. Where that is
    refused, it is the next one.

    Raises ParameterError if `EMBEDPIPE_ISA` asks for it nevertheless.
    """
    there = supported_isas()
    if isa != "amx" or precision == "float32" or _native.tiles_are_permitted():
        return isa
    fallback = there[there.index(isa) + 1]
    if isa_name() == isa:
        raise ParameterError(
            f"the environment variable {ISA_VARIABLE} is {isa!r}, but the system does not lend "
            "this process tiles: its kernel or a sandbox refuses, or a thread has an alternate "
            f"signal stack that is too small to save them on. Unset it to use {fallback!r}."
        )
    return fallback


def isa_for_int8(isa: str) -> str:
    """The same for int8: no set whose attention in bfloat16 would be slower than in float32."""
    there = supported_isas()
    found = isa_for(isa, "int8")
    while _native.has_bfloat16(found) and not look_at_bfloat16(isa).is_worth_it:
        found = there[there.index(found) + 1]
    return found


def look_at_bfloat16(isa: str) -> Look:
    """Whether an instruction set computes faster in bfloat16 than in float32."""
    from embedpipe.engine.bfloat16_look import look_at  # not loaded by starts in float32

    permitted = isa_for(isa, "bfloat16")
    has = _native.has_bfloat16(permitted)
    return look_at(isa, permitted, has, _native.multiply_add_ratio)


def multiply_add_peak(
    threads: int | None = None, *, isa: str | None = None, precision: Precision = "float32"
) -> float:
    """Measured 10^9 operations a second of a register-only multiply-add loop.

    No kernel of that precision and instruction set can exceed it. A multiplication counts as one
    operation, and so does an addition.
    """
    chosen = isa_for(choose_isa(isa), precision)
    return _native.multiply_add_peak(chosen, precision, check_threads(threads))


def empty_vectors(count: int, size: int) -> Float32:
    """Float32 (count, size), not filled, for large results that come again and again.

    Its memory is kept for the next such array, up to 256 MB: the system would take milliseconds to
    find and clear every two megabytes anew.

    >>> empty_vectors(2, 3).shape
    (2, 3)
    """
    return _native.empty_result(count, size)


class NativeEncoder:
    """The encoder on this processor's vector units.

    Weights are packed once for the instruction set in use. Calls release the interpreter's lock and
    may come from several threads at once. Each output row has the same bits whatever it is batched
    with, in any order, on any number of threads; another instruction set may round differently.

    Args:
        config: sizes and choices of the model.
        weights: its tensors; the embedding tables are used in place, not copied.
        threads: at most this many at once; None takes `default_threads()`.
        isa: one of `supported_isas()`; None takes `EMBEDPIPE_ISA` or the fastest.
        precision: of the products with the layers' weights, one of `supported_precisions()`.
            Attention multiplies bfloat16 in the lower ones where the instruction set does.
            Embeddings, softmax, LayerNorm and pooling are float32 in all of them.
        cache: where packed weights are found and kept; None packs them in memory.

    Attributes:
        is_checked: whether all weights are finite; those that a cache holds are.
    """

    def __init__(  # noqa: PLR0913
        self,
        config: EncoderConfig,
        weights: EncoderWeights,
        *,
        threads: int | None = None,
        isa: str | None = None,
        precision: Precision = "float32",
        cache: PackedCache | None = None,
    ) -> None:
        self.config = config
        self.threads = check_threads(threads)
        self.isa = isa_for(choose_isa(isa), precision)
        self.precision = precision
        self._has_pooler = weights.pooler is not None
        self._encoder = self._make(_model(config, weights), cache)
        self.is_checked = self._encoder.weights_are_finite

    def _make(self, model: _native.Model, cache: PackedCache | None) -> _native.Encoder:
        """The engine's encoder, with the cache's packed weights if there is a cache that works."""

        def made(packed: Float32 | None) -> _native.Encoder:
            return _native.Encoder(
                model,
                isa=self.isa,
                precision=self.precision,
                packed=packed,
                threads=self.threads,
            )

        if cache is None:
            return made(None)
        made_for = {
            "embedpipe": __version__,
            "packing": _native.PACKING_FORMAT,
            "isa": self.isa,
            "byte_order": sys.byteorder,
            "precision": self.precision,
            "config": asdict(self.config),
            "pooler": self._has_pooler,
        }
        found = cache.find(made_for, model.packed_size(self.isa, self.precision))
        if found is not None:
            return made(found)
        fresh = made(None)
        kept = cache.keep(made_for, fresh.packed()) if fresh.weights_are_finite else None
        return fresh if kept is None else made(kept)  # the one copy that others will use too

    def hidden_states(self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> Float32:
        """Last hidden states of sequences that lie end to end.

        Args:
            ids: int32 (T,), piece ids with [CLS] and [SEP] where the model wants them.
            offsets: int64 (n + 1,); sequence i is ids[offsets[i]:offsets[i + 1]].

        Returns:
            float32 (T, hidden size).

        Raises:
            InputError: an id outside the vocabulary, an empty sequence, or one that is longer than
                the position embeddings.
        """
        self._check(ids, offsets)
        return self._encoder.hidden_states(
            np.ascontiguousarray(ids), np.ascontiguousarray(offsets), self.threads
        )

    def encode_pieces(
        self,
        ids: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        *,
        pooling: Pooling,
        normalize: bool,
    ) -> Float32:
        """One vector per sequence, float32 (n, hidden size); arguments as in `hidden_states`."""
        self._check(ids, offsets)
        check_pooling(pooling, has_pooler=self._has_pooler)
        return self._encoder.encode_pieces(
            np.ascontiguousarray(ids),
            np.ascontiguousarray(offsets),
            pooling=pooling,
            normalize=normalize,
            threads=self.threads,
        )

    def _check(self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> None:
        check_piece_ids(
            ids,
            offsets,
            vocab_size=self.config.vocab_size,
            max_position_embeddings=self.config.max_position_embeddings,
        )


def _model(config: EncoderConfig, weights: EncoderWeights) -> _native.Model:
    return _native.Model(
        hidden_size=config.hidden_size,
        attention_heads=config.num_attention_heads,
        activation=config.activation,
        word_embeddings=weights.word_embeddings,
        position_embeddings=weights.position_embeddings,
        token_type_embeddings=weights.token_type_embeddings,
        embedding_norm=_norm(weights.embedding_norm, config),
        embedding_projection=_optional_linear(weights.embedding_projection),
        layers=[_layer(layer, config) for layer in weights.layers],
        schedule=list(config.layer_schedule),
        pooler=_optional_linear(weights.pooler),
    )


def _linear(weights: LinearWeights) -> Any:
    return _native.Linear(weights.weight, weights.bias)


def _optional_linear(weights: LinearWeights | None) -> Any:
    return None if weights is None else _linear(weights)


def _norm(weights: LayerNormWeights, config: EncoderConfig) -> Any:
    return _native.LayerNorm(weights.weight, weights.bias, config.layer_norm_eps)


def _layer(layer: LayerWeights, config: EncoderConfig) -> Any:
    return _native.Layer(
        query=_linear(layer.query),
        key=_linear(layer.key),
        value=_linear(layer.value),
        attention_output=_linear(layer.attention_output),
        attention_norm=_norm(layer.attention_norm, config),
        intermediate=_linear(layer.intermediate),
        output=_linear(layer.output),
        output_norm=_norm(layer.output_norm, config),
    )
