"""Records with known answers: pairs with a score, pairs and triplets, texts with a label."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embedpipe.errors import InputError
from embedpipe.evaluation.columns import Columns, Task
from embedpipe.files.input_options import InputOptions

__all__ = ["Examples", "read_examples"]


@dataclass(frozen=True)
class Examples:
    """n records with known answers.

    source: what they are called. texts: a list of n for each column of texts: two of similarity;
    anchors, positives and perhaps negatives of retrieval (an empty negative is none); else one.
    scores: of similarity, n finite numbers. labels: of the two others, n texts. passed_over: how
    many records of a file had no text, an empty one, or no answer.

    Raises InputError for columns of different lengths, for none, and for other scores.
    """

    source: str
    task: Task
    texts: tuple[list[str], ...]
    scores: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    passed_over: int = 0

    def __post_init__(self) -> None:
        columns: list[Sequence[Any]] = [*self.texts]
        if self.task == "similarity":
            columns.append(self.scores)
        elif self.task != "retrieval":
            columns.append(self.labels)
        lengths = sorted({len(column) for column in columns})
        if len(lengths) > 1:
            raise InputError(
                f"{self.source}: columns of {' and '.join(map(str, lengths))} values; expected "
                "equally many"
            )
        if not len(self):
            raise InputError(
                f"{self.source}: no record has texts and an answer; {self.passed_over} were passed "
                "over, as a text or the answer is missing or empty"
            )
        if not all(map(math.isfinite, self.scores)):
            raise InputError(f"{self.source}: a score is no finite number; leave it out")

    def __len__(self) -> int:
        return len(self.texts[0])

    @classmethod
    def similarity(
        cls, first: Sequence[str], second: Sequence[str], scores: Sequence[float]
    ) -> Examples:
        """Pairs with a score, as in `sentence1`, `sentence2`, `score` of a file.

        >>> len(Examples.similarity(["A cat sits."], ["A kitten sits."], [4.5]))
        1
        """
        return cls("pairs", "similarity", (list(first), list(second)), tuple(map(float, scores)))

    @classmethod
    def retrieval(
        cls, anchors: Sequence[str], positives: Sequence[str], *negatives: Sequence[str]
    ) -> Examples:
        """Texts and what each should find, among all positives and negatives.

        >>> len(Examples.retrieval(["What eases a headache?"], ["Painkillers help against it."]))
        1
        """
        return cls("pairs", "retrieval", (list(anchors), list(positives), *map(list, negatives)))

    @classmethod
    def labeled(
        cls, texts: Sequence[str], labels: Sequence[Any], task: Task = "classification"
    ) -> Examples:
        """Texts, each with a label.

        >>> Examples.labeled(["late again", "so kind"], [0, 1]).labels
        ('0', '1')
        """
        return cls("texts", task, (list(texts),), labels=tuple(map(str, labels)))

    def part(self, rows: Sequence[int], name: str) -> Examples:
        """These rows alone, called by another name."""
        return replace(
            self,
            source=name,
            texts=tuple([column[row] for row in rows] for column in self.texts),
            scores=tuple(self.scores[row] for row in rows) if self.scores else (),
            labels=tuple(self.labels[row] for row in rows) if self.labels else (),
            passed_over=0,
        )


def read_examples(
    source: str | os.PathLike[str],
    *,
    task: Task | None = None,
    columns: Sequence[str] | None = None,
    reading: InputOptions | None = None,
) -> Examples:
    """Read a file of CSV, TSV, JSON Lines, JSON, Parquet or Arrow.

    task: None takes the one that the columns' names tell, see `columns`. columns: their names, in
    the order of the task, where they are not the usual ones. Records without a text, with an empty
    one or without an answer are passed over, and counted.

    Raises ColumnError where columns are missing, InputError for a score that is no finite number
    (with its place) and for a file without records, ParameterError for another task.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mails.csv")
    ...     _ = path.write_text("text,label\\nlate again,complaint\\nso kind,praise\\n,praise\\n")
    ...     found = read_examples(path)
    >>> found.task, found.texts, found.labels, found.passed_over
    ('classification', (['late again', 'so kind'],), ('complaint', 'praise'), 1)
    """
    columns_ = Columns.of(str(source), task, columns, reading or InputOptions())
    task, names = columns_.task, columns_.names
    answer_name = None if task == "retrieval" else names[-1]
    text_names = names if answer_name is None else names[:-1]
    texts: list[tuple[str, ...]] = []
    answers: list[Any] = []
    passed_over = 0
    for place, record in _records(columns_):
        row = tuple(_text(record[name], name, place) for name in text_names)
        answer = None if answer_name is None else record[answer_name]
        if not all(row[:2]) or (answer_name is not None and answer in (None, "")):
            passed_over += 1
            continue
        texts.append(row)
        answers.append(_number(answer, place) if task == "similarity" else str(answer))
    return Examples(
        str(source),
        task,
        tuple(map(list, zip(*texts, strict=True))) or ([],) * len(text_names),
        tuple(answers) if task == "similarity" else (),
        tuple(answers) if task in ("classification", "clustering") else (),
        passed_over,
    )


def _records(columns: Columns) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each record is, for errors, and its values by the names of columns."""
    for batch in columns.inputs.batches():
        rows = batch.records.select(list(dict.fromkeys(columns.names))).to_pylist()
        for i, row in enumerate(rows):
            number = batch.first_row + i if batch.lines is None else batch.lines[i]
            yield f"{batch.source}, {'row' if batch.lines is None else 'line'} {number}", row


def _text(value: Any, name: str, place: str) -> str:
    """The text; an empty one for none, and for white space."""
    if value is not None and not isinstance(value, str):
        raise InputError(f"{place}: {name} is {value!r:.60}; expected a text")
    return "" if value is None or value.isspace() else value


def _number(value: Any, place: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{place}: the score is {value!r:.60}; expected a finite number")
    return number
