"""The tiny random models that the recorded answers of Spark NLP were made with."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedpipe import Encoder

MINILM = "all-MiniLM-L6-v2"


def load_encoders(shared: Path, folder: Path) -> dict[str, Encoder]:
    """The encoders by the names of the records; model files are written to `folder`."""
    path = shared / "goldens" / "random_models.py"
    spec = importlib.util.spec_from_file_location("random_models", path)
    maker: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    vocabularies = {
        "tiny_bert": (shared / "data/bert_uncased/vocab.txt", "vocab.txt"),
        "tiny_albert": (shared / "data/albert_tfhub_v3/assets/30k-clean.model", "spiece.model"),
    }
    expected = json.loads((shared / "goldens" / "random_models.sha256.json").read_text())
    encoders = {MINILM: Encoder.load()}
    for name, (vocabulary, file) in vocabularies.items():
        digest = maker.write(folder, name, getattr(maker, name), vocabulary, file)
        assert digest == expected[name], f"{name}: the weights differ from the recorded ones"
        encoders[name] = Encoder.load(folder / name)
    return encoders


def records(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    """The records of one file; texts contain U+2028, so lines end at line feeds only."""
    text = (shared / "goldens" / "spark_nlp" / f"{name}.jsonl").read_text(encoding="utf-8")
    return (json.loads(line) for line in text.split("\n") if line)
