"""Students of a task's teacher, by how many texts without labels they learned from.

python benchmarks/teacher_data.py -o out/recipe [--steps 100] [--sizes L2_H128 ...] [--bfloat16]
python benchmarks/teacher_data.py -o out/recipe --pretrain 300 --steps 300 \\
    --sizes L2_H128 L4_H256 L4_H512

The task is few_labels.py's: sections of Debian packages by their summaries. Students learn the
vectors that all-MiniLM-L6-v2 gives to more and more summaries without labels; then a head on each
learns 500 labels, as one on the teacher does. Printed is how often they tell the section of 1,000
other packages rightly, times 100. What is made stays in the folder, and is not made again. With
--pretrain, students begin with random weights that learn masked words of all summaries before, in
so many steps, and what they know without a teacher is the first figure; otherwise they begin with
the teacher's word table, or its layers where the width is the same.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from few_labels import accuracy, packages, split, write

from embedpipe.sklearn import load_classifier
from embedpipe.train import DistilOptions, TrainOptions, distil, train
from embedpipe_bench.models import get_model

TEACHER = "all-MiniLM-L6-v2"
SIZES = ("L2_H128", "L4_H256", "L4_H384")
AMOUNTS = (200, 2_000, 12_000)
LABELS = 500
VOCABULARY = 8_000


class Recipe:
    """One task in a folder: what is known, what is tested, and what is made."""

    def __init__(
        self, folder: Path, *, steps: int, pretrain: int, bfloat16: bool, threads: int | None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.steps, self.pretrain = folder, steps, pretrain
        self.bfloat16, self.threads = bfloat16, threads
        known, self.tested = split(LABELS, 0)
        self.known = write(folder / "known.csv", known)
        forbidden = {text for text, _ in self.tested}
        self.texts = sorted({text for text, _ in packages(None)} - forbidden)
        random.Random(0).shuffle(self.texts)

    def tuned(self, model: Path | str, name: str) -> float:
        """The accuracy of a head on a model's vectors."""
        path = self.folder / name
        if not path.exists():
            train(model, self.known, path, TrainOptions(threads=self.threads, device="cpu"))
        return accuracy(load_classifier(path), self.tested)

    def lines(self, amount: int) -> Path:
        """A file of so many texts."""
        path = self.folder / f"texts-{amount}.txt"
        path.write_text("".join(f"{text}\n" for text in self.texts[:amount]), "utf-8")
        return path

    def beginning(self, size: str) -> str:
        """The size, or a model of it that has learned masked words of all texts."""
        path = self.folder / f"{size}-pretrained-{self.pretrain}"
        if self.pretrain and not path.exists():
            options = TrainOptions(
                steps=self.pretrain, random=True, threads=self.threads, device="cpu"
            )
            shape = get_model(f"bert_{size}").folder
            train(shape, self.lines(len(self.texts)), path, options, task="mlm")
        return str(path) if self.pretrain else size

    def student(self, size: str, amount: int) -> Path:
        """A student of that size, which saw so many texts, all of them in the same steps."""
        if amount == 0:
            return Path(self.beginning(size))
        path = self.folder / f"{size}-after-{self.pretrain}-{amount}"
        if not path.exists():
            options = DistilOptions(
                student=self.beginning(size),
                vocabulary=VOCABULARY,
                steps=self.steps,
                evaluations=4,
                threads=self.threads,
                bfloat16=self.bfloat16,
            )
            distil(TEACHER, self.lines(amount), path, options, cache=self.folder / "vectors")
        return path


def main() -> None:
    """Make all, and print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pretrain", type=int, default=0, metavar="STEPS")
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    recipe = Recipe(
        given.output,
        steps=given.steps,
        pretrain=given.pretrain,
        bfloat16=given.bfloat16,
        threads=given.threads,
    )
    print(f"{TEACHER}: {recipe.tuned(TEACHER, 'teacher'):.1f}\n")
    amounts = (0, *AMOUNTS) if given.pretrain else AMOUNTS
    print("| student |" + "".join(f" {n:,} texts |" for n in amounts))
    print("|---|" + "---:|" * len(amounts))
    for size in given.sizes:
        row = []
        for amount in amounts:
            student = recipe.student(size, amount)
            row.append(recipe.tuned(student, f"{student.name}-tuned"))
        print(f"| {size} | {' | '.join(f'{each:.1f}' for each in row)} |", flush=True)


if __name__ == "__main__":
    main()
