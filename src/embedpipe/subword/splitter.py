"""What cuts texts into piece ids, and the one that leaves it to the Hugging Face `tokenizers`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import end_to_end
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ModelFormatError

__all__ = [
    "Spans",
    "Splitter",
    "TextSplitter",
    "TokenizersSplitter",
    "WordwiseSplitter",
    "as_ragged",
    "failures_named",
]

_PARALLELISM = "TOKENIZERS_PARALLELISM"


class Splitter(Protocol):
    """Cuts texts without surrogates into pieces."""

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        ...


class Spans(NamedTuple):
    """Piece ids of texts, and the characters that each stands for: begins, ends int64 (T,)."""

    ids: Ragged
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


class TextSplitter(Splitter, Protocol):
    """A splitter that can also tell where in a text each piece comes from."""

    def spans(self, texts: Sequence[str]) -> Spans:
        """The same pieces as `split` gives, with their places."""
        ...


class TokenizersSplitter:
    """A `tokenizers.Tokenizer` that neither pads nor truncates.

    It is parallel over the texts of a call, outside of the GIL; `tokenizers` takes its number of
    threads from `RAYON_NUM_THREADS` and `TOKENIZERS_PARALLELISM`.
    """

    def __init__(self, tokenizer: Any, *, source: str) -> None:
        """Keep the tokenizer; `source` names its file in errors."""
        self._tokenizer = tokenizer
        self._source = source
        _silence_fork_warning()

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        with failures_named(f"{self._source} made the tokenizers package fail on a text"):
            encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return as_ragged(encoding.ids for encoding in encodings)

    def spans(self, texts: Sequence[str]) -> Spans:
        """The same pieces, with the characters that they stand for."""
        with failures_named(f"{self._source} made the tokenizers package fail on a text"):
            encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        places, _ = end_to_end(encoding.offsets for encoding in encodings)
        begins, ends = np.array(places, np.int64).reshape(-1, 2).T
        return Spans(as_ragged(encoding.ids for encoding in encodings), begins, ends)


class WordwiseSplitter:
    """Cuts texts into words, and leaves those to another splitter."""

    def __init__(self, cut: Callable[[str], Sequence[str]], words: Splitter) -> None:
        """Keep what finds the words of a text, and what splits them."""
        self._cut = cut
        self._words = words

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, those of its words one after the other."""
        words, ends = end_to_end(map(self._cut, texts))
        pieces = self._words.split(words)
        return Ragged(pieces.values, pieces.offsets[ends])


@contextmanager
def failures_named(finding: str) -> Iterator[None]:
    """Make a ModelFormatError that begins with `finding` of what `tokenizers` raises for a model.

    That is Exception itself (a file it cannot read, unknown text and no piece for it) and, for a
    panic in Rust (damaged rules of normalization), a class that cannot be imported and derives from
    BaseException.
    """
    try:
        yield
    except BaseException as error:
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise ModelFormatError(f"{finding}: {error}. Get an undamaged copy") from error


def as_ragged(rows: Iterable[Sequence[int]]) -> Ragged:
    """Piece ids of each text end to end, as int32."""
    ids, offsets = end_to_end(rows)
    return Ragged(np.array(ids, np.int32), offsets)


@cache
def _silence_fork_warning() -> None:
    """Make a forked child read text serially, without the warning that tokenizers would print.

    The child cannot use its parent's threads. Left alone, tokenizers comes to the same conclusion,
    but before 0.23 prints advice about an environment variable that the user never touched.
    """
    if not hasattr(os, "register_at_fork"):
        return
    set_here = []

    def before() -> None:
        if _PARALLELISM not in os.environ:
            os.environ[_PARALLELISM] = "false"
            set_here.append(True)

    def after_in_parent() -> None:
        if set_here:
            set_here.clear()
            del os.environ[_PARALLELISM]

    os.register_at_fork(before=before, after_in_parent=after_in_parent)
