"""Encoders that are pickled and copied: the same bits, little to send, and plain refusals."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe import Encoder, _pickles
from embedpipe.base import PipelineModel
from embedpipe.encoder import travel
from embedpipe.engine.choice import EngineChoice
from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.reading import open_model
from tests.support.model_folders import write_model

GOLDEN = Path(__file__).parent.parent / "saving/golden_pipeline/format_1"
MODEL = GOLDEN / "saved/models/golden_bert"
TEXTS = ["it rains a lot", "", "the sun, though!"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(MODEL, tmp_path / "model")


@pytest.fixture(autouse=True)
def as_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was sent, so that pickles are opened as elsewhere."""
    monkeypatch.setattr(travel, "_present", weakref.WeakValueDictionary())


def arrive(data: bytes) -> Encoder:
    travel._present.clear()
    return pickle.loads(data)


def same(one: Encoder, other: Encoder) -> bool:
    attributes = ("name", "reference", "pooling", "normalize", "max_length", "threads", "precision")
    return one.encode(TEXTS).tobytes() == other.encode(TEXTS).tobytes() and all(
        getattr(one, name) == getattr(other, name) for name in attributes
    )


# ---- by reference ----


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("used", [False, True])
def test_a_model_with_files_goes_by_reference_and_gives_the_same_bits(folder, used, protocol):
    encoder = Encoder.load(folder)
    if used:
        encoder.encode(TEXTS)
    data = pickle.dumps(encoder, protocol)
    assert len(data) < 4000
    found = arrive(data)
    assert type(found) is Encoder
    assert same(found, encoder)
    assert found._model is not encoder._model


OPTIONS = [{"precision": "int8"}, {"precision": "bfloat16"}, {"threads": 3}]


@pytest.mark.parametrize("options", [*OPTIONS, {"implementation": "reference"}], ids=str)
def test_how_it_was_loaded_travels_too(folder, options: dict[str, Any]):
    encoder = Encoder.load(folder, **options)
    assert same(arrive(pickle.dumps(encoder)), encoder)


def test_threads_that_nobody_asked_for_are_counted_where_it_arrives(folder, monkeypatch):
    free, asked = (pickle.dumps(Encoder.load(folder, threads=n)) for n in (None, 3))
    monkeypatch.setattr("embedpipe.engine.threads.default_threads", lambda: 7)
    assert arrive(free).threads == 7
    assert arrive(asked).threads == 3
    assert arrive(pickle.dumps(arrive(free).with_precision("int8"))).threads == 7


@pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")
def test_what_was_changed_on_the_encoder_travels(folder):
    encoder = Encoder.load(folder)
    encoder.max_length, encoder.pooling = 3, "cls"
    found = arrive(pickle.dumps(encoder))
    assert same(found, encoder)
    assert not same(found, Encoder.load(folder))


def test_a_subclass_arrives_as_what_it_is(folder):
    encoder = Named.load(folder)
    encoder.purpose = "search"
    found = arrive(pickle.dumps(encoder))
    assert (type(found), found.purpose) == (Named, "search")


class Named(Encoder):
    purpose = ""


def test_a_model_in_an_archive_goes_by_reference(folder):
    archive = Path(shutil.make_archive(str(folder), "zip", folder.parent, "model"))
    encoder = Encoder.load(archive)
    data = pickle.dumps(encoder)
    assert len(data) < 4000
    assert same(arrive(data), encoder)


def test_a_model_in_a_bundle_goes_by_reference(tmp_path):
    bundle = shutil.copy(GOLDEN / "bundle.zip", tmp_path)
    encoder = PipelineModel.load(bundle).stages[-1].encoder
    data = pickle.dumps(encoder)
    assert len(data) < 4000
    assert same(arrive(data), encoder)


def test_a_model_with_a_name_is_found_by_it_where_its_path_does_not_exist(
    tmp_path, folder, monkeypatch
):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path))
    encoder = Encoder.load("model")
    data = pickle.dumps(encoder)
    (tmp_path / "elsewhere").mkdir()
    folder.rename(tmp_path / "elsewhere/model")
    with pytest.raises(ModelNotFoundError, match=r"nothing is now.*nor is it found by its name"):
        arrive(data)
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path / "elsewhere"))
    assert same(arrive(data), encoder)
    write_model(tmp_path / "elsewhere/model", _config(MODEL))
    with pytest.raises(ModelFormatError, match="where another model lies now"):
        arrive(data)


