"""The models to measure: any one in the Hugging Face layout, and shapes with random weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from embedpipe.environment import cache_directory
from embedpipe.errors import ModelFormatError
from embedpipe.files.hashes import sha256_of
from embedpipe.formats.huggingface.safetensors_writer import safetensors_parts
from embedpipe.hub.find import find_model
from embedpipe_bench import RANDOM_SHAPES
from embedpipe_bench.random_models import random_config, random_tensors

__all__ = ["BenchmarkModel", "get_model"]

WEIGHTS = "model.safetensors"
VOCABULARY = 30522
"""Pieces in all-MiniLM-L6-v2's `vocab.txt`."""


@dataclass(frozen=True)
class BenchmarkModel:
    """folder: in the Hugging Face layout. cache: for files made from exactly these weights."""

    name: str
    folder: Path
    cache: Path


def get_model(name: str) -> BenchmarkModel:
    """The model of that name or path, or one of RANDOM_SHAPES, written when missing.

    Speed does not depend on the values of weights, so that random ones stand in for the published.
    All have the vocabulary of all-MiniLM-L6-v2, which is that of Google's uncased BERT models.
    """
    folder = _random_model(name) if name in RANDOM_SHAPES else find_model(name)
    missing = [file for file in ("config.json", WEIGHTS) if not (folder / file).is_file()]
    if missing:
        raise ModelFormatError(
            f"{folder}: found no {' and no '.join(missing)}; the other engines need a model in the "
            f"Hugging Face layout. Make it one with: embedpipe import {folder} -o FOLDER"
        )
    digest = sha256_of(folder / "config.json")[:6] + sha256_of(folder / WEIGHTS)[:12]
    plain = folder.resolve().name if Path(name) == folder else name
    cache = cache_directory() / "bench" / f"{plain.replace('/', '--')}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    return BenchmarkModel(plain, folder, cache)


def _random_model(name: str) -> Path:
    folder = cache_directory() / "bench" / name
    if (folder / WEIGHTS).exists():
        return folder
    # Under another name until it is whole, as an interrupted run would leave a part of it.
    unfinished = folder.with_name(f"{name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    config = random_config(name) | {"vocab_size": VOCABULARY}
    (unfinished / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (unfinished / "vocab.txt").write_bytes(
        (find_model("all-MiniLM-L6-v2") / "vocab.txt").read_bytes()
    )
    with (unfinished / WEIGHTS).open("wb") as file:
        for part in safetensors_parts(random_tensors(config)):
            file.write(part)
    return unfinished.rename(folder)
