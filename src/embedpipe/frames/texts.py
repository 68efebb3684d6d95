"""Python's texts as Arrow's, and the errors for what is no Unicode text in either."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from embedpipe.errors import InputError

__all__ = ["arrow_texts"]


def arrow_texts(texts: Sequence[str | None], column: str | None = None) -> pa.StringArray:
    """The texts as an Arrow array; `column` names them in the InputError for a lone surrogate."""
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError as error:
        where = f"column {column!r}: " if column is not None else ""
        raise InputError(
            f"{where}the text {error.object[:40]!r} holds a lone surrogate at character "
            f"{error.start}, which is no Unicode text; replace it, for example by "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
        ) from error