def _config(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def test_a_relative_path_leads_there_from_anywhere(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    data = pickle.dumps(Encoder.load("./model"))
    monkeypatch.chdir("/")
    assert arrive(data).encode(TEXTS).shape == (3, 8)


# ---- once in a process ----


def test_what_arrives_twice_is_opened_once_and_goes_when_nobody_uses_it(folder, monkeypatch):
    data = [pickle.dumps(Encoder.load(folder, precision=p)) for p in ("float32", "int8")]
    travel._present.clear()
    opened = _counted(monkeypatch, travel.LoadedModel, "of")
    gc.disable()
    try:
        found = [pickle.loads(pickled) for pickled in data * 50]
        assert len(opened) == 1
        assert len({id(encoder._model) for encoder in found}) == 1
        seen = weakref.ref(found[0]._model)
        del found
        assert seen() is None
    finally:
        gc.enable()
    pickle.loads(data[0])
    assert len(opened) == 2


def test_copies_share_weights_and_what_was_packed(folder, monkeypatch):
    made = _counted(monkeypatch, EngineChoice, "make")
    encoder = Encoder.load(folder)
    expected = encoder.encode(TEXTS).tobytes()
    opened = _counted(monkeypatch, travel.LoadedModel, "of")
    for other in (copy.copy(encoder), copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert other is not encoder
        assert other.encode(TEXTS).tobytes() == expected
        other.pooling = "cls"
    assert (encoder.pooling, len(made), opened) == ("mean", 1, [])


def _counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    calls: list[Any] = []
    original = getattr(owner, name)

    def counted(*args: Any) -> Any:
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(owner, name, counted)
    return calls


# ---- with its bytes ----


def in_memory(folder: Path) -> Encoder:
    model = open_model(open_tree(folder))
    return Encoder.of_model(model, name="made", reference=None)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_model_without_files_goes_with_its_bytes(folder, protocol):
    encoder = in_memory(folder)
    data = pickle.dumps(encoder, protocol)
    shutil.rmtree(folder)
    found = arrive(data)
    assert same(found, encoder)
    assert same(arrive(pickle.dumps(found, protocol)), encoder)
    again = [pickle.loads(data) for _ in range(3)]
    assert len({id(encoder._model) for encoder in again}) == 1


def test_its_bytes_may_go_beside_the_pickle(folder):
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(in_memory(folder), 5, buffer_callback=buffers.append)
    assert len(data) < 4000
    travel._present.clear()
    sent = [bytearray(buffer.raw()) for buffer in buffers]
    assert same(pickle.loads(data, buffers=sent), in_memory(folder))


def test_a_model_whose_files_have_gone_or_changed_goes_with_its_bytes(folder, tmp_path):
    encoder = Encoder.load(folder)
    expected = encoder.encode(TEXTS).tobytes()
    write_model(tmp_path / "other", _config(folder), seed=3)
    (tmp_path / "other/model.safetensors").replace(folder / "model.safetensors")
    assert arrive(pickle.dumps(encoder)).encode(TEXTS).tobytes() == expected
    shutil.rmtree(folder)
    assert arrive(pickle.dumps(encoder)).encode(TEXTS).tobytes() == expected


# ---- refusals ----


def test_a_model_that_vanished_is_named_with_its_path_and_the_remedy(folder):
    data = pickle.dumps(Encoder.load(folder))
    shutil.rmtree(folder)
    message = rf"'model' was pickled by reference to {folder}, where nothing is now.*Put it there"
    with pytest.raises(ModelNotFoundError, match=message):
        arrive(data)
    folder.mkdir()
    with pytest.raises(ModelFormatError, match=f"reference to {folder}, and cannot be read there"):
        arrive(data)


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "config.json"])
def test_another_model_under_the_path_is_refused(folder, name):
    data = pickle.dumps(Encoder.load(folder))
    content = (folder / name).read_bytes()
    changed = {
        "model.safetensors": content[:-1] + bytes([content[-1] ^ 1]),
        "vocab.txt": content.replace(b"rain\n", b"snow\n"),
        "config.json": content.replace(b"gelu", b"relu"),
    }[name]
    assert changed != content
    (folder / name).write_bytes(changed)
    with pytest.raises(ModelFormatError, match=f"reference to {folder}, "):
        arrive(data)
    (folder / name).write_bytes(content)  # at another time, but the same
    assert arrive(data).encode(TEXTS).tobytes() == Encoder.load(MODEL).encode(TEXTS).tobytes()


@pytest.mark.parametrize(
    ("name", "value"), [("__version__", "99.0"), ("PICKLE_FORMAT", 99)], ids=str
)
def test_a_pickle_of_another_version_says_so(folder, name, value, monkeypatch):
    data = pickle.dumps(Encoder.load(folder))
    monkeypatch.setattr(_pickles, name, value)
    with pytest.raises(ModelFormatError, match=r"was made by embedpipe .*99.*use save and load"):
        arrive(data)


@pytest.mark.parametrize("made", [Encoder.load, in_memory])
def test_a_damaged_pickle_is_refused_or_gives_the_same(folder, made):
    encoder = made(folder)
    data = pickle.dumps(encoder, 5)
    expected = encoder.encode(TEXTS).tobytes()
    refused = 0
    for place in np.linspace(60, len(data) - 1, 400).astype(int):
        damaged = bytearray(data)
        damaged[place] ^= 0x20
        try:
            found = arrive(bytes(damaged))
        except ModelFormatError as error:
            refused += "damaged" in str(error)
        except Exception:  # of pickle itself
            continue
        else:
            assert isinstance(found, Encoder), place
            assert found.encode(TEXTS).tobytes() == expected, place
    assert refused > 100
    for end in range(1, len(data), 97):
        with pytest.raises(Exception, match=r"truncated|EOF|Ran out|damaged|exhausted|incomplete"):
            arrive(data[:end])
