"""A tiny model, and the command `embedpipe` in a process of its own, for the tests of `cli`."""

from __future__ import annotations

import string
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import model_folders

PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *string.ascii_lowercase,
    *string.digits,
    *string.punctuation,
    *(f"##{character}" for character in string.ascii_lowercase + string.digits),
]
"""A vocabulary in which every character is a piece, so that lengths are plain to see."""
MAX_LENGTH = 48


def write_tiny_model(folder: Path, *, hidden: int = 32, seed: int = 0) -> Path:
    """A BERT of one layer whose texts have at most MAX_LENGTH pieces."""
    folder.mkdir(parents=True)
    vocab = folder.parent / f"{folder.name}-vocab.txt"
    vocab.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return model_folders.write_bert(
        folder,
        layers=1,
        hidden=hidden,
        seed=seed,
        vocab=vocab,
        num_attention_heads=2,
        intermediate_size=32,
        vocab_size=len(PIECES),
        max_position_embeddings=MAX_LENGTH,
    )


def command(*arguments: str | Path) -> list[str]:
    """The command line that runs `embedpipe` with this interpreter."""
    return [sys.executable, "-m", "embedpipe", *map(str, arguments)]


def embedpipe(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, standard input empty unless `input` or `stdin` says otherwise."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        command(*arguments),
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        **options,
    )


def names_in(folder: Path) -> list[str]:
    """Every name in the folder, hidden ones included."""
    return sorted(path.name for path in folder.iterdir())
