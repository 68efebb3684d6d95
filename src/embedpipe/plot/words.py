"""The words of one sentence, and for each the words of a corpus that mean alike in context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.encoder import Encoder
from embedpipe.engine.architecture import ARCHITECTURES
from embedpipe.errors import InputError, ParameterError
from embedpipe.output import AtomicFile
from embedpipe.pipeline.pipeline import Pipeline
from embedpipe.plot.page import check_picture_output, page
from embedpipe.plot.projection import unit_rows
from embedpipe.stages import STAGES, DocumentAssembler, Tokenizer
from embedpipe.stages.bases.word_embeddings import WordEmbeddings

__all__ = ["Neighbor", "Word", "draw_words", "words_with_neighbors"]

_BATCH = 256


@dataclass(frozen=True)
class Neighbor:
    """A word of a corpus: its cosine, and its place in the text that holds it, end excluded."""

    score: float
    word: str
    text: str
    begin: int
    end: int


@dataclass(frozen=True)
class Word:
    """A word of the sentence, where it stands (end excluded), and its neighbors, nearest first."""

    word: str
    begin: int
    end: int
    neighbors: list[Neighbor]


def words_with_neighbors(
    sentence: str, corpus: Sequence[str], *, encoder: Encoder, k: int = 8
) -> list[Word]:
    """The words of a sentence, each with the k nearest ones of a corpus, one of each text.

    Words are those of the stage Tokenizer, their vectors those of the model's word embeddings, in
    context. All of the corpus's are in memory. Raises InputError for a sentence without words, or a
    corpus without.

    >>> encoder = Encoder.load()
    >>> corpus = ["He sat on the river's bank.", "She opened an account at a bank."]
    >>> found = words_with_neighbors("The bank lent me money.", corpus, encoder=encoder, k=1)
    >>> found[1].word, found[1].neighbors[0].text
    ('bank', 'She opened an account at a bank.')
    """
    if k < 1:
        raise ParameterError(f"k: found {k}; expected a number of at least 1")
    asked = _words([sentence], encoder)
    there = _words(corpus, encoder)
    if not asked.words:
        raise InputError(f"the sentence {sentence!r:.80} has no words")
    if not there.words:
        raise InputError("the corpus has no words to compare with")
    cosines = unit_rows(asked.vectors) @ unit_rows(there.vectors).T
    found = []
    for row, (_, word, begin, end) in enumerate(asked.words):
        neighbors: dict[int, Neighbor] = {}
        for place in np.argsort(-cosines[row], kind="stable").tolist():
            text, other, first, last = there.words[place]
            if text not in neighbors:
                score = float(min(cosines[row, place], 1))
                neighbors[text] = Neighbor(score, other, corpus[text], first, last)
            if len(neighbors) == k:
                break
        found.append(Word(word, begin, end, list(neighbors.values())))
    return found


def draw_words(
    sentence: str, words: Sequence[Word], output: str | Path, *, overwrite: bool = False
) -> None:
    """Write a page on which a click on a word of the sentence shows its neighbors in context.

    Raises OutputError where it cannot be written.
    """
    check_picture_output(output, overwrite=overwrite, kinds=(".html",))
    data = {
        "sentence": sentence,
        "words": [
            {
                "begin": word.begin,
                "end": word.end,
                "neighbors": [
                    [round(each.score, 4), each.text, each.begin, each.end]
                    for each in word.neighbors
                ],
            }
            for word in words
        ],
    }
    with AtomicFile(Path(output), replace=overwrite) as file:
        file.write(page("Words in context", "words", data).encode("utf-8"))


@dataclass(frozen=True)
class _Words:
    """Words as (number of their text, word, begin, end), and their vectors."""

    words: list[tuple[int, str, int, int]]
    vectors: npt.NDArray[np.float32]


def _words(texts: Sequence[str], encoder: Encoder) -> _Words:
    names = ARCHITECTURES[encoder.config.architecture].annotators
    stage: Any = next(s for s in STAGES if s.__name__ in names and issubclass(s, WordEmbeddings))
    pipeline = Pipeline(
        stages=[
            DocumentAssembler(inputCol="text", outputCol="document", cleanupMode="disabled"),
            Tokenizer(inputCols=["document"], outputCol="token"),
            stage(encoder, inputCols=["document", "token"], outputCol="vectors"),
        ]
    ).fit()
    words: list[tuple[int, str, int, int]] = []
    width = encoder.config.hidden_size
    vectors = [np.zeros((0, width), np.float32)]
    for first in range(0, len(texts), _BATCH):
        part = list(texts[first : first + _BATCH])
        (made,) = pipeline.transform_batches(
            [pa.record_batch({"text": pa.array(part, pa.string())})]
        )
        column = made["vectors"]
        rows = column.flatten()
        values = np.asarray(rows.field("embeddings").flatten(), np.float32)
        vectors.append(values.reshape(len(rows), width))
        begins, ends = rows.field("begin").to_pylist(), rows.field("end").to_pylist()
        owners = np.repeat(np.arange(len(part)), column.value_lengths().to_numpy(False)).tolist()
        for owner, begin, end in zip(owners, begins, ends, strict=True):
            text = part[owner]
            start, stop = _characters(text, begin), _characters(text, end + 1)
            words.append((first + owner, text[start:stop], start, stop))
    return _Words(words, np.concatenate(vectors))


def _characters(text: str, units: int) -> int:
    """How many characters the first UTF-16 units of a text are, which annotations count."""
    if text.isascii():
        return units
    return len(
        text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "replace")
    )
