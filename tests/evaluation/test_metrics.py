"""Measures of vectors against scikit-learn's, SciPy's and those counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import ndcg_score

from embedpipe.errors import InputError
from embedpipe.evaluation import metrics

RANDOM = np.random.default_rng(5)


def test_similarity_is_the_correlation_of_cosines() -> None:
    first, second = RANDOM.normal(size=(2, 60, 8))
    scores = RANDOM.integers(0, 5, 60).tolist()  # with ties
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = (first * second).sum(axis=1) / lengths
    found = metrics.similarity(first, second, scores)
    assert found["spearman"] == pytest.approx(spearmanr(cosines, scores)[0], abs=1e-12)
    assert found["pearson"] == pytest.approx(pearsonr(cosines, scores)[0], abs=1e-12)


def test_vectors_that_tell_nothing_apart_correlate_with_nothing() -> None:
    same = np.ones((3, 4))
    assert metrics.similarity(same, same, [1, 2, 3]) == {"spearman": 0, "pearson": 0}


def test_scores_that_are_all_the_same_have_no_correlation() -> None:
    with pytest.raises(InputError, match=r"x\.csv: all 3 scores are 2; expected at least two"):
        metrics.check_scores([2, 2, 2], "x.csv")


def test_retrieval_counts_as_by_hand() -> None:
    """The order of documents is 0, 1, 2 for the first query and 2, 1, 0 for the second."""
    documents = np.array([[1, 0.0], [1, 1], [0, 1]])
    queries = np.array([[1, 0.1], [0.1, 1]])
    found = metrics.retrieval(queries, documents, [{0, 2}, {1}])
    assert found["accuracy@1"] == 0.5
    assert found["recall@1"] == (0.5 + 0) / 2
    assert found["recall@5"] == found["recall@10"] == 1
    assert found["mrr@10"] == (1 + 1 / 2) / 2
    second = 1 / np.log2(3)
    assert found["ndcg@10"] == pytest.approx(((1 + 1 / 2) / (1 + second) + second) / 2)


def test_ndcg_is_that_of_scikit_learn() -> None:
    queries, documents = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(50, 6))
    relevant = [set(RANDOM.choice(50, RANDOM.integers(1, 14), replace=False)) for _ in queries]
    truth = np.array([[row in rows for row in range(50)] for rows in relevant], float)
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (queries, documents)]
    expected = ndcg_score(truth, unit[0] @ unit[1].T, k=10)
    found = metrics.retrieval(queries, documents, relevant)
    assert found["ndcg@10"] == pytest.approx(expected, abs=1e-12)


def test_a_split_takes_a_fifth_of_each_label_and_keeps_to_its_seed() -> None:
    labels = ["a"] * 50 + ["b"] * 25
    train, test = metrics.split(labels, "x", seed=3)
    assert sorted(train + test) == list(range(75))
    assert [labels[row] for row in test].count("a") == 10
    assert len(test) == 15
    assert (train, test) == metrics.split(labels, "x", seed=3)
    assert test != metrics.split(labels, "x", seed=4)[1]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "a", "a"], r"x\.csv: all 3 labels are 'a'; expected at least two classes"),
        (["a", "a", "b"], r"x\.csv: the label 'b' stands at 1 record; expected at least 2 of each"),
    ],
)
def test_labels_that_cannot_be_split(labels: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        metrics.split(labels, "x.csv", seed=0)


def test_a_probe_learns_what_a_line_can_tell() -> None:
    vectors = RANDOM.normal(size=(200, 4))
    labels = ["right" if x > 0 else "left" for x in vectors[:, 0]]
    found = metrics.probe(vectors[:150], labels[:150], vectors[150:], labels[150:], seed=0)
    assert found["accuracy"] > 0.9 > found["majority"]
    shuffled = [labels[i] for i in RANDOM.permutation(150)]
    other = metrics.probe(vectors[:150], shuffled, vectors[150:], labels[150:], seed=0)
    assert other["accuracy"] < 0.8


def test_clusters_that_are_the_labels_measure_one() -> None:
    centers = np.eye(3)[[0, 1, 2] * 10]
    vectors = centers + RANDOM.normal(scale=0.01, size=centers.shape)
    labels = ["one", "two", "three"] * 10
    assert metrics.clustering(vectors, labels, seed=0)["v_measure"] == pytest.approx(1)
    wrong = metrics.clustering(vectors, sorted(labels), seed=0)["v_measure"]
    assert wrong < 0.2
