"""Wrong answers that are hard to tell from right ones, found by our search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from embedpipe.embedding.exact import search
from embedpipe.encoder import Encoder
from embedpipe.encoder.similarity import pairwise
from embedpipe.errors import InputError
from embedpipe.evaluation import Examples

__all__ = ["with_hard_negatives"]

_MARGIN = 0.95
"""A wrong answer may be at most so near as the right one times this, or it may be right, too."""

_LOOKED_AT = 30  # of the nearest answers, beyond those that are asked for


def with_hard_negatives(
    examples: Examples, encoder: Encoder, count: int, *, progress: bool = False
) -> Examples:
    """Pairs, each with `count` more answers: the nearest of other pairs that are not right.

    The negatives that are there already stay. What is nearer than 0.95 of the right answer's cosine
    counts as right (Moreira et al., NV-Retriever, 2024). A pair for which there are fewer gets
    empty ones, which stand for none.

    Raises InputError where there are no more answers than are asked for.
    """
    anchors, positives, *negatives = examples.texts
    documents = list(dict.fromkeys(positives))
    if len(documents) <= count:
        raise InputError(
            f"{examples.source}: found {len(documents)} different answers; expected more than the "
            f"{count} wrong ones that each pair is to get; ask for fewer"
        )
    places = {text: row for row, text in enumerate(documents)}
    queries = {text: row for row, text in enumerate(dict.fromkeys(anchors))}
    right: dict[str, set[int]] = {text: set() for text in queries}
    for anchor, positive in zip(anchors, positives, strict=True):
        right[anchor].add(places[positive])
    asked = encoder.encode_query(list(queries), progress=progress)
    answers = encoder.encode_document(documents, progress=progress)
    found = search(answers, asked, k=min(len(documents), count + _LOOKED_AT))
    columns: list[list[str]] = [[] for _ in range(count)]
    for anchor, positive in zip(anchors, positives, strict=True):
        query = queries[anchor]
        rows, scores = found.rows[query], found.scores[query]
        own = _cosine(asked[query], answers[places[positive]])
        wrong = [
            documents[row]
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
            if row >= 0 and row not in right[anchor] and score <= own * _MARGIN
        ]
        for number, column in enumerate(columns):
            column.append(wrong[number] if number < len(wrong) else "")
    return replace(examples, texts=(anchors, positives, *negatives, *columns))


def _cosine(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    return float(pairwise(first.astype(np.float64), second.astype(np.float64))[0])
