"""One annotation as an object; stages never make any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._showing import html_cell, html_table, vector_text

__all__ = ["Annotation"]


@dataclass(slots=True, eq=False, repr=False)
class Annotation:
    """One annotation with Spark NLP's fields, in the order of its constructor.

    `begin` and `end` count UTF-16 units into the document; `end` is the last unit, so an empty
    text is 0 to -1. `embeddings` is a float32 array (dimension,), or empty where there is none.
    Fields are read as attributes or, as of a Spark `Row`, by name in brackets.

    >>> token = Annotation("token", 0, 4, "Hello", {"sentence": "0"})
    >>> print(token)
    Annotation(token, 0, 4, Hello, {'sentence': '0'}, [])
    >>> token.copy("hello")["result"]
    'hello'
    """

    annotatorType: str
    begin: int
    end: int
    result: str | None
    metadata: dict[str, str | None]
    embeddings: Sequence[float] | npt.NDArray[np.float32] = field(default_factory=list)

    @property
    def annotator_type(self) -> str:
        """The same as `annotatorType`, by the name that Spark NLP's earlier releases used."""
        return self.annotatorType

    def copy(self, result: str) -> Annotation:
        """The same annotation with another `result`."""
        return Annotation(
            self.annotatorType, self.begin, self.end, result, self.metadata, self.embeddings
        )

    def asDict(self) -> dict[str, Any]:
        """The six fields by name, as Spark's `Row.asDict` gives them."""
        return {name: getattr(self, name) for name in Annotation.__slots__}

    @staticmethod
    def fromRow(row: Any) -> Annotation:
        """An annotation from a Spark `Row`, a dict or anything with the six fields as attributes.

        Metadata may be a dict or, as Arrow gives it, pairs of key and value; null stands for none
        of it, or of numbers.

        >>> Annotation.fromRow(Annotation("token", 0, 1, "Hi", {}).asDict()).end
        1
        """
        values = {
            name: row[name] if isinstance(row, Mapping) else getattr(row, name)
            for name in Annotation.__slots__
        }
        values["metadata"] = dict(values["metadata"] or ())
        values["embeddings"] = [] if values["embeddings"] is None else values["embeddings"]
        return Annotation(**values)

    def __getitem__(self, name: str) -> Any:
        if name not in Annotation.__slots__:
            raise KeyError(f"{name!r}; an annotation has {', '.join(Annotation.__slots__)}")
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Annotation):
            return NotImplemented
        mine, theirs = self.asDict(), other.asDict()
        vectors = mine.pop("embeddings"), theirs.pop("embeddings")
        return mine == theirs and bool(np.array_equal(*vectors))

    __hash__ = None  # type: ignore[assignment]  # its fields can change, so it is no dictionary key

    def __repr__(self) -> str:
        fields = {**self.asDict(), "embeddings": vector_text(self.embeddings)}
        return "Annotation({}, {}, {}, {}, {}, {})".format(*fields.values())

    def _repr_html_(self) -> str:
        shown = {**self.asDict(), "embeddings": vector_text(self.embeddings)}
        del shown["annotatorType"]
        rows = [[html_cell(name, code=True), html_cell(value)] for name, value in shown.items()]
        return html_table(f"Annotation: {self.annotatorType}", ["field", "value"], rows)
