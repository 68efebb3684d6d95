"""Prompts: `embed_files` puts the model's own as `Encoder.encode` does; a query has its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from embedpipe import Encoder, ModelOptions, embed_files, search_file
from embedpipe.errors import ParameterError
from tests.support.cli_support import write_tiny_model

LINES = ["one", "two words"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = write_tiny_model(tmp_path / "tiny")
    steps = ["Transformer", "Pooling"]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(zip(steps, ["", "1_Pooling"], strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def declare(folder: Path, default: str | None, **prompts: str) -> None:
    settings = {"prompts": prompts, "default_prompt_name": default}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))


def embedded(model: Path, **options: str) -> np.ndarray:
    source, output = model.parent / "in.txt", model.parent / "o.npy"
    source.write_text("\n".join(LINES))
    embed_files(source, output, embedding=ModelOptions(model, **options), overwrite=True)
    return np.load(output)


def test_a_default_prompt_stands_before_every_text(model: Path) -> None:
    declare(model, "document", document="d: ", query="q: ")
    encoder = Encoder.load(model)
    plain = encoder.encode(LINES, prompt="")
    assert embedded(model).tobytes() == encoder.encode(LINES).tobytes() != plain.tobytes()
    assert embedded(model, prompt="").tobytes() == plain.tobytes()
    for options in ({"prompt": "x "}, {"prompt_name": "query"}):
        assert embedded(model, **options).tobytes() == encoder.encode(LINES, **options).tobytes()
    with pytest.raises(ParameterError, match="this model knows"):
        embedded(model, prompt_name="none")


def test_a_query_has_the_prompt_of_queries_and_the_file_keeps_that_of_its_texts(
    model: Path,
) -> None:
    declare(model, None, query="q: ")
    encoder = Encoder.load(model)
    source, stored = model.parent / "in.txt", model.parent / "o.parquet"
    source.write_text("\n".join(LINES))
    embed_files(source, stored, embedding=ModelOptions(model))
    said = json.loads(parquet.read_schema(stored).field("embedding").metadata[b"embedpipe"])
    assert said["prompt"] == ""
    (texts,) = [encoder.encode(LINES).astype(np.float64)]
    for options in ({}, {"prompt": ""}, {"prompt": "x "}):
        asked = options or {"prompt": "q: "}
        query = encoder.encode(["one"], **asked)[0].astype(np.float64)
        cosines = texts @ query / np.linalg.norm(texts, axis=1) / np.linalg.norm(query)
        for path in (source, stored):
            hits = search_file("one", path, embedding=ModelOptions(model, **options))
            assert {hit.text: pytest.approx(hit.score, abs=1e-12) for hit in hits} == dict(
                zip(LINES, cosines, strict=True)
            )
