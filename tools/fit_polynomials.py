"""Find the polynomials of native/kernels/math.h; print them with the errors they reach in float32.

    python tools/fit_polynomials.py

exp(f) on [-ln2/2, ln2/2] and, coarsely, 2^f on [-1/2, 1/2] are fitted for relative error. GELU is
x (1/2 + x p(x^2)), p fitted for |x| up to a limit, as a polynomial in x^2 moved to [-1, 1],
weighted by how much an error of p moves GELU.
Both by iteratively reweighted least squares at Chebyshev nodes, which comes close to the minimax
polynomial; what matters is the error that is printed, measured on the float32 evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

GELU_RANGE = 5.55
"""Beyond it, GELU is 0 or x to float32's precision."""

COARSE_RANGE = 4.0
"""The same to the precision that bfloat16 and int8 need."""


def chebyshev_nodes(low: float, high: float, count: int) -> Array:
    """Nodes that are dense towards both ends of the interval."""
    angle = (np.arange(count) + 0.5) * np.pi / count
    return (low + high) / 2 + (high - low) / 2 * np.cos(angle)


def fit(x: Array, y: Array, scale: Array, degree: int) -> Array:
    """Coefficients, constant first, with a small largest scaled error (Lawson's algorithm)."""
    weight: Array = np.ones_like(x)
    powers = np.vander(x, degree + 1, increasing=True)
    coefficients: Array = np.zeros(degree + 1)
    for _ in range(200):
        factor = np.sqrt(weight) * scale
        coefficients = np.linalg.lstsq(powers * factor[:, None], y * factor, rcond=None)[0]
        error = np.abs((powers @ coefficients - y) * scale)
        weight *= error + 1e-3 * error.max()
        weight /= weight.sum()
    return coefficients


def horner(x: NDArray[np.float32], coefficients: Array) -> NDArray[np.float32]:
    """The polynomial in float32 with a fused multiply-add per step, as the kernels evaluate it."""
    result = np.full_like(x, np.float32(coefficients[-1]))
    for c in coefficients[-2::-1]:
        result = (result.astype(np.float64) * x + np.float64(np.float32(c))).astype(np.float32)
    return result


def report(name: str, coefficients: Array) -> None:
    """Print the coefficients as float32 literals, highest power first."""
    print(f"{name}: " + ", ".join(f"{np.float32(c):.9g}f" for c in coefficients[::-1]))


def main() -> None:
    """Fit and print all polynomials."""
    fit_power("exp", 1.0, math.log(2) / 2, 6)
    fit_power("coarse exp2", math.log(2), 0.5, 3)
    fit_gelu("gelu", half_erf, GELU_RANGE, 15)
    fit_gelu("coarse gelu, erf", half_erf, COARSE_RANGE, 7)
    fit_gelu("coarse gelu, tanh", half_tanh, COARSE_RANGE, 7)


def fit_power(name: str, rate: float, limit: float, degree: int) -> None:
    """Fit and print e^(rate x) for |x| up to a limit."""
    x = chebyshev_nodes(-limit * 1.001, limit * 1.001, 2000)
    p = fit(x, np.exp(rate * x), np.exp(-rate * x), degree)
    report(name, p)
    rounded = x.astype(np.float32)
    error = horner(rounded, p) / np.exp(rate * rounded.astype(np.float64)) - 1
    print(f"  largest relative error {np.abs(error).max():.2e}")


def half_erf(x: Array) -> Array:
    """GELU(x) / x - 1/2 in its exact form."""
    return np.array([math.erf(v / math.sqrt(2)) / 2 for v in x])


def half_tanh(x: Array) -> Array:
    """GELU(x) / x - 1/2 in its tanh form."""
    return np.asarray(np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)) / 2)


def fit_gelu(name: str, half: Callable[[Array], Array], limit: float, degree: int) -> None:
    """Fit and print one form of GELU."""
    s = chebyshev_nodes(-1.0, 1.0, 4000)
    x = np.sqrt((s + 1) / 2) * limit
    p = fit(s, half(x) / x, x * np.maximum(x, 0.3), degree)
    report(name, p)
    square = np.float32(limit**2)
    x = np.linspace(-8, 8, 1_000_001).astype(np.float32)
    s = np.minimum(x * x, square).astype(np.float64) * np.float32(2 / square) - 1
    u = np.clip(x * horner(s.astype(np.float32), p), np.float32(-0.5), np.float32(0.5))
    exact = x.astype(np.float64) * (half(x.astype(np.float64)) + 0.5)
    error = np.abs(x * (u + np.float32(0.5)) - exact)
    small = np.abs(x) <= 1
    print(f"  largest error {error.max():.2e}, for |x| <= 1 {error[small].max():.2e}")


if __name__ == "__main__":
    main()
