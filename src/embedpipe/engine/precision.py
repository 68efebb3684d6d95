"""The names of the precisions; `Encoder.load` says what each one means and costs."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["PRECISIONS", "AskedPrecision", "Precision"]

Precision = Literal["float32", "bfloat16", "int8"]
AskedPrecision = Literal["float32", "bfloat16", "int8", "auto"]

PRECISIONS: tuple[AskedPrecision, ...] = get_args(AskedPrecision)
"""What can be asked for."""
