"""Embeds the texts of files into another file, in bounded memory."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.errors import ColumnError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.batches import kept_positions
from embedpipe.frames.files.inputs import InputBatch, Inputs
from embedpipe.frames.files.sinks import Sink, sink_of
from embedpipe.frames.files.sources import source_name
from embedpipe.output import AtomicFile, check_output
from embedpipe.progress import Progress

__all__ = ["SOURCE", "EmbedSummary", "embed_files"]

SOURCE = "source"
"""The column that names the input of each record, where there are several."""


@dataclass(frozen=True)
class EmbedSummary:
    """What `embed_files` did.

    null: records without text. cut: records longer than the model's max_length pieces, which lost
    their end. seconds: from the first byte read to the output's last one written.
    """

    records: int
    null: int
    cut: int
    max_length: int
    dimension: int
    seconds: float


def embed_files(  # noqa: PLR0913 - all but two are keywords with defaults
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str = VECTORS,
    keep: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> EmbedSummary:
    """Embed every record of `inputs` in order and write all of their columns with the vectors.

    Args:
        inputs: a path or several, "-" for standard input.
        output: ends in .parquet (all columns in their types), .jsonl or .npy (vectors alone).
        reading, embedding: None for the defaults.
        vectors: the name of their column, which comes behind those of the inputs; then, where
            there are several inputs, "source" names the one of each record.
        keep: the columns that are written beside the text; None for all.
        overwrite: whether `output` may replace a file that is there; never an input.
        progress: whether to draw a bar when standard error is a terminal.

    A null text has a null vector. Memory does not grow with the inputs.

    Raises InputError, ColumnError, ParameterError and OutputError, where possible before the model
    is loaded; `output` is then as it was before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = Path(folder, "in.csv")
    ...     _ = source.write_text("id,text\\n7,The train is late.\\n")
    ...     summary = embed_files([source], Path(folder, "out.parquet"))
    >>> summary.records, summary.dimension
    (1, 384)
    """
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    sources = [str(source) for source in paths]
    sink_class = sink_of(output)
    check_output(output, overwrite=overwrite, inputs=sources)
    with AtomicFile(output, replace=overwrite) as file:
        opened = Inputs(sources, reading)
        opened.check()
        embedder = Embedder.load(embedding or ModelOptions())
        start = time.perf_counter()
        table = _Table(embedder, opened, vectors=vectors, keep=keep)
        with (
            sink_class(file, table.schema, vectors) as sink,
            Progress(unit="records", shown=None if progress else False, leave=False) as bar,
        ):
            count = _embed_batches(opened, table, sink, bar)
    return EmbedSummary(
        **count,
        max_length=embedder.encoder.max_length,
        dimension=embedder.dimension,
        seconds=time.perf_counter() - start,
    )


class _Table:
    """The columns of the output, and the records under them."""

    def __init__(
        self, embedder: Embedder, inputs: Inputs, *, vectors: str, keep: Sequence[str] | None
    ) -> None:
        self._embedder = embedder
        self._column = column = inputs.options.text_column
        found = inputs.schema()
        self._kept = kept_positions(found.names, column, keep)
        self._before = pa.schema([found.field(i) for i in self._kept], metadata=found.metadata)
        self._with_vectors = embedder.output_schema(self._before, column=column, vectors=vectors)
        self.schema = self._with_vectors
        if len(inputs.sources) > 1:
            if SOURCE in self.schema.names:
                raise ColumnError(
                    f"a column is named {SOURCE!r}, which names the input of each record where "
                    "there are several; leave it out with --keep, or name that of the vectors "
                    "otherwise with --vectors"
                )
            self.schema = self.schema.append(pa.field(SOURCE, pa.string()))

    def records(self, batch: InputBatch) -> tuple[pa.RecordBatch, int, int]:
        """The records with vectors, and how many are null and how many were cut."""
        arrays = [batch.records.column(i) for i in self._kept]
        records, vectors = self._embedder.add_vectors(
            pa.RecordBatch.from_arrays(arrays, schema=self._before),
            self._with_vectors,
            column=self._column,
        )
        if self.schema is not self._with_vectors:
            source = pa.repeat(source_name(batch.source), records.num_rows)
            records = pa.RecordBatch.from_arrays([*records.columns, source], schema=self.schema)
        return records, records.num_rows - int(vectors.present.sum()), vectors.cut


def _embed_batches(inputs: Inputs, table: _Table, sink: Sink, bar: Progress) -> dict[str, int]:
    """Embed and write each batch; return the counts of EmbedSummary."""
    total = {"records": 0, "null": 0, "cut": 0}
    size = inputs.total_size()
    for batch in inputs.batches():
        records, null, cut = table.records(batch)
        sink.write(records)
        total["records"] += records.num_rows
        total["null"] += null
        total["cut"] += cut
        bar.advance(records.num_rows, share=batch.bytes_read / size if size else None)
    return total
