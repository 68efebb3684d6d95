"""Checks of what is asked of a training, whatever it trains."""

from __future__ import annotations

from collections.abc import Mapping

from embedpipe.errors import ParameterError

__all__ = ["check_whole_numbers", "chosen_device", "folded"]


def check_whole_numbers(options: object, least: Mapping[str, int]) -> None:
    """Raise ParameterError unless each named option is a whole number of at least so much.

    None will do for an option whose default it is.
    """
    for name, smallest in least.items():
        value = getattr(options, name)
        optional = getattr(type(options), name) is None
        if not (value is None and optional) and not (type(value) is int and value >= smallest):
            raise ParameterError(
                f"{name} {value!r:.80}: expected a whole number of at least {smallest}"
            )


def folded(text: str) -> str:
    """What equal texts have in common that differ in case and white space alone.

    >>> folded(" A  Cat ") == folded("a cat")
    True
    """
    return " ".join(text.casefold().split())


def chosen_device(asked: str) -> str:
    """The name for PyTorch of "cpu" or "cuda", of which "auto" takes what is there.

    Raises ParameterError for other names, and for "cuda" without a GPU.
    """
    import torch

    if asked not in ("auto", "cpu", "cuda"):
        raise ParameterError(f"device {asked!r:.80}: expected auto, cpu or cuda")
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise ParameterError("device cuda: PyTorch finds no GPU here; take auto or cpu")
    if asked == "auto":
        return "cuda" if there else "cpu"
    return asked
