"""Adapter of Hugging Face's dicts of datasets: each split by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedpipe.errors import InputError
from embedpipe.frames import huggingface
from embedpipe.frames.columns import Column, Need
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:
    """Those of the first split: all have the same."""
    if not frame:
        raise InputError("the dict of datasets is empty; expected splits, such as 'train'")
    return huggingface.columns_of_frame(next(iter(frame.values())), needed)


def transform(frame: Any, planner: Planner) -> Any:
    """Every split with the stages' columns."""
    return type(frame)({name: huggingface.transform(part, planner) for name, part in frame.items()})
