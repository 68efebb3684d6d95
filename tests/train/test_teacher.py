"""The cache of a teacher's vectors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.errors import InputError, OutputError
from embedpipe.train.distillation import teacher as module
from embedpipe.train.distillation.teacher import teacher_vectors
from tests.support.training import sentences, write_teacher


@pytest.fixture
def encoder(tmp_path):
    return Encoder.load(write_teacher(tmp_path / "teacher"))


@pytest.fixture
def computed(monkeypatch):
    """All texts that any encoder has computed."""
    texts: list[str] = []
    whole = Encoder.encode_counting

    def counting(self, given, **options):
        texts.extend(given)
        return whole(self, given, **options)

    monkeypatch.setattr(Encoder, "encode_counting", counting)
    return texts


def test_vectors_are_those_of_the_engine_at_length_one_in_float16(encoder, tmp_path):
    texts = sentences(50)
    found = teacher_vectors(encoder, texts, cache=tmp_path / "cache")
    expected = encoder.encode(texts, normalize=True).astype(np.float16)
    rows = np.array([3, 1, 49])
    assert found.dimension == 32
    assert (found[rows] == expected[rows].astype(np.float32)).all()


def test_nothing_is_computed_twice_whatever_the_order_or_the_files(
    encoder, tmp_path, computed, monkeypatch
):
    monkeypatch.setattr(module, "_FILE_TEXTS", 16)
    texts, cache = sentences(60), tmp_path / "cache"
    first = teacher_vectors(encoder, texts[:40], cache=cache)
    assert first.computed == 40
    again = teacher_vectors(encoder, texts[::-1], cache=cache)
    assert again.computed == 20
    assert sorted(computed) == sorted(texts)
    assert (again[np.arange(60)[::-1]][:40] == first[np.arange(40)]).all()
    some = teacher_vectors(encoder, [*texts, "a new one"], np.array([2, 60]), cache=cache)
    assert some.computed == 1


def test_a_killed_run_keeps_the_files_that_were_finished(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FILE_TEXTS", 16)
    texts, cache = sentences(60), tmp_path / "cache"
    written = module._written

    def failing(folder, keys, vectors):
        if len(list(folder.glob("*.vectors"))) == 2:
            raise KeyboardInterrupt
        return written(folder, keys, vectors)

    monkeypatch.setattr(module, "_written", failing)
    with pytest.raises(KeyboardInterrupt):
        teacher_vectors(encoder, texts, cache=cache)
    monkeypatch.setattr(module, "_written", written)
    assert teacher_vectors(encoder, texts, cache=cache).computed == 28


def test_another_teacher_or_precision_has_vectors_of_its_own(encoder, tmp_path):
    texts, cache = sentences(20), tmp_path / "cache"
    teacher_vectors(encoder, texts, cache=cache)
    quick = encoder.with_precision("int8")
    other = Encoder.load(write_teacher(tmp_path / "other", num_hidden_layers=2))
    assert teacher_vectors(quick, texts, cache=cache).computed == 20
    assert teacher_vectors(other, texts, cache=cache).computed == 20


def test_a_damaged_file_is_named_with_the_remedy(encoder, tmp_path):
    found = teacher_vectors(encoder, sentences(20), cache=tmp_path / "cache")
    path = next(found.folder.glob("*.vectors"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=f"{path.name} is damaged.*Remove it"):
        teacher_vectors(encoder, sentences(20), cache=tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_an_error_with_its_name(encoder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--cache"):
        teacher_vectors(encoder, sentences(20), cache=tmp_path / "file")


def test_models_of_the_same_weights_that_are_used_differently_share_no_vectors(tmp_path):
    texts, cache = sentences(20), tmp_path / "cache"
    plain = Encoder.load(write_teacher(tmp_path / "teacher"))
    teacher_vectors(plain, texts, cache=cache)
    for name, record in USES.items():
        folder = write_teacher(tmp_path / name)
        for file, content in record.items():
            (folder / file).write_text(json.dumps(content))
        other = Encoder.load(folder)
        found = teacher_vectors(other, texts, cache=cache)
        assert found.computed == 20
        expected = other.encode(texts, normalize=True)
        assert np.abs(found[np.arange(20)] - expected).max() < 1e-3
        assert np.abs(expected - plain.encode(texts, normalize=True)).max() > 0.01


USES = {
    "first-piece": {"embedpipe.json": {"pooling": "cls"}},
    "prompted": {
        "embedpipe.json": {
            "prompts": {"ask": "bad cad "},
            "default_prompt_name": "ask",
        }
    },
}
