"""Folders with a small vocabulary and whatever a tokenizer's files may state beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from embedpipe.engine.config import EncoderConfig

SIZE = 70
CONFIG = EncoderConfig("bert", SIZE, 64, 64, 2, 4, 256, 512, 2, 1e-12, "gelu_erf")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, *"abcdefgh", "the", "new", "york", "##s", "##b", "co", "##vid", "É", "é", "A"]
PIECES += ["漢", "字", "漢字", "[unused1]", "<x>", "the_", ".", "[", "]", "The", "New"]
N = len(PIECES)


def token(text: str, **flags: bool) -> dict[str, object]:
    usual = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {"content": text, **usual, "special": True, **flags}


def write(folder: Path, files: Mapping[str, object], model_type: str = "bert") -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
