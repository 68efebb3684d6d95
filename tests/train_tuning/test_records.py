"""What a fine-tuning reads and refuses, before PyTorch is asked for anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedpipe import Encoder, InputOptions
from embedpipe.cli import main
from embedpipe.cli.train import HEADS, LOSS_NAMES, TRAIN_TASK_NAMES
from embedpipe.errors import (
    ColumnError,
    EmbedpipeError,
    InputError,
    ModelFormatError,
    OutputError,
    ParameterError,
    TrainingDataWarning,
)
from embedpipe.evaluation import Examples, read_examples
from embedpipe.output import AtomicDirectory
from embedpipe.sklearn import HEAD, load_classifier
from embedpipe.train import TrainOptions, train
from embedpipe.train.distillation.checkpoint import Checkpoint
from embedpipe.train.tuning.base import write_base
from embedpipe.train.tuning.classifier import contrasts, fit_head, write_head
from embedpipe.train.tuning.negatives import with_hard_negatives
from embedpipe.train.tuning.options import LOSSES, TRAIN_TASKS, Head
from embedpipe.train.tuning.records import read_records, scaled
from embedpipe.train.tuning.work import COMPLETE, Work
from tests.support.cli_support import write_tiny_model

PAIRS = "sentence1,sentence2,score\na cat,a kitten,4\na dog,rates rise,0.5\nso it is,it is so,5\n"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(*files: str, task: str | None = None, **how: object) -> object:
    options, development = how.pop("options", TrainOptions()), how.pop("development", None)
    return read_records(files, task, None, InputOptions(), options, development)  # type: ignore[arg-type]


# --- options ----------------------------------------------------------------------------------


def test_names_of_the_command_are_those_of_the_package() -> None:
    assert TRAIN_TASK_NAMES == TRAIN_TASKS
    assert tuple(LOSSES) == LOSS_NAMES
    assert get_args(Head) == HEADS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"losses": ("MSELoss",)}, "loss 'MSELoss': expected one of CoSENTLoss"),
        ({"losses": ("CoSENTLoss", "CosineSimilarityLoss")}, "found two for one task"),
        ({"head": "big"}, "head 'big': expected one of frozen"),
        ({"epochs": 0}, "epochs 0: expected a whole number of at least 1"),
        ({"learning_rate": float("nan")}, "learning_rate nan: expected a number above 0"),
        ({"layer_decay": 0}, "layer_decay 0: expected a share"),
        ({"mask": 2}, "mask 2: expected a share"),
        ({"score_range": (5, 0)}, "score_range"),
        ({"device": "tpu"}, "device 'tpu': expected one of auto, cpu, cuda"),
    ],
)
def test_options_that_cannot_be(given: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        TrainOptions(**given)  # type: ignore[arg-type]


# --- reading ----------------------------------------------------------------------------------


def test_files_of_scores_and_of_pairs_are_mixed(tmp_path: Path) -> None:
    scores = write(tmp_path / "a.csv", PAIRS)
    pairs = write(tmp_path / "b.jsonl", '{"anchor": "why?", "positive": "so"}\n')
    found = read(scores, pairs)
    assert [each.task for each in found.examples] == ["similarity", "retrieval"]  # type: ignore[attr-defined]
    assert len(found) == 4  # type: ignore[arg-type]


def test_what_the_development_data_holds_is_not_learned(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", PAIRS)
    held_out = Examples.similarity(["A  kitten", "a dog"], ["a Cat", "a cat"], [1, 2])
    with pytest.warns(TrainingDataWarning, match="1 of 3 records stand in the development data"):
        found = read(file, development=held_out)
    assert found.examples[0].texts[0] == ["a dog", "so it is"]  # type: ignore[attr-defined]
    assert found.left_out == 1  # type: ignore[attr-defined]
    pairs = write(tmp_path / "b.csv", "anchor,positive\na cat,a kitten\nwhy,so\n")
    with pytest.warns(TrainingDataWarning, match="1 of 2 records"):
        assert read(pairs, development=held_out).left_out == 1  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="all 3 records of the training data stand in the dev"):
        read(file, development=read_examples(file))


def test_texts_come_once(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.txt", "one\n\n  \ntwo\none\n"), task="mlm")
    assert (found.texts, found.duplicates) == (("one", "two"), 1)  # type: ignore[attr-defined]
    assert found.passed_over == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "text", "how", "kind", "said"),
    [
        ("a.csv", "text,label\na,x\nb,x\n", {}, InputError, "all 2 labels are 'x'; expected at"),
        (
            "a.csv",
            "sentence1,sentence2,score\na,b,1\nb,c,1\n",
            {},
            InputError,
            "all 2 scores are 1",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(losses=("CosineSimilarityLoss",))},
            InputError,
            "the score 4 lies outside of -1 to 1, .* as in --score-range 0 5",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(losses=("CosineSimilarityLoss",), score_range=(1, 5))},
            InputError,
            "the score 0.5 lies outside of 1 to 5",
        ),
        ("a.txt", "one\ntwo\n", {}, ColumnError, "without answers, .*; say --task mlm"),
        ("a.txt", "\n", {"task": "mlm"}, InputError, "no record has a text"),
        ("a.csv", PAIRS, {"task": "guess"}, ParameterError, "task 'guess': expected one of sim"),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(losses=("MultipleNegativesRankingLoss",))},
            ParameterError,
            "it learns retrieval, and what is learned is similarity; leave it out",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(hard_negatives=3)},
            ParameterError,
            "hard_negatives 3: it counts for retrieval",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(head="sequence")},
            ParameterError,
            "head sequence: it counts for classification",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(random=True)},
            ParameterError,
            "random True: it counts for mlm",
        ),
        (
            "a.csv",
            PAIRS,
            {"options": TrainOptions(mask=0.3)},
            ParameterError,
            "mask 0.3: it counts for mlm",
        ),
        (
            "a.txt",
            "one\ntwo\n",
            {"task": "mlm", "options": TrainOptions(losses=("CoSENTLoss",))},
            ParameterError,
            "loss CoSENTLoss: it learns similarity, and what is learned is mlm",
        ),
    ],
)
def test_what_cannot_be_learned(
    tmp_path: Path,
    name: str,
    text: str,
    how: dict[str, object],
    kind: type[EmbedpipeError],
    said: str,
) -> None:
    with pytest.raises(kind, match=said):
        read(write(tmp_path / name, text), **how)  # type: ignore[arg-type]


def test_labels_and_pairs_cannot_be_mixed(tmp_path: Path) -> None:
    labels = write(tmp_path / "a.csv", "text,label\na,x\nb,y\n")
    with pytest.raises(ParameterError, match="only pairs with and without scores can be mixed"):
        read(labels, write(tmp_path / "b.csv", PAIRS))


def test_scores_are_scaled_by_their_range(tmp_path: Path) -> None:
    examples = read_examples(write(tmp_path / "a.csv", PAIRS))
    options = TrainOptions(losses=("CosineSimilarityLoss",), score_range=(0, 5))
    assert scaled(examples, options).scores == (0.8, 0.1, 1.0)
    assert scaled(examples, TrainOptions()).scores == examples.scores


# --- hard negatives and contrasts -------------------------------------------------------------


def test_hard_negatives_are_the_nearest_wrong_answers(encoder: Encoder) -> None:
    anchors = [f"{'abcdef'[i % 6]}{i}" for i in range(24)]
    positives = [f"{'abcdef'[i % 6]} {i * i}" for i in range(24)]
    found = with_hard_negatives(Examples.retrieval(anchors, positives), encoder, 2)
    a, p = encoder.encode(anchors, normalize=True), encoder.encode(positives, normalize=True)
    cosines = a.astype(np.float64) @ p.astype(np.float64).T
    for i in range(24):
        near = [j for j in np.argsort(-cosines[i]) if j != i]
        wrong = [positives[j] for j in near if cosines[i, j] <= 0.95 * cosines[i, i]]
        assert [column[i] for column in found.texts[2:]] == [*wrong, "", ""][:2]


def test_a_right_answer_of_another_record_is_no_negative(encoder: Encoder) -> None:
    """Though it is far enough from the first, which is the text itself."""
    examples = Examples.retrieval(["qqqq", "qqqq", "r"], ["qqqq", "77 (far)", "a ( 9"])
    found = with_hard_negatives(examples, encoder, 2)
    assert (found.texts[2][0], found.texts[3][0]) == ("a ( 9", "")


def test_more_negatives_than_answers(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="found 2 different answers; expected more than the 2"):
        with_hard_negatives(Examples.retrieval(["a", "b"], ["c", "d"]), encoder, 2)


def test_contrasts_tell_labels_apart() -> None:
    texts, labels = [f"text {i}" for i in range(12)], [i % 3 for i in range(12)]
    label_of = dict(zip(texts, labels, strict=True))
    found = contrasts(Examples.labeled(texts, labels), 1)
    for first, second, score in zip(*found.texts, found.scores, strict=True):
        assert first != second
        assert score == (label_of[first] == label_of[second])
    assert set(found.scores) == {0.0, 1.0}
    assert found == contrasts(Examples.labeled(texts, labels), 1)
    assert found != contrasts(Examples.labeled(texts, labels), 2)


@pytest.mark.parametrize(("texts", "labels"), [("aa", "xy"), ("ab", "xy"), ("aabb", "xxyy")])
def test_labels_without_both_kinds_of_pairs_have_no_contrast(texts: str, labels: str) -> None:
    with pytest.raises(InputError, match="expected some of both for --head contrastive"):
        contrasts(Examples.labeled(list(texts), list(labels)), 1)


# --- the classifier in a folder ---------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3])
def test_a_classifier_is_read_as_scikit_learn_learned_it(
    tmp_path: Path, encoder: Encoder, count: int
) -> None:
    texts = [f"{'abc'[i % 3] * (i % 4 + 1)} {i}" for i in range(36)]
    examples = Examples.labeled(texts, [f"label {i % count}" for i in range(36)])
    head = fit_head(encoder, examples, seed=0, progress=False)
    with AtomicDirectory(tmp_path / "made") as folder:
        write_base(encoder.model, folder)
        write_head(folder, [*map(str, head.classes_)], head.coef_, head.intercept_)
    found = load_classifier(tmp_path / "made")
    vectors = encoder.encode(texts)
    expected = LogisticRegression(max_iter=2000).fit(vectors, examples.labels)
    np.testing.assert_allclose(
        found.predict_proba(texts), expected.predict_proba(vectors), atol=1e-5
    )
    assert found.predict(texts).tolist() == expected.predict(vectors).tolist()
    assert found.classes_.tolist() == sorted(set(examples.labels))


def test_a_damaged_classifier(tmp_path: Path, encoder: Encoder) -> None:
    with AtomicDirectory(tmp_path / "made") as folder:
        write_base(encoder.model, folder)
        write_head(folder, ["a", "b", "c"], np.zeros((3, 32)), np.zeros(3))
    (tmp_path / "made" / HEAD).write_text('{"labels": ["a", "b"], "pooling": null}')
    with pytest.raises(ModelFormatError, match="do not fit together; expected a label for each"):
        load_classifier(tmp_path / "made")


# --- the folder of a run, and outputs ---------------------------------------------------------


def test_an_unfinished_run_of_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    output = tmp_path / "made"
    with Work(output, {"seed": 1, "batch": 32}).held(restart=False) as work:
        for step in (9, 10, 11):
            (work.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
        for step in (9, 10):
            (work.checkpoints / f"checkpoint-{step}" / COMPLETE).touch()
    with Work(output, {"seed": 1, "batch": 32}).held(restart=False) as work:
        last = work.last()
        assert last is not None and last.name == "checkpoint-10"  # the whole one
        assert not (work.checkpoints / "checkpoint-11").exists()
        with (
            pytest.raises(OutputError, match="another process is at work there"),
            Work(output, {"seed": 1, "batch": 32}).held(restart=False),
        ):
            pass
    other = Work(output, {"seed": 2, "batch": 32})
    with (
        pytest.raises(OutputError, match=r"other settings \(seed 1, now 2\).*--restart"),
        other.held(restart=False),
    ):
        pass
    with other.held(restart=True) as work:
        assert work.last() is None
        work.folder.joinpath("mine.csv").touch()
    assert list(work.folder.iterdir()) == [work.folder / "mine.csv"]  # of the run nothing is left


def test_an_output_that_exists_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    write(tmp_path / "made" / "a", "b")
    with pytest.raises(OutputError, match="it exists already"):
        train("no-such-model", tmp_path / "none.csv", tmp_path / "made")


def test_patience_needs_a_score(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="patience 3: without a score"):
        train("m", tmp_path / "none.csv", tmp_path / "made", TrainOptions(patience=3))


def test_the_command_tells_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "a.csv", "text,label\na,x\nb,x\n")
    assert main(["train", "m", "--data", file, "-o", str(tmp_path / "made")]) == 1
    assert "all 2 labels are 'x'" in capsys.readouterr().err


def test_a_frozen_head_needs_no_pytorch(tmp_path: Path, encoder: Encoder) -> None:
    rows = [f"{'abcd'[i % 4] * 3} {i},{'left' if i % 4 < 2 else 'right'}" for i in range(40)]
    file = write(tmp_path / "a.csv", "\n".join(["text,label", *rows]))
    test = write(tmp_path / "b.csv", "text,label\naaaa 7,left\ndddd 9,right\nbbbb 99,left\n")
    code = (
        "import sys\n"
        "from embedpipe.cli import main\n"
        f"code = main(['train', {str(encoder.path)!r}, '--data', {file!r}, '--dev', {test!r}, "
        f"'-o', {str(tmp_path / 'made')!r}, '-q', '--json'])\n"
        "sys.exit(code or ('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [each["model"] for each in found["measured"]] == ["tiny", "tiny", "made", "made"]
    classifier = load_classifier(tmp_path / "made")
    assert classifier.predict(["aaaa 7", "dddd 9"]).tolist() == ["left", "right"]
    assert found["measured"][2]["metrics"]["accuracy"] == 1
    np.testing.assert_array_equal(
        Encoder.load(tmp_path / "made").encode(["aaaa"]), encoder.encode(["aaaa"])
    )
    card = (tmp_path / "made" / "README.md").read_text()
    assert "load_classifier" in card and "| made" in card and "40 records of a.csv" in card
    assert not (tmp_path / "made.training").exists()


def test_an_unfinished_run_of_the_other_command_stays(tmp_path: Path) -> None:
    work = Work(tmp_path / "made", {})
    work.folder.mkdir()
    (work.folder / "checkpoint.pt").write_bytes(b"learned")
    with (
        pytest.raises(OutputError, match="a run of `embedpipe distil` stands there, unfinished"),
        work.held(restart=True),
    ):
        pass
    assert [path.name for path in work.folder.iterdir()] == ["checkpoint.pt"]
    (work.folder / "checkpoint.pt").rename(work.folder / "settings.json")
    with (
        pytest.raises(OutputError, match="a run of `embedpipe train` stands there, unfinished"),
        Checkpoint.opened(work.folder, {}, restart=True),
    ):
        pass
    assert [path.name for path in work.folder.iterdir()] == ["settings.json"]


def test_a_run_that_learned_nothing_leaves_nothing_and_binds_nobody(tmp_path: Path) -> None:
    output = tmp_path / "made"
    with (
        pytest.raises(InputError, match="ask for fewer"),
        Work(output, {"hard_negatives": 9}).held(restart=False),
    ):
        raise InputError("found 2 different answers; ask for fewer")
    assert not list(tmp_path.iterdir())
    killed = Work(output, {"hard_negatives": 9})
    (killed.checkpoints / "checkpoint-1").mkdir(parents=True)  # which is not whole
    (killed.folder / "settings.json").write_text('{"hard_negatives": 9}')
    with Work(output, {"hard_negatives": 1}).held(restart=False) as work:
        assert not list(work.checkpoints.iterdir())
