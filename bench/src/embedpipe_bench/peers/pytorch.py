"""PyTorch through transformers, with torch's scaled dot product attention."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

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
    padded_batches,
    padded_job,
)
from embedpipe_bench.peers.onnx_export import load_transformers

__all__ = ["TORCH_ISA", "PyTorchPeer"]

TORCH_ISA = held_with_onednn(
    avx512={},
    avx2={"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    portable={"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
)
"""torch's own kernels, oneDNN and MKL each have a variable."""


class PyTorchPeer:
    """Eager mode, threads inside a batch."""

    name = "torch"
    needs = ("torch", "transformers")
    entries = (Entry("float32"),)
    isa_environment = TORCH_ISA
    isa_reservation = ""

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Each way of forming batches. `cache` is not used."""
        del cache
        for batching in options.batchings(entry):
            yield Candidate(
                f"sdpa attention, {batching}",
                partial(_job, model=model, batching=batching, threads=options.threads),
            )


def _job(work: Work, *, model: Path, batching: Batching, threads: int) -> Job:
    import torch

    torch.set_num_threads(threads)
    encoder = load_transformers(model, "sdpa")
    batches = padded_batches(work.sequences, batching, np.int64)
    inputs = [(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask)) for batch in batches]

    def run() -> list[Floats]:
        with torch.inference_mode():
            return [
                encoder(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()
                for ids, mask in inputs
            ]

    return padded_job(batches, run)
