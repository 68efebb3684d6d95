"""What a task measures, by whatever gives vectors: our engine, or a model that is learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy.typing as npt

from embedpipe.errors import ParameterError
from embedpipe.evaluation import metrics
from embedpipe.evaluation.columns import Task
from embedpipe.evaluation.examples import Examples

__all__ = ["MAIN", "Measurement", "Role", "Vectors"]

Role = Literal["text", "query", "document"]

MAIN: dict[Task, str] = {
    "similarity": "spearman",
    "retrieval": "ndcg@10",
    "classification": "accuracy",
    "clustering": "v_measure",
}
"""The measure of each task that tells which model is the best."""


class Vectors(Protocol):
    """Texts to vectors (n, D); the role tells which prompt is put before them."""

    def __call__(self, texts: list[str], role: Role) -> npt.NDArray[Any]:
        """The vectors of distinct texts."""


@dataclass(frozen=True)
class Measurement:
    """Data that was checked: for a probe, what it learns from and what it is tested on."""

    examples: Examples
    learned: Examples | None
    seed: int

    @classmethod
    def of(cls, examples: Examples, learned: Examples | None = None, *, seed: int) -> Measurement:
        """With the split of a classification, where it learns from no other data.

        Raises InputError for what measures nothing, ParameterError where `learned` says nothing.
        """
        if learned is not None and (examples.task, learned.task) != ("classification",) * 2:
            raise ParameterError(
                f"{learned.source}: only a classification learns from other data; "
                f"{examples.source} is {examples.task}; leave it out"
            )
        if examples.task == "similarity":
            metrics.check_scores(examples.scores, examples.source)
        if examples.task == "clustering":
            metrics.check_labels(examples.labels, examples.source)
        if examples.task != "classification":
            return cls(examples, None, seed)
        if learned is not None:
            metrics.check_labels(learned.labels, learned.source)
            return cls(examples, learned, seed)
        train, test = metrics.split(examples.labels, examples.source, seed=seed)
        held_out = replace(examples.part(test, examples.source), passed_over=examples.passed_over)
        return cls(held_out, examples.part(train, examples.source), seed)

    def by(self, vectors: Vectors) -> dict[str, float]:
        """The measures of these vectors."""
        examples = self.examples
        if examples.task == "similarity":
            first, second = _each_once(vectors, examples.texts)
            return metrics.similarity(first, second, examples.scores)
        if examples.task == "retrieval":
            return self._retrieval(vectors)
        if self.learned is None:
            found = _each_once(vectors, examples.texts)[0]
            return metrics.clustering(found, examples.labels, seed=self.seed)
        known, tested = _each_once(vectors, [self.learned.texts[0], examples.texts[0]])
        labels = self.learned.labels
        return metrics.probe(known, labels, tested, examples.labels, seed=self.seed)

    def _retrieval(self, vectors: Vectors) -> dict[str, float]:
        """All positives and negatives are searched; equal texts are one."""
        anchors, positives, *negatives = self.examples.texts
        queries = {text: row for row, text in enumerate(dict.fromkeys(anchors))}
        others = (text for column in negatives for text in column if text)
        documents = {text: row for row, text in enumerate(dict.fromkeys((*positives, *others)))}
        relevant: list[set[int]] = [set() for _ in queries]
        for anchor, positive in zip(anchors, positives, strict=True):
            relevant[queries[anchor]].add(documents[positive])
        asking = vectors(list(queries), "query")
        return metrics.retrieval(asking, vectors(list(documents), "document"), relevant)


def _each_once(vectors: Vectors, columns: Iterable[list[str]]) -> list[npt.NDArray[Any]]:
    """The vectors (n, D) of each column; a text that stands several times is embedded once."""
    columns = list(columns)
    texts = dict.fromkeys(text for column in columns for text in column)
    places = {text: row for row, text in enumerate(texts)}
    found = vectors(list(places), "text")
    return [found[[places[text] for text in column]] for column in columns]
