"""sentence-transformers on PyTorch: texts in, mean-pooled vectors out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from embedpipe_bench.peers.common import Candidate, Entry, Job, Options, Work
from embedpipe_bench.peers.pytorch import TORCH_ISA

__all__ = ["SentenceTransformersPeer"]


class SentenceTransformersPeer:
    """Its own tokenization and sorting, threads inside a batch."""

    name = "sentence-transformers"
    needs = ("sentence-transformers", "torch", "transformers")
    entries = (Entry("float32", "text"),)
    isa_environment = TORCH_ISA
    isa_reservation = ""

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Each batch size; it sorts by length itself. `cache` is not used."""
        del cache
        for batching in options.batchings(entry):
            yield Candidate(
                str(batching), partial(_job, model=model, size=batching.size, options=options)
            )


def _job(work: Work, *, model: Path, size: int, options: Options) -> Job:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    torch.set_num_threads(options.threads)
    encoder = Transformer(str(model), max_seq_length=options.max_length)
    # Not the model's own pooling, so that the vectors of all engines can be compared.
    pooling = Pooling(encoder.get_embedding_dimension(), "mean")
    sentences = SentenceTransformer(modules=[encoder, pooling], device="cpu")
    texts = work.texts or []
    return Job(
        lambda: sentences.encode(texts, batch_size=size, show_progress_bar=False),
        lambda vectors: vectors,
    )
