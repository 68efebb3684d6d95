"""Tiny models under the names of published ones, with random weights."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli_support import write_tiny_model
from tests.support.model_folders import tiny_config, write_model
from tests.support.spiece_files import train_spiece

__all__ = ["write_published_names"]


def write_published_names(folder: Path) -> Path:
    """A folder with the models of three published cards."""
    write_tiny_model(folder / "small_bert_L12_256", seed=1)
    write_tiny_model(folder / "sent_small_bert_L2_512", seed=2)
    albert = folder / "albert_large_uncased"
    albert.mkdir()
    train_spiece(albert)
    write_model(albert, tiny_config("albert", vocab_size=60), seed=3)
    return folder
