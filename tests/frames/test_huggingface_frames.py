"""Hugging Face datasets: their formats, their `map`, their splits and streams."""

from __future__ import annotations

import datasets
import pytest

import embedpipe
from embedpipe.errors import InputError
from tests.support.small_pipelines import embedding, sentences
from tests.support.wide_table import TEXTS, wide_table


def test_a_dataset_of_hugging_face_keeps_its_format(encoder):
    frame = datasets.Dataset(wide_table().select(["id", "text", "flag"]))
    out = embedding(encoder).transform(frame.with_format("numpy", columns=["id"]))
    assert out.format["type"] == "numpy"
    assert out.format["columns"] == ["id", "vector"]
    splits = datasets.DatasetDict(train=frame, test=frame.select([0]))
    out = embedding(encoder).transform(splits)
    assert isinstance(out, datasets.DatasetDict)
    assert {name: len(part) for name, part in out.items()} == {"train": 5, "test": 1}


@pytest.mark.parametrize("form", [None, "arrow", "pandas", "polars", "numpy"])
def test_map_of_hugging_face_takes_a_transform(form, encoder):
    frame = datasets.Dataset(wide_table().select(["id", "text"])).with_format(form)
    out = frame.map(embedding(encoder).transform, batched=True)
    found = embedpipe.vectors(out.with_format("arrow")[:]["vector"])
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()


def test_map_of_hugging_face_takes_a_transform_row_by_row(encoder):
    frame = datasets.Dataset(wide_table().select(["id", "text"]))
    out = frame.map(embedding(encoder).transform)
    found = embedpipe.vectors(out.with_format("arrow")[:]["vector"])
    assert found.tobytes() == encoder.encode(TEXTS).tobytes()
    out = frame.map(sentences().transform)
    assert [a["result"] for a in out[0]["sentence"]] == ["One.", "Two three."]
    with pytest.raises(InputError, match="one row became 2 in column 'id'"):
        sentences(explodeSentences=True).transform({"id": 1, "text": "One. Two."})


def test_a_streamed_dataset_without_features_is_refused():
    frame = datasets.Dataset(wide_table().select(["id", "text"])).to_iterable_dataset()
    with pytest.raises(InputError, match="does not tell its columns"):
        sentences().transform(frame.map(lambda row: row))
