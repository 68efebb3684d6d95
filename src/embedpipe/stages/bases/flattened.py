"""What Spark NLP 5.5.3 takes for sentence vectors where a model's output is a sequence.

It reads the output called `last_hidden_state`, lays all of its numbers end to end and divides them
by the size of the batch. So a sentence's vector is the vectors of all its pieces one after the
other, then those of the padding up to the longest sentence of its batch. Nobody attends to padding,
but it attends to the pieces, and so has vectors too. Kept for those who depend on such vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of
from embedpipe.engine.ragged import Ragged

if TYPE_CHECKING:
    from embedpipe.encoder import Encoder
    from embedpipe.engine.reference import ReferenceEncoder
    from embedpipe.formats.model import Model

__all__ = ["flattened", "padded_rows"]

_PADDING = 0  # the piece that Spark NLP pads with, whatever the vocabulary

Int64 = npt.NDArray[np.int64]


def flattened(encoder: Encoder, pieces: Ragged, rows: Int64, batch_size: int) -> Ragged:
    """Vectors of sentences, float32 end to end, of hidden size times padded length numbers each.

    - `pieces`: of each of n sentences, [CLS] and [SEP] included
    - `rows` int64 (n,): the row of each, ascending; Spark NLP takes `batch_size` rows at a time,
      and of their sentences as many

    Padding is not known to the engine; sentences that have some go through the reference, slowly.
    """
    padded = _padded_lengths(pieces.lengths, rows, batch_size)
    hidden = encoder.hidden_states(pieces)
    found = []
    for ids, vectors, length in zip(pieces, hidden, padded, strict=True):
        if length == len(ids):
            found.append(vectors.ravel())
            continue
        padded_ids = np.full(length, _PADDING, dtype=np.int32)
        padded_ids[: len(ids)] = ids
        found.append(_reference(encoder).hidden_states_padded(padded_ids, len(ids)).ravel())
    values = np.concatenate(found, dtype=np.float32) if found else np.empty(0, np.float32)
    return Ragged(values, offsets_of(padded * encoder.hidden_size))


def padded_rows(vectors: Ragged) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Vectors of several lengths as rows (n, longest), zeros behind each, and their lengths (n,).

    >>> rows, lengths = padded_rows(Ragged.from_sequences([[1, 2], [3]], np.float32))
    >>> rows.tolist(), lengths.tolist()
    ([[1.0, 2.0], [3.0, 0.0]], [2, 1])
    """
    lengths = vectors.lengths.astype(np.int32)
    rows = np.zeros((len(lengths), lengths.max(initial=0)), dtype=np.float32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = vectors.values
    return rows, lengths


def _padded_lengths(lengths: Int64, rows: Int64, batch_size: int) -> Int64:
    """The largest length in the batch of each, int64 (n,).

    >>> _padded_lengths(np.array([3, 5, 4, 2]), np.array([0, 1, 1, 2]), 2).tolist()
    [5, 5, 4, 2]
    """
    groups = rows // batch_size
    first = np.searchsorted(groups, groups)
    batch = groups * (len(rows) + 1) + (np.arange(len(rows)) - first) // batch_size
    _, which = np.unique(batch, return_inverse=True)
    longest = np.zeros(len(lengths), dtype=np.int64)
    np.maximum.at(longest, which, lengths)
    return longest[which]


_references: WeakKeyDictionary[Model, ReferenceEncoder] = WeakKeyDictionary()
"""By what all encoders of a model share, and as long as there are any: float64 takes room."""


def _reference(encoder: Encoder) -> ReferenceEncoder:
    """The reference implementation, with the same weights."""
    model = encoder.model
    if model in _references:
        return _references[model]
    from embedpipe.engine.reference import ReferenceEncoder

    return _references.setdefault(model, ReferenceEncoder(model.config, model.weights))
