"""What a BERT, ELECTRA or ALBERT encoder computes, in NumPy, one sequence after the other.

This is the readable definition that the compiled encoder is tested against, and which is itself
tested against Hugging Face transformers. It shares no code with the compiled one, and is slow.

Shapes: T pieces of one sequence, D hidden size, E embedding size, F intermediate size,
H attention heads of size S = D / H.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.config import EncoderConfig
from embedpipe.engine.pooling import Pooling, check_pooling, pool
from embedpipe.engine.pooling import normalize as normalize_rows
from embedpipe.engine.ragged import Ragged, check_piece_ids
from embedpipe.engine.weights import EncoderWeights, LayerNormWeights, LayerWeights, LinearWeights
from embedpipe.errors import ParameterError

__all__ = ["ReferenceEncoder", "erf", "gelu_erf", "gelu_tanh", "layer_norm", "softmax"]

Floats = npt.NDArray[Any]


class ReferenceEncoder:
    """The encoder of `config` and `weights`, computed in `dtype` (float64, or float32).

    Float64 widens the float32 weights exactly, and its results are the standard of comparison.
    Raises ParameterError for another dtype.
    """

    is_checked = False

    def __init__(
        self, config: EncoderConfig, weights: EncoderWeights, *, dtype: npt.DTypeLike = np.float64
    ) -> None:
        self.config = config
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ParameterError(f"dtype: {self.dtype}; expected float32 or float64")
        self.weights: EncoderWeights = _converted(weights, self.dtype)

    def hidden_states(
        self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[Any]:
        """The last layer's vector of every piece: ids (T,), cut at offsets (n + 1,), give (T, D).

        Token types are all 0; every piece attends to every piece of its own sequence.
        Raises InputError for bad offsets, empty or too long sequences, ids out of the vocabulary.
        """
        pieces = self._checked(ids, offsets)
        hidden = np.empty((len(ids), self.config.hidden_size), dtype=self.dtype)
        for sequence, begin, end in zip(pieces, offsets[:-1], offsets[1:], strict=True):
            hidden[begin:end] = self._hidden_states_of(sequence)
        return hidden

    def hidden_states_padded(self, ids: npt.NDArray[np.int32], attended: int) -> npt.NDArray[Any]:
        """Vectors of one sequence of which only the first `attended` pieces are attended to.

        ids (T,) give (T, D); the pieces behind are padding, which has vectors nevertheless.
        """
        self._checked(ids, np.array([0, len(ids)]))
        return self._hidden_states_of(ids, attended)

    def encode_pieces(
        self,
        ids: npt.NDArray[np.int32],
        offsets: npt.NDArray[np.int64],
        *,
        pooling: Pooling,
        normalize: bool,
    ) -> npt.NDArray[Any]:
        """One vector per sequence, (n, D): the hidden states pooled, of length 1 if wanted.

        Raises what `hidden_states` and `pool` raise.
        """
        pieces = self._checked(ids, offsets)
        check_pooling(pooling, has_pooler=self.weights.pooler is not None)
        vectors = np.empty((len(pieces), self.config.hidden_size), dtype=self.dtype)
        for i, sequence in enumerate(pieces):
            whole = np.array([0, len(sequence)])
            vectors[i] = pool(
                self._hidden_states_of(sequence), whole, pooling, self.weights.pooler
            )[0]
        return normalize_rows(vectors) if normalize else vectors

    def _checked(self, ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> Ragged:
        check_piece_ids(
            ids,
            offsets,
            vocab_size=self.config.vocab_size,
            max_position_embeddings=self.config.max_position_embeddings,
        )
        return Ragged(ids, offsets)

    def _hidden_states_of(self, ids: npt.NDArray[np.int32], attended: int | None = None) -> Floats:
        """(T,) to (T, D); `attended` pieces are attended to, None means all."""
        hidden = self._embeddings(ids)
        for index in self.config.layer_schedule:
            hidden = self._layer(hidden, self.weights.layers[index], attended)
        return hidden

    def _embeddings(self, ids: npt.NDArray[np.int32]) -> Floats:
        """Word, token type 0 and position, normalized; then (T, E) to (T, D) where needed."""
        weights = self.weights
        summed = (
            weights.word_embeddings[ids]
            + weights.token_type_embeddings[0]
            + weights.position_embeddings[: len(ids)]
        )
        normed = layer_norm(summed, weights.embedding_norm, self.config.layer_norm_eps)
        if weights.embedding_projection is None:
            return normed
        return _linear(normed, weights.embedding_projection)

    def _layer(self, hidden: Floats, layer: LayerWeights, attended: int | None) -> Floats:
        """Attention and feed-forward, each added to its input and normalized: (T, D) to (T, D)."""
        eps = self.config.layer_norm_eps
        context = self._attention(hidden, hidden[:attended], layer)
        summed = layer_norm(hidden + context, layer.attention_norm, eps)
        activation = gelu_erf if self.config.activation == "gelu_erf" else gelu_tanh
        wide = activation(_linear(summed, layer.intermediate))  # (T, F)
        return layer_norm(summed + _linear(wide, layer.output), layer.output_norm, eps)

    def _attention(self, hidden: Floats, attended: Floats, layer: LayerWeights) -> Floats:
        """Every head: softmax(Q K^T / sqrt(S)) V (Vaswani et al. 2017); heads joined, projected.

        Q is made of `hidden` (T, D), K and V of those `attended` to, (A, D).
        """
        query = self._split_heads(_linear(hidden, layer.query))
        key = self._split_heads(_linear(attended, layer.key))
        value = self._split_heads(_linear(attended, layer.value))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(self.config.head_size)  # (H, T, A)
        context = softmax(scores) @ value  # (H, T, S)
        joined = context.transpose(1, 0, 2).reshape(hidden.shape)
        return _linear(joined, layer.attention_output)

    def _split_heads(self, projected: Floats) -> Floats:
        """(T, D) to (H, T, S)."""
        heads = (len(projected), self.config.num_attention_heads, self.config.head_size)
        return projected.reshape(heads).transpose(1, 0, 2)


def _linear(inputs: Floats, weights: LinearWeights) -> Floats:
    product: Floats = inputs @ weights.weight.T
    return product + weights.bias


def layer_norm(inputs: Floats, weights: LayerNormWeights, eps: float) -> Floats:
    """Each row less its mean, over its standard deviation, scaled and shifted (Ba et al. 2016).

    The variance is the biased one, as in `torch.nn.functional.layer_norm`.
    """
    centered = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = np.square(centered).mean(axis=-1, keepdims=True)
    normed: Floats = centered / np.sqrt(variance + eps) * weights.weight + weights.bias
    return normed


def softmax(scores: Floats) -> Floats:
    """Along the last axis; subtracting the largest score changes nothing but prevents overflow."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def gelu_erf(inputs: Floats) -> Floats:
    """x times the normal distribution function of x (Hendrycks and Gimpel 2016)."""
    return 0.5 * inputs * (1.0 + erf(inputs / math.sqrt(2.0)))


