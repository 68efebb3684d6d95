"""The columns of what `embed_files` writes, and the records under them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.groups import Group
from embedpipe.embedding.job import Counts
from embedpipe.errors import ColumnError
from embedpipe.frames.files.batches import kept_positions
from embedpipe.frames.files.inputs import Inputs
from embedpipe.frames.files.vectors import Vectors
from embedpipe.progress import Progress

__all__ = ["SOURCE", "EmbeddingTable"]

SOURCE = "source"
"""The column that names the input of each record, where there are several."""


class EmbeddingTable:
    """The inputs' columns, or those that are kept, the vectors, and the source among several.

    schema: of all of these.
    """

    def __init__(
        self, embedder: Embedder, inputs: Inputs, *, vectors: str, keep: Sequence[str] | None
    ) -> None:
        """Raise ColumnError for names that are missing or taken."""
        self._embedder = embedder
        self._share = 0.0
        self._numbers: bool | None = None
        column = inputs.options.text_column
        found = inputs.schema()
        self._kept = kept_positions(found.names, column, keep)
        self._before = pa.schema([found.field(i) for i in self._kept], metadata=found.metadata)
        self.schema = embedder.output_schema(self._before, column=column, vectors=vectors)
        self._text = self._before.names.index(column)
        self._with_source = len(inputs.sources) > 1
        if self._with_source:
            if SOURCE in self.schema.names:
                raise ColumnError(
                    f"a column is named {SOURCE!r}, which names the input of each record where "
                    "there are several; leave it out with --keep, or name that of the vectors "
                    "otherwise with --vectors"
                )
            self.schema = self.schema.append(pa.field(SOURCE, pa.string()))

    def records(
        self, group: Group, bar: Progress, share: float | None
    ) -> tuple[pa.RecordBatch, Counts]:
        """The records with vectors, and their numbers; share: of all that is done after them."""
        kept = [group.records.column(i) for i in self._kept]
        texts = kept[self._text].to_pylist()
        self._look_for_numbers(texts)
        vectors = self._embedded(texts, bar, share)
        arrays = [*kept, vectors.to_arrow(), *([group.sources] if self._with_source else [])]
        count = group.records.num_rows
        counts = Counts(count, count - int(vectors.present.sum()), vectors.cut, len(group.bad))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema), counts

    @property
    def only_numbers(self) -> bool:
        """Whether there were texts, and each was a number."""
        return bool(self._numbers)

    def _look_for_numbers(self, texts: list[str | None]) -> None:
        """CSV has no types that would tell a column of numbers, as those of Parquet do."""
        if self._numbers is not False and any(texts):
            self._numbers = all(map(_is_number, filter(None, texts)))

    def _embedded(self, texts: list[str | None], bar: Progress, share: float | None) -> Vectors:
        """In pieces as small as the bar wants them; a vector does not depend on its company."""
        found: list[Vectors] = []
        begin, before = 0, self._share
        self._share = share or before
        while begin < len(texts) or not found:
            end = begin + (bar.at_once(len(texts) - begin) if begin < len(texts) else 0)
            found.append(self._embedder.embed(texts[begin:end]))
            part = before + (self._share - before) * end / max(len(texts), 1)
            bar.advance(end - begin, share=None if share is None else part)
            begin = end
        if len(found) == 1:
            return found[0]
        return Vectors(
            np.concatenate([each.values for each in found]),
            np.concatenate([each.present for each in found]),
            sum(each.cut for each in found),
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
