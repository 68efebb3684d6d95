"""Bundles, one file with pipeline and models; and pipelines that earlier versions have saved."""

from __future__ import annotations

import json
import os
import random
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings
from embedpipe.base import PipelineModel
from embedpipe.cli import main
from embedpipe.errors import ModelFormatError, OutputError
from tests.saving.make_golden_pipeline import COLUMNS, GOLDEN, SAVED, TEXTS, output
from tests.support.cli_support import names_in

FRAME = pd.DataFrame({"text": TEXTS})
TOLERANCE = 1e-6  # between instruction sets, on vectors of size about 1


# ---- earlier versions ----

goldens = pytest.mark.parametrize(
    "golden",
    [path / name for path in sorted(GOLDEN.glob("format_*")) for name in ("saved", "bundle.zip")],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)


def test_every_version_of_the_format_has_a_golden() -> None:
    from embedpipe.saving.tree import FORMAT_VERSION

    found = [path.name for path in GOLDEN.glob("format_*")]
    assert sorted(found) == [f"format_{n}" for n in range(1, FORMAT_VERSION + 1)]


@goldens
def test_what_an_earlier_version_saved_gives_what_it_gave(golden: Path) -> None:
    expected = json.loads((golden.parent / "expected.json").read_text())
    found = output(PipelineModel.load(golden))
    compared = 0
    for name in COLUMNS:
        for text, then, now in zip(TEXTS, expected[name], found[name], strict=True):
            if text is None:  # it once was an empty document, as in Spark NLP
                assert now is None
                continue
            for old, new in zip(then, now, strict=True):
                for key in ("annotatorType", "begin", "end", "result"):
                    assert new[key] == old[key]
                assert old["metadata"].items() <= new["metadata"].items()
                assert len(old["embeddings"]) == len(new["embeddings"])
                difference = np.subtract(old["embeddings"], new["embeddings"])
                assert np.abs(difference).max(initial=0) < TOLERANCE
                compared += len(old["embeddings"])
    assert compared > 100


# ---- bundles ----


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    PipelineModel.load(SAVED).write().bundle(path)
    return path


