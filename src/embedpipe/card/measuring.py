"""Speed of a model on this machine, and how near other precisions come to float32."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.native import supported_precisions
from embedpipe.errors import InputError
from embedpipe.models.encoder import Encoder
from embedpipe.models.windows import progress_bar
from embedpipe.processor import processor_name

__all__ = ["SENTENCES", "Figures", "Measured", "Measuring", "measure"]

SENTENCES = (
    "The train is late.",
    "I hate cancer.",
    "Antibiotics aren't painkillers.",
    "She has kept bees behind the old school since her husband died.",
    "Rain fell all night, and by morning the lower fields stood under water.",
    "How long does a parcel take from Lisbon to Oslo?",
    "The committee put off its decision, as three of its members were ill.",
    "Please send the invoice again; the first one never reached us.",
    "Water boils at a lower temperature on a mountain than by the sea.",
    "The new bridge carries four lanes of traffic, a tramway and a path for bicycles.",
    "He could not remember whether he had locked the door.",
    "Profits rose by 4 percent in the second quarter, less than analysts had expected.",
    "Store the tablets below 25 degrees, out of the reach of children.",
    "What began as a quarrel between neighbors ended before the supreme court.",
    "The software reads the file, checks it, and refuses it if a single byte is wrong.",
    "Nobody spoke.",
)
"""Made for this: short and long, statements and questions."""

_FEWEST_RUNS = 3
_SECONDS = 1.0


@dataclass(frozen=True)
class Figures:
    """Of one precision; the cosines are those to float32, over all vectors."""

    precision: str
    sentences_per_second: float
    mean_cosine: float
    least_cosine: float


@dataclass(frozen=True)
class Measured:
    """On what was measured, and the figures by precision.

    vectors: whose cosines these are, "sentences" or "pieces". texts: how many, `text_source`
    which. pieces: per text, special ones included, in the mean.
    """

    processor: str
    instruction_set: str
    threads: int
    text_source: str
    texts: int
    pieces: float
    vectors: str
    figures: tuple[Figures, ...]


@dataclass(frozen=True)
class Measuring:
    """What to measure on: texts, which these are, most threads (None: the cores there are).

    progress: whether to show a bar on standard error.
    """

    texts: Sequence[str] = SENTENCES
    text_source: str = "sentences made for model cards"
    threads: int | None = None
    progress: bool = False


def measure(place: Path, options: Measuring, *, words: bool) -> Measured:
    """Measure the model at `place` in each precision of this processor.

    words: whether the model is for vectors of words, so that those of all pieces are compared and
    made, instead of one of each text. Speed is from texts to vectors, the median of three runs or
    of as many as a second holds. Raises InputError without texts.
    """
    texts = options.texts
    if not texts:
        raise InputError(f"{options.text_source}: no text to measure on; give at least one line")
    figures: list[Figures] = []
    exact: npt.NDArray[np.float32] | None = None
    precisions = supported_precisions()
    with progress_bar(len(precisions), shown=options.progress) as advance:
        for precision in precisions:
            encoder = Encoder.load(place, precision=cast(Any, precision), threads=options.threads)
            vectors = _vectors(encoder, texts, words=words)
            if exact is None:  # float32 comes first
                exact, first = vectors, encoder
            cosines = _cosines(exact, vectors)
            figures.append(
                Figures(
                    precision,
                    _speed(encoder, texts, words=words),
                    float(cosines.mean()),
                    float(cosines.min()),
                )
            )
            advance(1)
    pieces = len(first.tokenize(texts).ids.values) / len(texts)
    return Measured(
        processor_name(),
        first.isa,
        first.threads,
        options.text_source,
        len(texts),
        pieces,
        "pieces" if words else "sentences",
        tuple(figures),
    )


def _vectors(encoder: Encoder, texts: Sequence[str], *, words: bool) -> npt.NDArray[np.float32]:
    if words:
        return encoder.forward(encoder.tokenize(texts).ids).values
    return encoder.encode(texts)


def _cosines(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Of rows, in float64; 1 for the same bits, which rounding must not take away."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = (first == second).all(axis=1)
    return np.where(same, 1.0, (a * b).sum(axis=1) / np.where(lengths == 0, 1, lengths))


def _speed(encoder: Encoder, texts: Sequence[str], *, words: bool) -> float:
    """Texts a second; the caller has made the same vectors once, so that all is warm."""
    times: list[float] = []
    while len(times) < _FEWEST_RUNS or sum(times) < _SECONDS:
        begin = time.perf_counter()
        _vectors(encoder, texts, words=words)
        times.append(time.perf_counter() - begin)
    return len(texts) / statistics.median(times)
