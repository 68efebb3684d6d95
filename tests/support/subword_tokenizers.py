"""Tokenizers of BERT and ALBERT uncased for tests, and texts to try them on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from embedpipe.engine.config import EncoderConfig
from embedpipe.subword import SubwordTokenizer, load_tokenizer

BERT = EncoderConfig("bert", 30522, 64, 64, 2, 4, 256, 512, 2, 1e-12, "gelu_erf")
ALBERT = dataclasses.replace(BERT, architecture="albert", vocab_size=30000)

# Everything below U+0250 but control characters: ASCII, Latin with accents, punctuation, symbols.
latin_text = st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cc"]), max_size=60)
any_text = st.text(st.characters(exclude_categories=[]), max_size=60)
quick = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def ids_of(tokenizer: SubwordTokenizer, texts: list[str]) -> list[list[int]]:
    return [ids.tolist() for ids in tokenizer.encode(texts).ids]


PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "é", "e", "A", "漢", "##漢"]
PIECES += ["漢漢", "É"]


def write_vocab(folder: Path, *, text: str | None = None, **settings: object) -> Path:
    text = "\n".join(PIECES) + "\n" if text is None else text
    (folder / "vocab.txt").write_bytes(text.encode())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def load(folder: Path) -> SubwordTokenizer:
    return load_tokenizer(folder, BERT)


def ids(folder: Path, text: str) -> list[int]:
    return load(folder).encode([text]).ids[0].tolist()
