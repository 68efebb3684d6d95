"""Measures of a trained model against sentence-transformers' own evaluators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator,
    InformationRetrievalEvaluator,
)

from embedpipe.evaluation import Examples, evaluate
from tests.support.model_folders import minilm_folder
from tests.support.stsb import read_pairs

PAIRS = Path(__file__).parents[2] / "data" / "stsb" / "sts-dev.csv"
ROWS = slice(None, None, 10)


@pytest.fixture(scope="module")
def peer() -> SentenceTransformer:
    return SentenceTransformer(str(minilm_folder()), device="cpu")


def test_similarity(peer: SentenceTransformer) -> None:
    first, second, scores = (column[ROWS] for column in read_pairs(PAIRS))
    theirs = EmbeddingSimilarityEvaluator(first, second, scores, main_similarity="cosine")(peer)
    ours = evaluate(minilm_folder(), Examples.similarity(first, second, scores))[0].metrics
    assert ours["spearman"] == pytest.approx(theirs["spearman_cosine"], abs=1e-4)
    assert ours["pearson"] == pytest.approx(theirs["pearson_cosine"], abs=1e-6)


def test_retrieval(peer: SentenceTransformer) -> None:
    """Texts with several answers, and answers of several texts."""
    first, second, _ = (column[ROWS] for column in read_pairs(PAIRS))
    random = np.random.default_rng(0)
    anchors = [*first, *(first[i] for i in random.integers(0, len(first), 40))]
    positives = [*second, *(second[i] for i in random.integers(0, len(second), 40))]
    ours = evaluate(minilm_folder(), Examples.retrieval(anchors, positives))[0].metrics
    queries = {text: text for text in anchors}
    relevant: dict[str, set[str]] = {text: set() for text in anchors}
    for anchor, positive in zip(anchors, positives, strict=True):
        relevant[anchor].add(positive)
    theirs = InformationRetrievalEvaluator(
        queries,
        {text: text for text in positives},
        relevant,
        accuracy_at_k=[1],
        precision_recall_at_k=[1, 5, 10],
    )(peer)
    for name in ("accuracy@1", "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"):
        assert ours[name] == pytest.approx(theirs[f"cosine_{name}"], abs=1e-9), name
