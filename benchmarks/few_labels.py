"""A classifier from few labels beside a bag of words: sections of Debian packages by summary.

python benchmarks/few_labels.py [--labels 200] [--head contrastive] [--model NAME]

Texts are what `apt-cache dumpavail` says of the packages that this machine knows of: public, and on
any Debian. Both learn from the same records, and are tested on the same others.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from embedpipe.sklearn import load_classifier
from embedpipe.train import TrainOptions, train

SECTIONS = (
    *("database", "editors", "fonts", "games", "graphics"),
    *("mail", "math", "science", "sound", "web"),
)
TESTED = 100  # of each section


def packages(sections: Collection[str] | None = SECTIONS) -> Iterator[tuple[str, str]]:
    """The summary and the section of each package of these sections, or of all."""
    listed = subprocess.run(
        ["apt-cache", "dumpavail"], check=True, capture_output=True, encoding="utf-8"
    ).stdout
    for paragraph in listed.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in paragraph.splitlines())
        section = fields.get("Section", "").rpartition("/")[2]
        summary = fields.get("Description") or fields.get("Description-en", "")
        if summary and (sections is None or section in sections):
            yield summary, section


def split(labels: int, seed: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """As many of each section to learn from, and others to test on; no summary twice."""
    drawn = random.Random(seed)
    of_section: dict[str, list[str]] = {section: [] for section in SECTIONS}
    for summary, section in sorted(dict(packages()).items()):
        of_section[section].append(summary)
    known, tested = [], []
    for section, summaries in of_section.items():
        drawn.shuffle(summaries)
        count = labels // len(SECTIONS)
        known += [(text, section) for text in summaries[:count]]
        tested += [(text, section) for text in summaries[count : count + TESTED]]
    return known, tested


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    """As CSV with the columns text and label."""
    texts, labels = zip(*rows, strict=True)
    csv.write_csv(pa.table({"text": texts, "label": labels}), path)
    return path


def accuracy(model: Any, rows: list[tuple[str, str]]) -> float:
    """The share of labels that are told rightly, times 100."""
    texts, labels = zip(*rows, strict=True)
    return 100 * float(model.score(list(texts), list(labels)))


def main() -> None:
    """Print the accuracy of both, for each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--head", default="frozen")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        known, tested = split(arguments.labels, seed)
        words = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10))
        texts, labels = zip(*known, strict=True)
        words.fit(list(texts), list(labels))
        with tempfile.TemporaryDirectory() as folder:
            data, made = write(Path(folder, "known.csv"), known), Path(folder, "made")
            options = TrainOptions(
                head=arguments.head, epochs=1, seed=seed, threads=arguments.threads, device="cpu"
            )
            train(arguments.model, data, made, options)
            ours = accuracy(load_classifier(made), tested)
        print(
            f"seed {seed}: {len(known)} labels, {len(tested)} tested: "
            f"bag of words {accuracy(words, tested):.1f}, {arguments.head} {ours:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