def shuffled_copy(folder: Path, target: Path, seed: int) -> Path:
    """The same files, made in another order and at another time."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    random.Random(seed).shuffle(files)
    for number, path in enumerate(files):
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        os.utime(copy, (10**9 + number * seed, 10**9 + number * seed))
    return target


def test_the_same_pipeline_gives_the_same_bytes(tmp_path: Path, monkeypatch) -> None:
    made = set()
    for seed in (1, 2, 3):
        copy = shuffled_copy(SAVED, tmp_path / f"copy-{seed}", seed)
        assert main(["bundle", str(copy), "-o", str(tmp_path / f"{seed}.zip")]) == 0
        made.add((tmp_path / f"{seed}.zip").read_bytes())
    # A bundle of a bundle, at another place and umask
    monkeypatch.chdir(tmp_path)
    old = os.umask(0o077)
    try:
        assert main(["bundle", "1.zip", "-o", "again.zip"]) == 0
    finally:
        os.umask(old)
    assert {(tmp_path / "again.zip").read_bytes()} == made


def test_a_bundle_is_a_plain_archive_with_fixed_times_and_order(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as file:
        assert file.testzip() is None
        members = file.infolist()
        for member in members:
            with file.open(member):  # which moves to the first byte
                assert file.fp.tell() % 64 == 0
    assert [member.filename for member in members] == [
        "stages.json",
        "models/golden_bert/1_Pooling/config.json",
        "models/golden_bert/config.json",
        "models/golden_bert/embedpipe.json",
        "models/golden_bert/modules.json",
        "models/golden_bert/tokenizer_config.json",
        "models/golden_bert/vocab.txt",
        "models/golden_bert/model.safetensors",
    ]
    assert {m.compress_type for m in members} == {zipfile.ZIP_STORED}
    assert {m.date_time for m in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {m.external_attr >> 16 for m in members} == {0o100644}


def test_it_opens_like_the_folder_and_nothing_is_written(bundle: Path) -> None:
    expected = PipelineModel.load(SAVED).transform(FRAME)
    loaded = PipelineModel.load(bundle)
    assert loaded.uid == PipelineModel.load(SAVED).uid
    assert loaded.transform(FRAME).equals(expected)
    assert loaded.stages[-1].encoder is loaded.stages[-2].encoder
    assert names_in(bundle.parent) == [bundle.name]
    assert BertEmbeddings.load(bundle).getStorageRef() == "golden_bert"
    assert Encoder.load(bundle).pooling == "mean"
    # Replaced while in use
    bundle.unlink()
    assert loaded.transform(FRAME).equals(expected)


def test_weights_are_used_where_they_lie_in_the_file(bundle: Path) -> None:
    for tensor in PipelineModel.load(bundle).stages[-1].encoder.model.tensors.values():
        assert not tensor.flags.owndata
        assert tensor.flags.aligned
        assert not tensor.flags.writeable


def test_models_behind_references_are_in_the_bundle(tmp_path: Path) -> None:
    model = PipelineModel.load(shuffled_copy(SAVED, tmp_path / "copy", 1))
    model.save(tmp_path / "light", models="reference")
    assert names_in(tmp_path / "light") == ["stages.json"]
    assert main(["bundle", str(tmp_path / "light"), "-o", str(tmp_path / "all.zip")]) == 0
    shutil.rmtree(tmp_path / "copy")
    expected = PipelineModel.load(SAVED).transform(FRAME)
    assert PipelineModel.load(tmp_path / "all.zip").transform(FRAME).equals(expected)


def test_the_command_says_what_it_wrote_and_what_is_wrong(
    testdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "b.zip"
    assert main(["bundle", str(SAVED), "-o", str(target)]) == 0
    size = target.stat().st_size
    assert capsys.readouterr().out == f"{target}: {size:,} bytes; open it with PipelineModel.load\n"
    before = target.read_bytes()
    wrong = {
        (str(tmp_path / "absent"), str(tmp_path / "c.zip")): "nothing is at",
        (
            str(testdata / "models/torch_bin"),
            str(tmp_path / "c.zip"),
        ): "holds no saved stage or pipeline",
        (str(SAVED), str(target)): "it exists already",
        (str(SAVED), str(tmp_path / "no/b.zip")): "does not exist; make it first",
        (str(SAVED), str(tmp_path / "b.bin")): "name the bundle otherwise, such as .zip",
    }
    for (source, output_), finding in wrong.items():
        assert main(["bundle", source, "-o", output_]) == 1
        assert finding in capsys.readouterr().err
    assert target.read_bytes() == before
    assert names_in(tmp_path) == ["b.zip"]


def test_a_pipeline_of_spark_nlp_becomes_a_bundle(testdata: Path, tmp_path: Path) -> None:
    source = testdata / "models/spark_nlp_5.5.3/pipeline_bert_onnx"
    assert main(["bundle", str(source), "-o", str(tmp_path / "b.zip")]) == 0
    found = PipelineModel.load(tmp_path / "b.zip").transform(FRAME)
    assert found.equals(PipelineModel.load(source).transform(FRAME))


def test_a_single_stage_becomes_a_bundle(tmp_path: Path) -> None:
    stage = BertSentenceEmbeddings.load(SAVED)
    with pytest.raises(OutputError, match="taken for parts of a model"):
        stage.write().bundle(tmp_path / "stage.json")
    stage.write().bundle(tmp_path / "stage")
    assert BertSentenceEmbeddings.load(tmp_path / "stage").uid == stage.uid


def test_every_changed_byte_that_matters_is_noticed(bundle: Path) -> None:
    content = bundle.read_bytes()
    expected = PipelineModel.load(bundle).transform(FRAME)
    refused = 0
    for place in range(0, len(content), 61):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        bundle.write_bytes(damaged)
        try:
            found = PipelineModel.load(bundle).transform(FRAME)
        except (ModelFormatError, FileNotFoundError):
            refused += 1
        else:  # padding, times
            assert found.equals(expected), place
    assert refused > 150
    for end in (0, 10, len(content) // 2, len(content) - 1):
        bundle.write_bytes(content[:end])
        with pytest.raises(ModelFormatError):
            PipelineModel.load(bundle)


def test_what_is_there_is_refused_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    model, target = PipelineModel.load(SAVED), tmp_path / "b.zip"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    for taken in (target, tmp_path / "link"):
        with pytest.raises(OutputError, match=r"it exists already.*or write\(\)\.overwrite\(\)"):
            model.write().bundle(taken)
    assert target.read_bytes() == b"precious"
    model.write().overwrite().bundle(target)
    assert PipelineModel.load(target).uid == model.uid
    with pytest.raises(OutputError, match="it is a folder"):
        model.write().bundle(tmp_path)
    # What is mapped may be replaced
    loaded = PipelineModel.load(target)
    before = target.read_bytes()
    loaded.write().overwrite().bundle(target)
    assert target.read_bytes() == before
    assert names_in(tmp_path) == ["b.zip", "link"]