def gelu_tanh(inputs: Floats) -> Floats:
    """The same paper's approximation by tanh, which Google's BERT and ALBERT were trained with."""
    inner = math.sqrt(2.0 / math.pi) * (inputs + 0.044715 * inputs * np.square(inputs))
    activated: Floats = 0.5 * inputs * (1.0 + np.tanh(inner))
    return activated


# erf is tabulated at points 1/64 apart, from 0 to 6, where it is 1 to double precision. Between
# them, Taylor's series converges fast: with |d| <= 1/128, the first term left out is below 1e-18.
_POINTS_PER_UNIT = 64
_ERF_IS_ONE = 6.0
_TERMS = 8


def _erf_series() -> Floats:
    """Taylor coefficients of erf around each tabulated point: (_TERMS, points).

    erf'(c) = 2 / sqrt(pi) exp(-c^2), and its n-th derivative is (-1)^n H_n(c) erf'(c) with the
    Hermite polynomials H_0 = 1, H_1 = 2c, H_{n+1} = 2c H_n - 2n H_{n-1}.
    """
    points = np.arange(int(_ERF_IS_ONE * _POINTS_PER_UNIT) + 1) / _POINTS_PER_UNIT
    slope = 2.0 / math.sqrt(math.pi) * np.exp(-np.square(points))
    series = [np.array([math.erf(point) for point in points])]
    previous, hermite = np.zeros_like(points), np.ones_like(points)
    for n in range(_TERMS - 1):
        series.append((-1) ** n * hermite * slope / math.factorial(n + 1))
        previous, hermite = hermite, 2.0 * points * hermite - 2.0 * n * previous
    return np.stack(series)


_ERF_SERIES = _erf_series()


def erf(inputs: Floats) -> Floats:
    """The error function, elementwise, to the precision of float64; the result has inputs' dtype.

    >>> float(erf(np.array([0.5]))[0]) == math.erf(0.5)
    True
    """
    magnitude = np.minimum(np.abs(inputs, dtype=np.float64), _ERF_IS_ONE)
    # fmin takes the number where the other is NaN, so that NaN has a point, and stays NaN below
    nearest = np.rint(np.fmin(magnitude, _ERF_IS_ONE) * _POINTS_PER_UNIT).astype(np.intp)
    distance = magnitude - nearest / _POINTS_PER_UNIT
    result = _ERF_SERIES[-1][nearest]
    for coefficients in _ERF_SERIES[-2::-1]:
        result = result * distance + coefficients[nearest]
    signed: Floats = np.copysign(result, inputs).astype(inputs.dtype)
    return signed


def _converted(weights: Any, dtype: np.dtype[Any]) -> Any:
    """The same tree of weights with every array in `dtype`."""
    if isinstance(weights, np.ndarray):
        return weights.astype(dtype, copy=False)
    if isinstance(weights, tuple):
        return tuple(_converted(part, dtype) for part in weights)
    if weights is None:
        return None
    fields = {
        field.name: _converted(getattr(weights, field.name), dtype)
        for field in dataclasses.fields(weights)
    }
    return type(weights)(**fields)
