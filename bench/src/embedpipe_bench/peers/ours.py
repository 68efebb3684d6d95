"""embedpipe's own encoder: takes the sequences as they are, without batches, order or padding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedpipe_bench.peers.common import (
    ONEDNN_ISA,
    Candidate,
    Entry,
    Floats,
    Job,
    Options,
    UnavailableError,
    Work,
)

if TYPE_CHECKING:
    from embedpipe import Ragged

__all__ = ["Ours", "mean_pooled"]

OUR_ISA = {isa: {"EMBEDPIPE_ISA": isa} for isa in ONEDNN_ISA}


class Ours:
    """What users call; turning the lists of ids into one array is timed with the rest."""

    name = "embedpipe"
    needs = ("embedpipe",)
    entries = (
        Entry("float32"),
        Entry("bfloat16"),
        Entry("int8"),
        Entry("float32", "text"),
    )
    isa_environment = OUR_ISA
    isa_reservation = ""

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """One: there is nothing to set. `cache` is not used."""
        del cache

        def start(work: Work) -> Job:
            from embedpipe import Encoder
            from embedpipe.engine.native import supported_precisions

            there = supported_precisions()
            if entry.precision not in there:
                raise UnavailableError(f"computes in {', '.join(there)} here")
            encoder = Encoder.load(model, precision=entry.precision, threads=options.threads)
            if entry.source == "pieces":
                return Job(lambda: encoder.hidden_states(work.sequences), mean_pooled)
            texts = work.texts or []
            return Job(
                lambda: encoder.encode(texts, pooling="mean", normalize=False), lambda found: found
            )

        yield Candidate("as it is", start)


def mean_pooled(hidden: Ragged) -> Floats:
    """The mean of each sequence's hidden states, float64 (n, D)."""
    return np.array([states.mean(axis=0, dtype=np.float64) for states in hidden])
