"""What distillation makes, that it goes on after a kill to the same bits, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from embedpipe import Encoder
from embedpipe.card import gather, markdown
from embedpipe.errors import (
    InputError,
    ModelFormatError,
    OutputError,
    ParameterError,
    TrainingDataWarning,
    TrainingError,
    TruncationWarning,
)
from embedpipe.train import DistilOptions, distil
from embedpipe.train.distillation.losses import distillation_loss
from embedpipe.train.distillation.options import LossWeights
from embedpipe.train.distillation.vocabulary import cut_vocabulary
from tests.support.killing import run_killed
from tests.support.model_folders import tiny_config, write_model
from tests.support.model_writers import files_of
from tests.support.training import PIECES, sentences, write_lines, write_teacher

OPTIONS = DistilOptions(student="L2_H16", epochs=8, batch=16, threads=1, evaluations=4)
EVERY_STEP = replace(OPTIONS, checkpoint_seconds=0.0)
TEXTS = ["bad cad dads.", "", "fad, gaden unknown", " ".join(["ben"] * 40)]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher") / "teacher")


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    return write_lines(tmp_path_factory.mktemp("texts") / "texts.txt", sentences(240))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, teacher) -> Path:
    """Pairs whose scores are the teacher's own cosines."""
    texts = sentences(120, seed=9)
    vectors = Encoder.load(teacher).encode(texts, normalize=True)
    rows = [
        {"sentence1": texts[i], "sentence2": texts[i + 60], "score": float(a @ b)}
        for i, (a, b) in enumerate(zip(vectors[:60], vectors[60:], strict=True))
    ]
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    return write_lines(path, [json.dumps(row) for row in rows])


@pytest.fixture
def make(teacher, texts, cache, tmp_path):
    def run(options=OPTIONS, output="student", **given):
        given.setdefault("cache", cache)
        return distil(
            given.pop("teacher", teacher),
            given.pop("text", texts),
            tmp_path / output,
            options,
            **given,
        )

    return run


STUDENTS = {
    "narrower, with a Dense step": {"student": "L2_H16"},
    "layers of the teacher": {"student": None, "layers": "0,3"},
    "evenly spread layers and a cut vocabulary": {"student": "L2_H32", "vocabulary": 40},
    "static": {"student": "static_H16"},
    "static in the teacher's width": {"student": "static_H32", "loss": "cosine"},
}


@pytest.mark.parametrize("changes", STUDENTS.values(), ids=STUDENTS)
def test_a_student_learns_and_opens_everywhere_with_equal_vectors(make, tmp_path, changes):
    summary = make(replace(OPTIONS, **changes))
    record = json.loads((tmp_path / "student/training.json").read_text())
    if changes.get("student") != "static_H16":  # whose regression leaves next to nothing to learn
        assert record["curve"][-1][3] > record["curve"][0][3]
    assert summary.score == pytest.approx(record["learning"]["best_score"], abs=1e-3)

    folder = str(tmp_path / "student")
    with pytest.warns(TruncationWarning):
        ours = Encoder.load(folder).encode(TEXTS)
    theirs = SentenceTransformer(folder, device="cpu").encode(TEXTS)
    assert np.abs(ours - theirs).max() <= 2e-5
    assert np.abs(ours - with_transformers(folder)).max() <= 2e-5
    assert ours.shape == (4, 32)
    assert np.abs(np.linalg.norm(ours, axis=1) - 1).max() < 1e-6


def with_transformers(folder: str) -> np.ndarray:
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    given = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**given).last_hidden_state
        shares = given["attention_mask"][..., None].float()
        vectors = (hidden * shares).sum(1) / shares.sum(1)
        dense = Path(folder, "2_Dense/model.safetensors")
        if dense.exists():
            from safetensors.torch import load_file

            weights = load_file(dense)
            vectors = functional.linear(vectors, weights["linear.weight"], weights["linear.bias"])
        return functional.normalize(vectors, dim=-1).numpy()


def test_the_card_says_how_it_was_made_beside_the_teacher(make, pairs, tmp_path):
    summary = make(development=pairs)
    card = (tmp_path / "student/README.md").read_text()
    assert "| the teacher | int8 |" in card and "| student | float32 |" in card
    assert "240 distinct ones of `texts.txt`" in card and "seed 0" in card
    assert (tmp_path / "student/training.svg").read_text().startswith("<svg")
    told = markdown(gather(tmp_path / "student", measuring=None))
    assert "A student of teacher" in told and "| student | float32 |" in told
    assert "](training.svg)" in told
    assert "| Dimension | 32 of texts, of tokens 16 |" in told
    weights = json.loads((tmp_path / "student/training.json").read_text())["student"]["parameters"]
    assert f"| Parameters | {weights:,} |" in told
    assert summary.teacher_score > 95 > summary.score > 20
    assert not (tmp_path / "student.training").exists()


