"""Embeds texts, some of which may be null, alone or as a column of record batches."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from embedpipe._version import __version__
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.encoder import Encoder
from embedpipe.engine.pooling import Pooling
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.frames.files.vectors import Vectors, vector_field

__all__ = ["Embedder"]


@dataclass(frozen=True)
class Embedder:
    """An encoder with its precision, and the pooling, normalization and prompt to use."""

    encoder: Encoder
    pooling: Pooling
    normalize: bool
    prompt: str

    @classmethod
    def load(cls, options: ModelOptions) -> Embedder:
        """Load the model unless that is done already; None in `options` takes the model's own."""
        encoder = options.model
        if not isinstance(encoder, Encoder):
            encoder = Encoder.load(encoder, threads=options.threads)
        if options.precision is not None:
            encoder = encoder.with_precision(options.precision)
        return cls(
            encoder,
            encoder.pooling if options.pooling is None else options.pooling,
            encoder.normalize if options.normalize is None else options.normalize,
            encoder.prompts.chosen(options.prompt, options.prompt_name),
        )

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.encoder.dimension_of(self.pooling)

    def origin(self) -> dict[str, Any]:
        """How its vectors are made, in values that JSON can represent: it is stored with them."""
        return {
            "embedpipe": __version__,
            "model": self.encoder.name,
            "fingerprint": self.encoder.fingerprint,
            "pooling": self.pooling,
            "normalize": self.normalize,
            "max_length": self.encoder.max_length,
            "precision": self.encoder.precision,
            "prompt": self.prompt,
        }

    def embed(self, texts: Sequence[str | None]) -> Vectors:
        """Embed n texts as `Encoder.encode` does; None has no vector."""
        present = np.fromiter((text is not None for text in texts), np.bool_, len(texts))
        known = [text for text in texts if text is not None]
        # a model that shortens its vectors does so after it has normalized them
        own = self.normalize == self.encoder.normalize
        found, cut = self.encoder.encode_counting(
            known,
            pooling=self.pooling,
            normalize=None if own else self.normalize,
            prompt=self.prompt,
        )
        if len(known) == len(texts):
            return Vectors(found, present, cut)
        values = np.zeros((len(texts), self.dimension), np.float32)
        values[present] = found
        return Vectors(values, present, cut)

    def for_queries(self, options: ModelOptions) -> Embedder:
        """With the prompt that `options` name, else the model's for queries, if it has one."""
        prompts = self.encoder.prompts
        is_asked = options.prompt is not None or options.prompt_name is not None
        if not is_asked and prompts.texts.get("query"):
            return replace(self, prompt=prompts.texts["query"])
        return replace(self, prompt=prompts.chosen(options.prompt, options.prompt_name))

    def for_documents(self) -> Embedder:
        """With the model's prompt for what is searched, if it has one, else its default one."""
        prompts = self.encoder.prompts
        return replace(self, prompt=prompts.texts.get("document") or prompts.chosen())

    def output_schema(self, schema: pa.Schema, *, column: str, vectors: str = VECTORS) -> pa.Schema:
        """All columns and then the vectors, in a field that says what made them.

        Raises ColumnError if a column has that name already, or none is named `column`.
        """
        if not vectors.isascii() and re.search("[\ud800-\udfff]", vectors):
            raise ParameterError(f"vectors: {vectors!r:.80} is no text; expected a column's name")
        if vectors in schema.names:
            raise ColumnError(
                f"a column is named {vectors!r} already; name that of the vectors with --vectors, "
                "or leave it out with --keep"
            )
        if column not in schema.names:
            raise ColumnError(
                f"no column is named {column!r}; found {', '.join(map(repr, schema.names))}"
            )
        origin = json.dumps(self.origin() | {"column": column}).encode()
        return schema.append(vector_field(vectors, self.dimension, origin))

    def add_vectors(
        self, records: pa.RecordBatch, schema: pa.Schema, *, column: str
    ) -> tuple[pa.RecordBatch, Vectors]:
        """The records with vectors, by the schema from `output_schema`, and the vectors themselves.

        >>> embedder = Embedder.load(ModelOptions())
        >>> records = pa.record_batch({"id": [7, 8], "text": ["one", None]})
        >>> schema = embedder.output_schema(records.schema, column="text")
        >>> added, vectors = embedder.add_vectors(records, schema, column="text")
        >>> added.schema.names, added["embedding"].is_valid().to_pylist()
        (['id', 'text', 'embedding'], [True, False])
        """
        texts = records.column(records.schema.names.index(column)).to_pylist()
        vectors = self.embed(texts)
        arrays = [*records.columns, vectors.to_arrow()]
        return pa.RecordBatch.from_arrays(arrays, schema=schema), vectors
