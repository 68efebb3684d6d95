"""fastembed on ONNX Runtime, with the exported graph: texts in, mean-pooled vectors out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from embedpipe_bench.peers.common import NOT_HELD, Candidate, Entry, Job, Options, Work
from embedpipe_bench.peers.onnx_export import export_onnx

__all__ = ["FastEmbedPeer"]

ITS_BATCH_SIZE = 256
"""Unless told otherwise."""

GRAPH = "model.onnx"


class FastEmbedPeer:
    """Its own tokenization, batches in input order, threads inside a batch.

    It cannot be held to an instruction set, as ONNX Runtime under it cannot.
    """

    name = "fastembed"
    needs = ("fastembed", "onnx", "torch", "transformers")
    entries = (Entry("float32", "text"),)
    isa_environment = NOT_HELD
    isa_reservation = "not held to it"

    def candidates(
        self, entry: Entry, model: Path, cache: Path, options: Options
    ) -> Iterator[Candidate]:
        """Each batch size, and the one that it takes by itself where it makes a difference."""
        folder = _folder(model, cache, options.max_length)
        sizes = {batching.size for batching in options.batchings(entry)}
        if not options.one_text:
            sizes.add(ITS_BATCH_SIZE)
        for size in sorted(sizes):
            yield Candidate(
                f"input order, batch {size}",
                partial(_job, folder=folder, size=size, threads=options.threads),
            )


def _folder(model: Path, cache: Path, max_length: int) -> Path:
    """What fastembed reads: the graph, `tokenizer.json`, and the longest text beside it."""
    folder = cache / f"fastembed-{version('transformers')}-{max_length}"
    if folder.exists():
        return folder
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(model, model_max_length=max_length)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        unfinished = Path(temporary, "folder")
        tokenizer.save_pretrained(unfinished)
        shutil.copyfile(model / "config.json", unfinished / "config.json")
        shutil.copyfile(export_onnx(model, cache, "eager"), unfinished / GRAPH)
        return unfinished.replace(folder)


@cache
def _registered(folder: Path) -> str:
    """The name by which fastembed knows the model; it takes each name once in a process."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = f"embedpipe-bench/{folder.parent.name}"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    TextEmbedding.add_custom_model(
        name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),  # it insists on one, and does not ask it for a local folder
        dim=config["hidden_size"],
        model_file=GRAPH,
    )
    return name


def _job(work: Work, *, folder: Path, size: int, threads: int) -> Job:
    from fastembed import TextEmbedding

    name = _registered(folder)
    encoder = TextEmbedding(name, specific_model_path=str(folder), threads=threads)
    texts = work.texts or []
    return Job(lambda: list(encoder.embed(texts, batch_size=size)), np.array)