def test_a_student_may_begin_with_another_model(make, tmp_path):
    base = write_model(
        tmp_path / "base",
        tiny_config(vocab_size=len(PIECES), max_position_embeddings=16),
        seed=8,
        vocab=write_lines(tmp_path / "vocab.txt", PIECES),
    )
    make(replace(OPTIONS, student=str(base), steps=2, epochs=1))
    made = Encoder.load(tmp_path / "student")
    assert (made.config.num_hidden_layers, made.hidden_size, made.dimension) == (2, 16, 32)
    assert made.max_length == 16


def test_the_search_for_layers_takes_those_that_score_best_untrained(make, pairs, tmp_path):
    few = replace(OPTIONS, student="L2_H32", steps=1)
    starts = {}
    for last in range(3):
        made = replace(few, layers=f"{last},3")
        make(made, f"by-hand-{last}", development=pairs)
        record = json.loads((tmp_path / f"by-hand-{last}/training.json").read_text())
        starts[last] = record["curve"][0][3]
    make(replace(few, layers="search"), development=pairs)
    origin = json.loads((tmp_path / "student/training.json").read_text())["student"]["origin"]
    assert f"layers {max(starts, key=starts.get)}, 3 " in origin


MOMENTS = {
    "labelling": 'teacher._FILE_TEXTS = 32; before(teacher, "_written", 3)',
    # after the files of labels, each is written at once
    "half a checkpoint": 'before(checkpoint.AtomicFile, "write", 9, half=True)',
    "between checkpoints": 'before(checkpoint.Checkpoint, "save", 4)',
    "before a checkpoint's name": 'before(checkpoint.AtomicFile, "_commit", 6)',
    "writing the model": 'before(export, "safetensors_parts", 1)',
}
IMPORTS = """
import torch, transformers.models.bert.modeling_bert
from embedpipe.train.distillation import checkpoint, export, preparing, teacher, writing
"""


