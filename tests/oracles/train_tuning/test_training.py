"""What is fine-tuned opens alike everywhere, goes on after `kill -9`, and stops in time."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
from transformers import AutoModel, AutoTokenizer, pipeline

from embedpipe import Encoder
from embedpipe.card import gather
from embedpipe.cli import main
from embedpipe.errors import OutputError, ParameterError, TrainingError
from embedpipe.evaluation import Examples, evaluate
from embedpipe.formats.huggingface.safetensors import read_safetensors
from embedpipe.sklearn import load_classifier
from embedpipe.train import TrainOptions, train
from embedpipe.train.tuning.loop import Careful
from embedpipe.train.tuning.pairs import _datasets, rates_by_layer
from embedpipe.train.tuning.work import work_folder
from tests.support.cli_support import MAX_LENGTH, write_tiny_model
from tests.support.killing import run_killed
from tests.support.model_folders import tiny_config, write_bert, write_model
from tests.support.model_writers import files_of

DRAWN = random.Random(0)
WORDS = ["".join(DRAWN.choice("abcdef") for _ in range(4)) for _ in range(30)]
TEXTS = [" ".join(DRAWN.choice(WORDS) for _ in range(3)) for _ in range(80)]
OTHERS = [f"{text.partition(' ')[0]} {DRAWN.choice(WORDS)}" for text in TEXTS]
DOTTED = [f"{text}." for text in OTHERS[:60]]
SCORES = [round(DRAWN.random() * 5, 2) for _ in TEXTS]
LABELS = ["abc".find(text[0]) % 3 for text in TEXTS]
ASKED = [*TEXTS[:3], "", "A CAB, a cab"]
USUAL = {"steps": 4, "evaluations": 2, "batch": 8, "device": "cpu", "threads": 1}


def options(**changes: Any) -> TrainOptions:
    return TrainOptions(**USUAL | changes)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of pairs with scores, pairs, labels (of two and of three kinds), and texts."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "scores.csv", ("sentence1", "sentence2", "score"), TEXTS[:60], OTHERS, SCORES)
    write(folder / "dev.csv", ("sentence1", "sentence2", "score"), TEXTS[60:], OTHERS[60:], SCORES)
    write(folder / "pairs.csv", ("anchor", "positive"), TEXTS[:60], OTHERS)
    write(folder / "three.csv", ("text", "label"), TEXTS, LABELS)
    others = [*LABELS[:24], *["a label that nobody taught"] * 24]  # whole batches of it
    write(folder / "three_dev.csv", ("text", "label"), OTHERS, others)
    write(folder / "two.csv", ("text", "label"), TEXTS, [label > 0 for label in LABELS])
    (folder / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    return folder


def write(path: Path, names: Sequence[str], *columns: Sequence[Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows(zip(*columns, strict=False))


def assert_opens_alike(folder: Path) -> np.ndarray:
    """Our engine, sentence-transformers, and transformers with the mean taken by hand."""
    ours = Encoder.load(folder).encode(ASKED)
    theirs = SentenceTransformer(str(folder), device="cpu").encode(ASKED)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    return ours


def with_transformers(folder: Path) -> np.ndarray:
    bert, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    pieces = tokenizer(
        ASKED, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    )
    with torch.no_grad():
        hidden = bert(**pieces).last_hidden_state
    mask = pieces["attention_mask"][:, :, None]
    return ((hidden * mask).sum(1) / mask.sum(1)).numpy()


RUNS: dict[str, tuple[list[str], dict[str, Any], str | None]] = {
    "scores": (["scores.csv"], {}, None),
    "cosine": (["scores.csv"], {"losses": ("CosineSimilarityLoss",), "score_range": (0, 5)}, None),
    "mixed": (["scores.csv", "pairs.csv"], {"hard_negatives": 2, "layer_decay": 0.5}, None),
    "contrastive": (["three.csv"], {"head": "contrastive"}, None),
    "sequence": (["three.csv"], {"head": "sequence", "layer_decay": 0.9}, None),
    "words": (["texts.txt"], {"learning_rate": 1e-3}, "mlm"),
    "random": (["texts.txt"], {"random": True, "layer_decay": 0.9}, "mlm"),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_is_trained_opens_alike_everywhere(
    name: str, model: Path, data: Path, tmp_path: Path
) -> None:
    files, changes, task = RUNS[name]
    made = tmp_path / "made"
    summary = train(model, [data / f for f in files], made, options(**changes), task=task)  # type: ignore[arg-type]
    assert summary.steps == 4
    ours = assert_opens_alike(made)
    np.testing.assert_allclose(ours, with_transformers(made), rtol=0, atol=2e-5)
    assert np.abs(ours - Encoder.load(model).encode(ASKED)).max() > 1e-4
    assert Encoder.load(made).max_length == MAX_LENGTH
    assert not work_folder(made).exists()
    card = (made / "README.md").read_text()
    assert "4 steps of up to 8 records" in card and "Seed 0" in card
    assert (made / "training.svg").exists() == ("training.svg" in card)


def test_dense_pooling_prompts_and_length_are_kept(model: Path, data: Path, tmp_path: Path) -> None:
    encoder = Transformer(str(model), max_seq_length=20)
    parts = [encoder, Pooling(32, "cls"), Dense(32, 12)]
    base = SentenceTransformer(
        modules=parts, device="cpu", prompts={"query": "ask: ", "document": "say: "}
    )
    base.save_pretrained(str(tmp_path / "base"), create_model_card=False)
    made = tmp_path / "made"
    train(tmp_path / "base", data / "pairs.csv", made, options(max_length=8))
    ours = assert_opens_alike(made)
    assert ours.shape == (len(ASKED), 12)
    found = Encoder.load(made)
    assert (found.pooling, found.max_length) == ("cls", 20)
    assert (found.prompts["query"], found.prompts["document"]) == ("ask: ", "say: ")
    dense = [
        read_safetensors(each / "2_Dense" / "model.safetensors")
        for each in (tmp_path / "base", made)
    ]
    assert np.abs(dense[0]["linear.weight"] - dense[1]["linear.weight"]).max() > 0


def test_scores_are_learned_and_the_best_is_kept(model: Path, data: Path, tmp_path: Path) -> None:
    """Tested on next to what it learns from, as nothing else can be learned of random scores."""
    write(tmp_path / "same.csv", ("sentence1", "sentence2", "score"), DOTTED, TEXTS, SCORES)
    how = options(steps=60, evaluations=4, learning_rate=3e-3, batch=16)
    made = tmp_path / "made"
    summary = train(model, data / "scores.csv", made, how, development=tmp_path / "same.csv")
    before, _, after, _ = (each.metrics["spearman"] for each in summary.measured)
    assert after > before + 0.2
    assert after == evaluate(made, tmp_path / "same.csv")[0].metrics["spearman"]
    assert f"{100 * after:.2f}" in (made / "README.md").read_text()
    told = gather(made, measuring=None).training
    assert told is not None and told.curve is not None
    assert told.rows[3][:3] == ("made", "float32", f"{100 * after:.2f}")


def test_pairs_with_scores_that_share_a_text_are_all_learned_in_whole_batches(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.csv", ("sentence1", "sentence2", "score"), TEXTS[:1] * 24, OTHERS, SCORES)
    seen: list[list[float]] = []
    whole = Careful.compute_loss

    def noted(self: Any, model: Any, inputs: dict[str, Any], *given: Any, **named: Any) -> Any:
        seen.append(inputs["label"].tolist())
        return whole(self, model, inputs, *given, **named)

    monkeypatch.setattr(Careful, "compute_loss", noted)
    train(model, tmp_path / "a.csv", tmp_path / "made", options(steps=None, epochs=1))
    assert [len(batch) for batch in seen] == [8, 8, 8]
    assert sorted(score for batch in seen for score in batch) == pytest.approx(sorted(SCORES[:24]))


@pytest.mark.parametrize("head", ["frozen", "contrastive", "sequence"])
@pytest.mark.parametrize("file", ["two.csv", "three.csv"])
def test_classifiers_are_read_by_scikit_learn(
    head: str, file: str, model: Path, data: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    train(model, data / file, made, options(head=head))
    found = load_classifier(made)
    probabilities = found.predict_proba(ASKED)
    if head == "sequence":
        theirs = pipeline("text-classification", str(made), top_k=None, device="cpu")(ASKED)
        rows = [{each["label"]: each["score"] for each in row} for row in theirs]
        expected = [[row[label] for label in found.classes_] for row in rows]
    else:
        weights = read_safetensors(made / "classifier.safetensors")
        vectors = SentenceTransformer(str(made), device="cpu").encode(ASKED)
        expected = softmax(vectors @ weights["weight"].T + weights["bias"], axis=1)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=2e-5)


def test_masked_words_are_learned(model: Path, data: Path, tmp_path: Path) -> None:
    how = options(steps=60, evaluations=3, random=True, learning_rate=1e-2, batch=16)
    train(model, data / "texts.txt", tmp_path / "made", how, task="mlm")
    curve = json.loads((tmp_path / "made" / "training.json").read_text())["learning"]["curve"]
    losses = [entry["loss"] for entry in curve if "loss" in entry]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_records_keep_the_negatives_that_they_have() -> None:
    columns = [[*"abcd"], [*"efgh"], ["i", "", "j", ""], ["k", "l", "", ""]]
    found = dict(_datasets("0", Examples.retrieval(*columns)))
    assert [data.to_dict() for data in found.values()] == [
        {"anchor": ["a"], "positive": ["e"], "negative_1": ["i"], "negative_2": ["k"]},
        {"anchor": ["b", "c"], "positive": ["f", "g"], "negative_1": ["l", "j"]},
        {"anchor": ["d"], "positive": ["h"]},
    ]


def test_batches_of_which_chance_hides_nothing_are_learned_from(
    model: Path, tmp_path: Path
) -> None:
    """As are few texts, of which none is held out; and those without a piece are passed over."""
    (tmp_path / "texts.txt").write_text("\n".join(["\x00\u200b", *TEXTS[:4]]), encoding="utf-8")
    how = options(mask=1e-9, batch=2)
    made = train(model, tmp_path / "texts.txt", tmp_path / "made", how, task="mlm")
    losses = [
        entry["loss"]
        for entry in json.loads((tmp_path / "made/training.json").read_text())["learning"]["curve"]
        if "loss" in entry
    ]
    assert made.steps == 4 and min(losses) > 0


def test_the_best_weights_are_kept_though_worse_ones_follow(
    model: Path, data: Path, tmp_path: Path
) -> None:
    """The better it learns its scores, the worse it does on others that run against them."""
    against = [5 - score for score in SCORES]
    write(tmp_path / "dev.csv", ("sentence1", "sentence2", "score"), DOTTED, TEXTS, against)
    how = options(steps=40, evaluations=4, learning_rate=3e-3, batch=16)
    made = tmp_path / "made"
    summary = train(model, data / "scores.csv", made, how, development=tmp_path / "dev.csv")
    curve = json.loads((made / "training.json").read_text())["learning"]["curve"]
    scores = [entry["eval_spearman"] for entry in curve if "eval_spearman" in entry]
    assert scores[-1] < max(scores)
    assert summary.measured[2].metrics["spearman"] == pytest.approx(max(scores), abs=1e-3)
    assert summary.best_step is not None and summary.best_step < 40


def test_random_weights_are_none_of_the_base(model: Path, data: Path, tmp_path: Path) -> None:
    train(model, data / "texts.txt", tmp_path / "made", options(random=True), task="mlm")
    found = [read_safetensors(each / "model.safetensors") for each in (model, tmp_path / "made")]
    words = [
        next(value for name, value in each.items() if name.endswith("word_embeddings.weight"))
        for each in found
    ]
    assert abs(np.corrcoef(words[0].ravel(), words[1].ravel())[0, 1]) < 0.2


def test_lower_layers_move_less(tmp_path: Path, data: Path) -> None:
    base = tmp_path / "base"
    vocab = write_tiny_model(tmp_path / "tiny") / "vocab.txt"
    size = len(vocab.read_text().splitlines())
    sizes = {"num_attention_heads": 2, "intermediate_size": 32, "vocab_size": size}
    write_bert(base, layers=3, hidden=32, vocab=vocab, max_position_embeddings=48, **sizes)
    train(base, data / "scores.csv", tmp_path / "made", options(layer_decay=0.1, warmup=0.0))
    before, after = (
        read_safetensors(each / "model.safetensors") for each in (base, tmp_path / "made")
    )
    name = "encoder.layer.{}.attention.self.value.weight"
    old = {key.removeprefix("bert."): value for key, value in before.items()}
    new = {key.removeprefix("bert."): value for key, value in after.items()}
    moved = [np.abs(new[name.format(n)] - old[name.format(n)]).max() for n in range(3)]
    assert moved[0] < 0.2 * moved[1] < 0.04 * moved[2]


MOMENTS = {
    "putting the base where it learns": 'before(run, "write_base", 1)',
    "half a checkpoint": 'before(pairs._Trainer, "_save_optimizer_and_scheduler", 1)',
    "between checkpoints": 'before(loop.Careful, "compute_loss", 5)',
    "before a checkpoint counts": 'before(loop.Careful, "_checkpoint", 4)',
    "writing the model": 'before(training, "card_files", 1)',
}
IMPORTS = "from embedpipe.train.tuning import loop, pairs, run, sequences, training"


def test_killed_at_five_moments_it_comes_to_the_same_bits(
    model: Path, data: Path, tmp_path: Path
) -> None:
    """Every file of the model is that of a run that nobody killed."""
    how = options(steps=16, evaluations=8)
    files = [data / "scores.csv", data / "pairs.csv"]
    for name in "ab":
        (tmp_path / name).mkdir()
    line: list[Any] = ["train", model, "--data", *files, "--dev", data / "dev.csv", "--quiet"]
    line += ["-o", tmp_path / "a/made", "--steps", "16", "--evaluations", "8", "--batch", "8"]
    run_killed(IMPORTS, MOMENTS, [*line, "--device", "cpu", "--threads", "1"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["made"]
    summary = train(model, files, tmp_path / "b/made", how, development=data / "dev.csv")
    assert (summary.steps, summary.resumed) == (16, 0)
    assert files_of(tmp_path / "a/made") == files_of(tmp_path / "b/made")


@pytest.mark.parametrize(
    "asked",
    [
        ["--task", "mlm", "--data", "texts.txt"],
        ["--head", "sequence", "--data", "three.csv", "--dev", "three_dev.csv"],
    ],
)
def test_other_tasks_come_to_the_same_bits_after_a_kill(
    model: Path, data: Path, tmp_path: Path, asked: list[str]
) -> None:
    line: list[Any] = ["train", model, *(data / a if "." in a else a for a in asked), "--quiet"]
    line += ["--steps", "16", "--evaluations", "8", "--batch", "8"]
    line += ["--device", "cpu", "--threads", "1"]
    for name in "ab":
        (tmp_path / name).mkdir()
    moments = {
        "half a checkpoint": 'before(sequences._Trainer, "_save_optimizer_and_scheduler", 2)',
        "between checkpoints": 'before(loop.Careful, "compute_loss", 4)',
        "another epoch": 'before(loop.Careful, "_checkpoint", 9)',
    }
    run_killed(IMPORTS, moments, [*line, "-o", tmp_path / "a/made"])
    assert main([*map(str, line), "-o", str(tmp_path / "b/made")]) == 0
    assert files_of(tmp_path / "a/made") == files_of(tmp_path / "b/made")


def test_an_unfinished_run_of_other_settings_is_refused_and_another_seed_makes_another_model(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, how, other = tmp_path / "made", options(), options(seed=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Careful, "compute_loss", interrupting(Careful.compute_loss, after=3))
        train(model, data / "scores.csv", made, how)
    with pytest.raises(OutputError, match=r"begun with other settings \(seed 0, now 1\)"):
        train(model, data / "scores.csv", made, other)
    assert train(model, data / "scores.csv", made, how).resumed == 2
    train(model, data / "scores.csv", tmp_path / "other", other)
    weights = [(each / "model.safetensors").read_bytes() for each in (made, tmp_path / "other")]
    assert weights[0] != weights[1]


def interrupting(function: Any, *, after: int) -> Any:
    """The function, which Ctrl-C stops when it was called so often."""
    calls = []

    def called(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return function(*given, **named)

    return called


def test_a_loss_that_is_no_number_stops_it(model: Path, data: Path, tmp_path: Path) -> None:
    how = options(steps=16, evaluations=8, learning_rate=1e30, warmup=0.5)
    with pytest.raises(
        TrainingError,
        match=r"the loss is (nan|inf) after step \d+: .*lower --learning-rate, and --restart",
    ):
        train(model, data / "scores.csv", tmp_path / "made", how)
    assert not (tmp_path / "made").exists()
    train(model, data / "scores.csv", tmp_path / "made", options(), restart=True)
    assert_opens_alike(tmp_path / "made")


def test_a_full_disk(model: Path, data: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 700_000)
    with pytest.raises(OutputError, match=r"cannot write .*checkpoint-\d.*free some space"):
        train(model, data / "scores.csv", small_disk / "made", options())
    assert not (small_disk / "made").exists()
    (small_disk / "filler").unlink()


def test_layers_that_share_their_weights_have_one_rate(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "albert", tiny_config("albert"))
    with pytest.raises(ParameterError, match="share their weights; leave it out"):
        rates_by_layer(AutoModel.from_pretrained(folder), 1e-3, 0.5)
