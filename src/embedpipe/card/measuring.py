"""Measures the speed of a model, and how close other precisions are to float32."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedpipe.card.sentences import SENTENCES
from embedpipe.encoder import Encoder
from embedpipe.engine.native import supported_precisions
from embedpipe.engine.processor import processor_name
from embedpipe.errors import InputError
from embedpipe.progress import Progress

__all__ = ["Figures", "Measured", "Measuring", "measure"]

_FEWEST_RUNS = 3
_SECONDS = 1.0
_TEXTS_AT_ONCE = 64  # where vectors of all pieces are made, which take memory


@dataclass(frozen=True)
class Figures:
    """The figures of one precision; cosines are between its vectors and those of float32."""

    precision: str
    texts_per_second: float
    mean_cosine: float
    least_cosine: float


@dataclass(frozen=True)
class Measured:
    """The machine and texts of a measurement, and its figures by precision.

    vectors: whose cosines these are, "texts" or "pieces". texts: how many, `text_source`
    which. pieces: per text, special ones included, on average.
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

    progress: whether to show a bar on standard error; None only if that is a terminal.
    """

    texts: Sequence[str] = SENTENCES
    text_source: str = "sentences made for model cards"
    threads: int | None = None
    progress: bool | None = False


def measure(place: Path, options: Measuring, *, words: bool) -> Measured:
    """Measure the model at `place` in each precision of this processor.

    words: whether the model is for vectors of words, so that those of all pieces are compared and
    made, instead of one of each text. Speed is from texts to vectors, the median of three runs or
    of as many as a second holds. Raises InputError without texts.
    """
    texts = options.texts
    if not texts:
        raise InputError(f"{options.text_source}: no text to measure on; give at least one line")
    size = _TEXTS_AT_ONCE if words else len(texts)
    parts = [texts[begin : begin + size] for begin in range(0, len(texts), size)]
    exact = Encoder.load(place, threads=options.threads)
    precisions = supported_precisions()
    encoders = [exact.with_precision(precision) for precision in precisions]
    cosines = []
    with Progress(
        len(precisions), unit="precisions", label="comparing", shown=options.progress
    ) as bar:
        for encoder in encoders:
            made = [
                _cosines(_vectors(exact, part, words), _vectors(encoder, part, words))
                for part in parts
            ]
            cosines.append(np.concatenate(made))
            bar.advance(1)
    speeds = _speeds(encoders, parts, words, shown=options.progress)
    return Measured(
        processor=processor_name(),
        instruction_set=exact.isa,
        threads=exact.threads,
        text_source=options.text_source,
        texts=len(texts),
        pieces=len(exact.tokenize(texts).ids.values) / len(texts),
        vectors="pieces" if words else "texts",
        figures=tuple(
            Figures(precision, speed, float(found.mean()), float(found.min()))
            for precision, speed, found in zip(precisions, speeds, cosines, strict=True)
        ),
    )


def _vectors(encoder: Encoder, texts: Sequence[str], words: bool) -> npt.NDArray[np.float32]:
    """Float32 (pieces of all texts, dimension) for words, else (texts, dimension)."""
    if words:
        return encoder.hidden_states(encoder.tokenize(texts).ids).values
    # Without the warning of texts that are cut: the same ones are encoded again and again
    return encoder.encode_counting(list(texts), prompt=encoder.prompts.chosen())[0]


def _cosines(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """The cosines of rows, in float64; exactly 1 for equal rows."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = (first == second).all(axis=1)
    return np.where(same, 1.0, (a * b).sum(axis=1) / np.where(lengths == 0, 1, lengths))


def _speeds(
    encoders: Sequence[Encoder], parts: Sequence[Sequence[str]], words: bool, *, shown: bool | None
) -> list[float]:
    """Texts per second of each encoder, each of which has made the same vectors before.

    They take turns, so that other load on the machine slows all of them alike.
    """
    times: list[list[float]] = [[] for _ in encoders]
    fewest, seconds = _FEWEST_RUNS * len(encoders), _SECONDS * len(encoders)
    with Progress(fewest, unit="runs", label="measuring speed", shown=shown) as bar:
        while len(times[0]) < _FEWEST_RUNS or sum(map(sum, times)) < seconds:
            for encoder, taken in zip(encoders, times, strict=True):
                begin = time.perf_counter()
                for part in parts:
                    _vectors(encoder, part, words)
                taken.append(time.perf_counter() - begin)
                bar.advance(1)
    return [sum(map(len, parts)) / statistics.median(taken) for taken in times]
