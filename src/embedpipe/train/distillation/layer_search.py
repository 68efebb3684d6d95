"""Which of a teacher's layers to take over: those whose untrained student scores best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import comb

from embedpipe.progress import Progress

__all__ = ["best_layers"]

_MOST_TRIED = 40  # else layers are left off one by one


def best_layers(
    wanted: int, there: int, score: Callable[[Sequence[int]], float], *, progress: bool = False
) -> tuple[tuple[int, ...], float]:
    """The best choice of `wanted` of `there` layers by `score`, the last one always among them.

    All choices are tried where there are at most 40; otherwise the layer whose loss hurts least is
    left off, one after another.

    >>> best_layers(2, 4, lambda layers: -abs(layers[0] - 1))
    ((1, 3), 0.0)
    """
    with Progress(unit="choices", label="layers", shown=progress, leave=False) as bar:

        def best(choices: Iterator[tuple[int, ...]]) -> tuple[tuple[int, ...], float]:
            found: list[tuple[float, tuple[int, ...]]] = []
            for choice in choices:
                found.append((float(score(choice)), choice))
                bar.advance(1)
            value, chosen = max(found, key=lambda each: each[0])
            return chosen, value

        if wanted == 1 or wanted >= there or comb(there - 1, wanted - 1) <= _MOST_TRIED:
            few = combinations(range(there - 1), min(wanted, there) - 1)
            return best((*choice, there - 1) for choice in few)
        layers = tuple(range(there))
        while len(layers) > wanted:
            fewer = ((*layers[:i], *layers[i + 1 :]) for i in range(len(layers) - 1))
            layers, value = best(fewer)
        return layers, value
