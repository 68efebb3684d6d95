"""Lays the pieces of words end to end, and cuts them into the sequences that an encoder reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of, ranges
from embedpipe.engine.ragged import Ragged

__all__ = ["Layout", "Parts", "Sequences", "join", "lay_out", "truncated", "windows"]

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """All pieces of n sentences end to end, T in all, without [CLS] and [SEP].

    - `pieces`: int32 ids (T,), sentence by sentence
    - `first`: int64 (words,), the place in `pieces.values` of each word's first piece, or -1 where
      the word has none or stands outside of all sentences
    - `counts`: int64 (words,), how many pieces each word has there
    """

    pieces: Ragged
    first: Int64
    counts: Int64


@dataclass(frozen=True)
class Parts:
    """The p stretches of a layout that an encoder reads one by one; all int64 (p,).

    - `sentences`: the sentence that each lies in, ascending
    - `begins`, `lengths`: where it begins among all pieces, and how many it has
    - `own_begins`, `own_ends`: the pieces whose vectors are taken from it
    """

    sentences: Int64
    begins: Int64
    lengths: Int64
    own_begins: Int64
    own_ends: Int64


@dataclass(frozen=True)
class Sequences:
    """Sequences ready for an encoder, and where in them each piece of the layout stands.

    - `pieces`: int32 ids, [CLS] and [SEP] included, one sequence per part
    - `places`: int64 (T,), the place in `pieces.values` of each piece of the layout, or -1 where it
      is left out
    """

    pieces: Ragged
    places: Int64


def lay_out(
    word_pieces: Ragged,
    words: npt.NDArray[np.integer[Any]],
    sentences: Int64,
    sentence_count: int,
) -> Layout:
    """Lay out the pieces of a text's words.

    - `word_pieces`: the pieces of each distinct word
    - `words` (n,): which distinct word stands at each place of the text
    - `sentences` (n,): the sentence it stands in, or -1 for a word outside of all, left out

    >>> word_pieces = Ragged.from_sequences([[7], [8, 9]], np.int32)
    >>> layout = lay_out(word_pieces, np.array([0, 1, 1]), np.array([0, 0, 2]), 3)
    >>> [ids.tolist() for ids in layout.pieces], layout.first.tolist(), layout.counts.tolist()
    ([[7, 8, 9], [], [8, 9]], [0, 1, 3], [1, 2, 2])
    """
    sentence_of = np.where(sentences < 0, sentence_count, sentences)
    order = np.argsort(sentence_of, kind="stable")  # those outside of all come last
    words, sentence_of = words[order], sentence_of[order]
    lengths = np.where(sentence_of < sentence_count, word_pieces.lengths[words], 0)
    begins = np.cumsum(lengths) - lengths
    values = word_pieces.values[ranges(word_pieces.offsets[words], lengths)]
    totals = np.bincount(sentence_of, lengths, minlength=sentence_count + 1)[:sentence_count]
    first = np.empty(len(words), dtype=np.int64)
    counts = np.empty(len(words), dtype=np.int64)
    first[order], counts[order] = np.where(lengths > 0, begins, -1), lengths
    return Layout(Ragged(values, offsets_of(totals.astype(np.int64))), first, counts)


def truncated(offsets: Int64, limit: int, *, keep_empty: bool = False) -> Parts:
    """The first `limit` pieces of each sentence that has pieces; `offsets` (n + 1,) of sentences.

    With `keep_empty`, sentences without pieces have a part too: [CLS] [SEP].
    """
    lengths = np.minimum(np.diff(offsets), limit)
    chosen = np.arange(len(lengths)) if keep_empty else np.flatnonzero(np.diff(offsets))
    begins, lengths = offsets[:-1][chosen], lengths[chosen]
    return Parts(chosen, begins, lengths, begins, begins + lengths)


def windows(offsets: Int64, limit: int, *, keep_empty: bool = False) -> Parts:
    """Each sentence in windows of at most `limit` pieces that overlap by half, at least 1.

    A sentence that fits is one window. Otherwise the last window ends where the sentence does, and
    a piece's vector is taken from the window in which the nearer end is farthest, the earlier one
    of two.

    >>> parts = windows(np.array([0, 7]), 4)
    >>> parts.begins.tolist(), parts.own_begins.tolist(), parts.own_ends.tolist()
    ([0, 2, 3], [0, 3, 5], [3, 5, 7])
    """
    totals = np.diff(offsets)
    step = max(limit // 2, 1)
    counts = np.where(totals > limit, -(-(totals - limit) // step) + 1, 1)
    if not keep_empty:
        counts[totals == 0] = 0
    sentences = np.repeat(np.arange(len(totals)), counts)
    number = ranges(np.zeros_like(counts), counts)
    lengths = np.minimum(totals, limit)[sentences]
    ends_of_sentences = offsets[1:][sentences]
    begins = np.minimum(offsets[:-1][sentences] + number * step, ends_of_sentences - lengths)
    # Halfway between the middles of two neighbors, either end is as far away in both.
    switches = (begins[:-1] + begins[1:] + lengths[1:] - 1) // 2 + 1
    same = sentences[:-1] == sentences[1:]
    own_begins, own_ends = begins.copy(), ends_of_sentences.copy()
    own_begins[1:][same] = switches[same]
    own_ends[:-1][same] = switches[same]
    return Parts(sentences, begins, lengths, own_begins, own_ends)


def join(pieces: Ragged, parts: Parts, *, cls_id: int, sep_id: int) -> Sequences:
    """Each part of sentences' pieces between [CLS] and [SEP].

    >>> pieces = Ragged.from_sequences([[7, 8, 9]], np.int32)
    >>> sequences = join(pieces, truncated(pieces.offsets, 2), cls_id=1, sep_id=2)
    >>> [ids.tolist() for ids in sequences.pieces], sequences.places.tolist()
    ([[1, 7, 8, 2]], [1, 2, -1])
    """
    values = pieces.values
    offsets = offsets_of(parts.lengths + 2)
    ids = np.empty(offsets[-1], dtype=np.int32)
    ids[offsets[:-1]], ids[offsets[1:] - 1] = cls_id, sep_id
    targets = ranges(offsets[:-1] + 1, parts.lengths)
    owned = parts.own_ends - parts.own_begins
    if len(targets) == len(values) and (owned == parts.lengths).all():  # every piece, once
        ids[targets] = values
        return Sequences(Ragged(ids, offsets), targets)
    ids[targets] = values[ranges(parts.begins, parts.lengths)]
    places = np.full(len(values), -1, dtype=np.int64)
    own_places = offsets[:-1] + 1 + parts.own_begins - parts.begins
    places[ranges(parts.own_begins, owned)] = ranges(own_places, owned)
    return Sequences(Ragged(ids, offsets), places)
