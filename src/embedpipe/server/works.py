"""What can be asked of a model, as kinds of work for `turns`: vectors of texts, and of pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedpipe.encoder import Encoder
from embedpipe.encoder.windows import estimated_pieces
from embedpipe.engine.pooling import Pooling
from embedpipe.engine.pooling import normalize as unit_rows
from embedpipe.engine.ragged import Ragged

__all__ = ["EmbedPieces", "EmbedTexts", "Embedded", "HiddenStates", "joined", "sizes_of"]


@dataclass(frozen=True)
class Embedded:
    """n vectors, float32 (n, dimension), and how many pieces each text had and has, int64 (n,)."""

    vectors: npt.NDArray[np.float32]
    pieces: npt.NDArray[np.int64]
    full_lengths: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: slice) -> Embedded:
        return Embedded(self.vectors[rows], self.pieces[rows], self.full_lengths[rows])

    def cut(self, size: int, *, normalize: bool) -> Embedded:
        """The same with the first numbers of each vector alone, of length 1 if that is asked."""
        kept = np.ascontiguousarray(self.vectors[:, :size])
        return replace(self, vectors=unit_rows(kept) if normalize else kept)


@dataclass(frozen=True)
class EmbedTexts:
    """One vector for each text. normalize: None as the model was published."""

    encoder: Encoder
    pooling: Pooling
    normalize: bool | None
    prompt: str

    def run(self, items: list[str]) -> Embedded:
        """Cut the texts into pieces and embed them, as `Encoder.encode` does."""
        batch = self.encoder.tokenize(items, prompt=self.prompt)
        if self.prompt and not self.encoder.prompts.pooled:
            vectors, _ = self.encoder.encode_counting(
                items, pooling=self.pooling, normalize=self.normalize, prompt=self.prompt
            )
        else:
            vectors = self.encoder.encode_pieces(
                batch.ids, pooling=self.pooling, normalize=self.normalize
            )
        return Embedded(vectors, batch.ids.lengths, batch.full_lengths)


@dataclass(frozen=True)
class EmbedPieces:
    """One vector for each sequence of piece ids, special pieces included."""

    encoder: Encoder
    pooling: Pooling
    normalize: bool | None

    def run(self, items: list[npt.NDArray[np.int32]]) -> Embedded:
        """Embed the sequences, as `Encoder.encode_pieces` does."""
        ids = Ragged.from_sequences(items, np.int32)
        vectors = self.encoder.encode_pieces(ids, pooling=self.pooling, normalize=self.normalize)
        return Embedded(vectors, ids.lengths, ids.lengths)


@dataclass(frozen=True)
class HiddenStates:
    """The last layer's vectors of each text's pieces: float32 (pieces, hidden size) per text."""

    encoder: Encoder
    prompt: str

    def run(self, items: list[str]) -> Sequence[tuple[int, npt.NDArray[np.float32]]]:
        """Of each text, how many pieces it had before it was cut, and the vectors."""
        batch = self.encoder.tokenize(items, prompt=self.prompt)
        states = self.encoder.hidden_states(batch.ids)
        return [(int(full), states[n]) for n, full in enumerate(batch.full_lengths)]


def joined(parts: Sequence[Embedded]) -> Embedded:
    """The parts of one job, end to end."""
    if len(parts) == 1:
        return parts[0]
    return Embedded(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.pieces for part in parts]),
        np.concatenate([part.full_lengths for part in parts]),
    )


def sizes_of(texts: Sequence[str], most: int) -> list[int]:
    """About how many pieces each text has, special ones included, where no more than `most` count.

    >>> sizes_of(["a short text", "long " * 1000], 512)
    [5, 512]
    """
    return [min(estimated_pieces(text), most) for text in texts]
