"""What embedding some files would take, from embedding some of their records."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.embedding_table import EmbeddingTable
from embedpipe.embedding.groups import groups
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.embedding.outputs import check_target
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs
from embedpipe.progress import Progress

__all__ = ["Estimate", "estimate_files"]

_SECONDS = 3.0


@dataclass(frozen=True)
class Estimate:
    """What `estimate_files` found.

    inputs: files. bytes: of all of them as they are stored; None if one is a pipe. records,
    seconds, output_bytes: reckoned from the first `sampled` records and their share of the bytes.
    rate: records a second. output_bytes: of the vectors alone.
    """

    inputs: int
    bytes: int | None
    records: int
    rate: float
    seconds: float
    sampled: int
    dimension: int
    output_bytes: int


def estimate_files(  # noqa: PLR0913 - as embed_files
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str = VECTORS,
    keep: Sequence[str] | None = None,
    on_error: str = "fail",
    limit: int | None = None,
    overwrite: bool = False,
) -> Estimate:
    """How long `embed_files` would take with these arguments; nothing is written.

    The first records are embedded for some three seconds. Raises what `embed_files` raises before
    it writes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = Path(folder, "in.txt")
    ...     _ = source.write_text("The train is late.\\n" * 10)
    ...     estimate_files([source], Path(folder, "out.npy")).records
    10
    """
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    asked = [str(source) for source in paths]
    opened = Inputs(asked, reading, skip=on_error == "skip")
    check_target(
        str(output), [*asked, *opened.sources], overwrite=overwrite, resume=False, dry=True
    )
    opened.check()
    embedder = Embedder.load(embedding or ModelOptions())
    table = EmbeddingTable(embedder, opened, vectors=vectors, keep=keep)
    size = opened.total_size()
    begin = time.perf_counter()
    sampled = bytes_read = 0
    is_all = True
    with Progress(unit="records", shown=False) as bar:
        for group in groups(opened.batches(), opened.options.text_column, limit):
            records, _ = table.records(group, bar, None)
            sampled += records.num_rows
            bytes_read = group.bytes_read
            if time.perf_counter() - begin > _SECONDS:
                is_all = False
                break
    taken = max(time.perf_counter() - begin, 1e-9)
    factor = 1.0 if is_all or not size or not bytes_read else max(size / bytes_read, 1.0)
    records_ = min(round(sampled * factor), limit or round(sampled * factor))
    return Estimate(
        inputs=len(opened.sources),
        bytes=size,
        records=records_,
        rate=sampled / taken,
        seconds=records_ * taken / max(sampled, 1),
        sampled=sampled,
        dimension=embedder.dimension,
        output_bytes=records_ * embedder.dimension * 4,
    )
