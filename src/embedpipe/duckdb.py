"""A function in DuckDB's SQL that embeds texts.

>>> import duckdb
>>> import embedpipe.duckdb
>>> connection = duckdb.connect()
>>> embedpipe.duckdb.register(connection)
>>> connection.sql("select typeof(embed('It rains.'))").fetchall()
[('FLOAT[384]',)]
"""

from __future__ import annotations

from contextlib import suppress
from os import PathLike
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from embedpipe._dependencies import require
from embedpipe.embedding.columns import ColumnEmbedder
from embedpipe.errors import ParameterError

if TYPE_CHECKING:
    import duckdb

    from embedpipe.encoder import Encoder
    from embedpipe.engine.precision import AskedPrecision

__all__ = ["register"]


def register(
    connection: duckdb.DuckDBPyConnection | None = None,
    name: str = "embed",
    *,
    model: str | PathLike[str] | Encoder | None = None,
    precision: AskedPrecision | None = None,
    **options: Any,
) -> None:
    """Make the SQL function `name(text)`, which gives FLOAT[dimension], and null for null.

    Args:
        connection: which knows it then; None for DuckDB's default connection, that of
            `duckdb.sql`.
        name: of the function; one that Python made under it before is replaced. Another model or
            other options take another name.
        model: a name or path for `Encoder.load`, or an Encoder; None for the default one.
        precision: as for `Encoder.load`.
        options: of `Encoder.encode`, such as pooling, normalize, prompt, prompt_name.

    Raises ParameterError if DuckDB takes no function of that name, and what `Encoder.load` and
    `Encoder.encode` raise.
    """
    library = require("duckdb", "embedpipe.duckdb")
    embedder = ColumnEmbedder.of(model, options, precision=precision)
    target: Any = library if connection is None else connection

    def embed(texts: pa.ChunkedArray) -> pa.Array:
        return embedder(texts).to_arrow()

    with suppress(library.Error):  # where there is none
        target.remove_function(name)
    try:
        target.create_function(
            name, embed, ["VARCHAR"], f"FLOAT[{embedder.dimension}]", type="arrow"
        )
    except library.Error as error:
        raise ParameterError(
            f"register: DuckDB makes no function {name!r} ({error}); choose another name"
        ) from error