def test_killed_at_five_moments_it_comes_to_the_same_bits(teacher, texts, pairs, tmp_path):
    """Every file of the model is that of a run that nobody killed."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    line = ["distil", teacher, "--student", "L2_H16", "--text", texts, "--dev", pairs]
    line += ["-o", tmp_path / "a/student", "--cache", tmp_path / "cache", "--quiet"]
    line += ["--epochs", "1", "--batch", "16", "--threads", "1", "--evaluations", "3"]
    line += ["--checkpoint-seconds", "0"]
    run_killed(IMPORTS, MOMENTS, line)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["student"]
    options = replace(OPTIONS, epochs=1, evaluations=3)
    distil(teacher, texts, tmp_path / "b/student", options, development=pairs, cache=tmp_path / "c")
    assert files_of(tmp_path / "a/student") == files_of(tmp_path / "b/student")


def test_another_seed_makes_another_student(make, tmp_path):
    make(replace(OPTIONS, epochs=1), "a")
    make(replace(OPTIONS, epochs=1, seed=1), "b")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "ab"]
    assert weights[0] != weights[1]


def test_a_checkpoint_of_other_settings_is_refused_until_it_may_be_thrown_away(make, tmp_path):
    with interrupted_after(3):
        make(EVERY_STEP)
    with pytest.raises(OutputError, match=r"temperature 0.05, now 0.1.*--restart"):
        make(replace(EVERY_STEP, temperature=0.1), cache=tmp_path / "vectors")
    assert not (tmp_path / "vectors").exists()  # refused before anything long
    make(replace(OPTIONS, temperature=0.1), restart=True)
    assert (tmp_path / "student").exists()


class interrupted_after:
    """Raises KeyboardInterrupt before the nth checkpoint, and expects that."""

    def __init__(self, saves: int) -> None:
        self.saves, self.patch = saves, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        from embedpipe.train.distillation.checkpoint import Checkpoint

        whole, left = Checkpoint.save, [self.saves]

        def save(checkpoint, state):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            whole(checkpoint, state)

        self.patch.setattr(Checkpoint, "save", save)

    def __exit__(self, kind, *_: object) -> bool:
        self.patch.undo()
        return kind is KeyboardInterrupt


def test_an_unfinished_run_can_be_finished_with_its_best_student(make, tmp_path):
    with interrupted_after(5):
        make(EVERY_STEP)
    summary = make(finish=True)
    assert summary.step == 4
    assert Encoder.load(tmp_path / "student").encode("bad").shape == (32,)
    with pytest.raises(ParameterError, match="leave out --finish"):
        make(output="other", finish=True, cache=tmp_path / "vectors")
    assert not (tmp_path / "vectors").exists()  # refused before anything long


def test_to_finish_and_to_restart_is_refused_and_loses_nothing(make):
    with interrupted_after(5):
        make(EVERY_STEP)
    with pytest.raises(ParameterError, match="expected one of the two"):
        make(EVERY_STEP, finish=True, restart=True)
    assert make(EVERY_STEP, finish=True).step == 4


def test_early_stopping_keeps_the_best_student(make, pairs, tmp_path):
    options = replace(OPTIONS, learning_rate=0.5, evaluations=60, patience=2)
    summary = make(options, development=pairs)
    curve = json.loads((tmp_path / "student/training.json").read_text())["curve"]
    scores = [row[3] for row in curve]
    assert summary.step < summary.steps
    assert summary.score == pytest.approx(max(scores), abs=0.05)
    assert summary.step == curve[scores.index(max(scores)) + 2][0]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(make, tmp_path):
    with pytest.raises(TrainingError, match=r"stopped at step \d+ of .*--finish"):
        make(replace(EVERY_STEP, student="static_H32", learning_rate=1e30))
    made = make(replace(OPTIONS, student="static_H32", learning_rate=1e30), finish=True)
    assert np.isfinite(made.score)
    assert np.isfinite(Encoder.load(tmp_path / "student").encode("bad cad")).all()


def test_a_full_disk_leaves_the_checkpoint_of_before(make, tmp_path, monkeypatch):
    real, calls = os.write, [0]

    def write(descriptor, data):
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    make(output="whole")
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OutputError, match=r"checkpoint\.pt: No space left"):
        make(EVERY_STEP)
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "student.training").glob("*.pt")] == ["checkpoint.pt"]
    make()
    different = {"README.md", "training.json"}  # which name the model
    a, b = files_of(tmp_path / "whole"), files_of(tmp_path / "student")
    assert {name for name in a if a[name] != b.get(name)} <= different


def test_what_cannot_be_joined_is_refused(make, tmp_path):
    with pytest.raises(ParameterError, match="are 32 wide, the student 16"):
        make(replace(OPTIONS, layers="0,1"))
    with pytest.raises(ParameterError, match="has 0 to 3"):
        make(replace(OPTIONS, student=None, layers="0,4"))
    with pytest.raises(ParameterError, match=r"expected 2\. Leave out one"):
        make(replace(OPTIONS, layers="0,1,2"))
    with pytest.raises(ParameterError, match="4 layers to begin with"):
        make(replace(OPTIONS, student="L5_H32"))
    with pytest.raises(ParameterError, match="64 is larger than the 32"):
        make(replace(OPTIONS, student="L1_H64"))
    with pytest.raises(ParameterError, match="vocabulary 5: expected"):
        make(replace(OPTIONS, vocabulary=5))
    assert not list(tmp_path.glob("*.training"))  # nothing was begun


def test_a_teacher_of_another_kind_of_tokenizer_is_refused(make, tmp_path, testdata):
    albert = write_model(
        tmp_path / "albert",
        tiny_config("albert", vocab_size=30000),
        vocab=testdata / "vocabularies/albert_30k/spiece.model",
    )
    with pytest.raises(ModelFormatError, match="no WordPiece"):
        make(teacher=albert)


def test_outputs_that_exist_and_runs_beside_are_refused(make, tmp_path):
    (tmp_path / "student").mkdir()
    (tmp_path / "student/file").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        make()
    from filelock import FileLock

    (tmp_path / "other.training").mkdir()
    with (
        FileLock(tmp_path / "other.training/.lock"),
        pytest.raises(OutputError, match="another process trains there"),
    ):
        make(output="other")


@pytest.mark.parametrize("which", ["teacher", "base", "development"])
def test_what_is_read_is_never_replaced(make, pairs, tmp_path, which):
    mine = write_teacher(tmp_path / "mine")
    (mine / "pairs.jsonl").write_bytes(pairs.read_bytes())
    before = files_of(mine)
    options, given = OPTIONS, {}
    if which == "base":
        options = replace(OPTIONS, student=str(mine))
    else:
        given[which] = mine if which == "teacher" else mine / "pairs.jsonl"
    with pytest.raises(OutputError, match="it is the input"):
        make(options, "mine", overwrite=True, **given)
    assert files_of(mine) == before


def test_development_pairs_of_one_score_are_refused(make, tmp_path):
    rows = [{"sentence1": "bad", "sentence2": "cad", "score": 1}] * 3
    path = write_lines(tmp_path / "pairs.jsonl", [json.dumps(row) for row in rows])
    with pytest.raises(InputError, match="all 3 scores are 1"):
        make(development=path)


def test_the_teacher_is_asked_with_its_default_prompt(make, tmp_path):
    teacher = write_teacher(tmp_path / "prompted")
    prompts = {"prompts": {"ask": "bad cad "}, "default_prompt_name": "ask"}
    (teacher / "embedpipe.json").write_text(json.dumps(prompts))
    make(replace(OPTIONS, student=None, layers="0,1,2,3"), teacher=teacher)
    made, texts = Encoder.load(tmp_path / "student"), sentences(30, seed=5)
    said, plain = (
        Encoder.load(teacher).encode(texts, normalize=True, prompt=p) for p in (None, "")
    )
    cosines = [(made.encode(texts) * each).sum(axis=1).mean() for each in (said, plain)]
    assert cosines[0] > cosines[1]


def test_a_damaged_checkpoint_is_named_with_the_remedy(make, tmp_path):
    with interrupted_after(2):
        make(EVERY_STEP)
    path = tmp_path / "student.training/checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"is damaged.*--restart"):
        make()


def test_development_texts_are_never_learned(make, pairs, tmp_path):
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    leaked = write_lines(tmp_path / "leaked.txt", [*sentences(40), rows[0]["sentence1"]])
    with pytest.warns(TrainingDataWarning, match="1 of 41 texts"):
        make(replace(OPTIONS, epochs=1), text=leaked, development=pairs)
    assert "1 that stand in the development data" in (tmp_path / "student/README.md").read_text()


def test_the_loss_is_that_of_its_definition():
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(5, 8)) for _ in range(2))
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))

    def rows(v):
        powers = np.exp(v @ v.T / 0.1) * (1 - np.eye(5))
        return powers / powers.sum(1, keepdims=True)

    away = 1 - (a * b).sum(1).mean()
    p, q = rows(b), rows(a)
    off = ~np.eye(5, dtype=bool)
    divergence = (p[off] * np.log(p[off] / q[off])).sum() / 5
    loss, told = distillation_loss(torch.tensor(a), torch.tensor(b), LossWeights(2.0, 0.5), 0.1)
    assert told.item() == pytest.approx(away)
    assert loss.item() == pytest.approx(2 * away + 0.5 * divergence)


def test_a_cut_vocabulary_keeps_what_is_used_most_and_splits_the_rest_as_transformers(
    tmp_path, testdata
):
    vocab = testdata / "vocabularies/bert_uncased/vocab.txt"
    lines = vocab.read_text(encoding="utf-8").splitlines()
    base = Encoder.load(
        write_model(tmp_path / "base", tiny_config(vocab_size=len(lines)), vocab=vocab)
    )
    used = ["The quick brown foxes [MASK]", "the quick brown dogs!"]
    cut = cut_vocabulary(base, used, 2000, max_length=24)
    kept = cut.files["vocab.txt"].decode().splitlines()
    assert kept == [lines[old] for old in cut.kept]
    assert len(kept) == 2000
    assert {"quick", "foxes", "dogs", "[MASK]", "##z", "~"} <= set(kept)

    folder = tmp_path / "cut"
    write_model(folder, tiny_config(vocab_size=2000))
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)
    theirs, ours = AutoTokenizer.from_pretrained(folder), Encoder.load(folder).tokenizer
    texts = [*used, "electroencephalography, naïve café 東京", "x" * 300, ""]
    expected = theirs(texts, truncation=True)["input_ids"]
    assert [ids.tolist() for ids in ours.encode(texts, max_length=24).ids] == expected
    same = base.tokenizer.text_pieces(used).values
    assert (cut.kept[ours.text_pieces(used).values] == same).all()
