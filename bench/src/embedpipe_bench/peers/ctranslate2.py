"""CTranslate2's encoder in float32 and int8."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from embedpipe_bench.peers.common import (
    Batching,
    Candidate,
    Entry,
    Floats,
    Job,
    Options,
    Work,
    held_with_onednn,
    in_parallel,
    padded_batches,
    padded_job,
)

__all__ = ["CTranslate2Peer"]

CTRANSLATE2_ISA = held_with_onednn(
    avx512={"CT2_FORCE_CPU_ISA": "AVX512"},
    avx2={"CT2_FORCE_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    portable={"CT2_FORCE_CPU_ISA": "GENERIC", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
)
"""It takes AVX-512 only when told to, which gains 1 to 2 %; it computes with oneDNN or MKL."""


class CTranslate2Peer:
    """Threads inside a batch, or a batch for each thread."""

    name = "ctranslate2"
    needs = ("ctranslate2", "torch", "transformers")
    entries = (Entry("float32"), Entry("int8"))
    isa_environment = CTRANSLATE2_ISA
    isa_reservation = ""

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Each way of forming batches, each division of the threads."""
        converted = _converted(model, cache)
        for batching in options.batchings(entry):
            for at_a_time, threads in options.divisions():
                settings = {
                    "compute_type": entry.precision,
                    "inter_threads": at_a_time,
                    "intra_threads": threads,
                }
                yield Candidate(
                    f"{batching}, {at_a_time} x {threads} threads",
                    partial(_job, folder=converted, batching=batching, settings=settings),
                )


def _converted(model: Path, cache: Path) -> Path:
    """CTranslate2's form of the model, in `cache`."""
    folder = cache / f"ctranslate2-{version('ctranslate2')}"
    if folder.exists():
        return folder
    import transformers
    from ctranslate2.converters import TransformersConverter

    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        staged, unfinished = Path(temporary, "staged"), Path(temporary, "converted")
        shutil.copytree(model, staged)
        config = json.loads((staged / "config.json").read_text(encoding="utf-8"))
        # The converter insists on this entry, which newer versions of transformers do not write.
        config.setdefault("position_embedding_type", "absolute")
        (staged / "config.json").write_text(json.dumps(config), encoding="utf-8")
        TransformersConverter(str(staged)).convert(str(unfinished), quantization="float32")
        return unfinished.replace(folder)


def _job(work: Work, *, folder: Path, batching: Batching, settings: dict[str, Any]) -> Job:
    import ctranslate2

    encoder = ctranslate2.Encoder(str(folder), **settings)
    batches = padded_batches(work.sequences, batching, np.int32)
    inputs = [
        tuple(
            ctranslate2.StorageView.from_array(array)
            for array in (batch.ids, batch.mask.sum(axis=1, dtype=np.int32))
        )
        for batch in batches
    ]

    def hidden_states(views: tuple[Any, Any]) -> Floats:
        return np.asarray(encoder.forward_batch(*views).last_hidden_state)

    return padded_job(batches, in_parallel(hidden_states, inputs, settings["inter_threads"]))
