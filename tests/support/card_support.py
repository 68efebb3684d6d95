"""Tiny models with a catalog of a test's own, and readers of cards that share no code with ours."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from embedpipe import Encoder
from tests.support import model_folders
from tests.support.cli_support import write_tiny_model
from tests.support.download_support import Place, entry
from tests.support.spiece_files import train_spiece

ANNOTATORS = {
    "sentence": "BertSentenceEmbeddings",
    "word": "BertEmbeddings",
    "albert": "AlbertEmbeddings",
}
SECRET = "https://user:secret@files.example/house.zip?key=1"
VOID = {"meta", "wbr"}


def write_kind(kind: str, folder: Path) -> Path:
    """A model for vectors of sentences or words, or an ALBERT."""
    if kind == "albert":
        folder.mkdir(parents=True)
        train_spiece(folder)
        return model_folders.write_model(
            folder, model_folders.tiny_config("albert", vocab_size=60), seed=1
        )
    write_tiny_model(folder)
    if kind == "sentence":
        (folder / "embedpipe.json").write_text('{"pooling": "cls"}')
    return folder


def published(kind: str, model: Path) -> list[dict[str, Any]]:
    """The first values of a text of one word: by our engine, but not by the stages."""
    encoder = Encoder.load(model)
    hidden = encoder.hidden_states(encoder.tokenize(["hello"]).ids).values
    level, vector = ("sentence", hidden[0]) if kind == "sentence" else ("token", hidden[1])
    return [{"text": "hello", "context": None, "level": level, "values": vector[:3].tolist()}]


class House:
    """A model called `house` in a folder `models` that names are looked for in."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = Place(folder, monkeypatch)
        self.models = folder / "models"
        self.model = self.models / "house"
        monkeypatch.setenv("EMBEDPIPE_MODELS", str(self.models))
        monkeypatch.setattr("embedpipe.card.measuring._SECONDS", 0.0)  # three runs are enough
        monkeypatch.chdir(folder)
        self.place.describe()

    def build(self, kind: str = "sentence") -> Path:
        """Write the model; no catalog knows it yet."""
        return write_kind(kind, self.model)

    def describe(self, kind: str = "sentence", **changes: Any) -> None:
        """Let the catalog know it."""
        source = {"kind": "archive", "address": SECRET}
        usual = {
            "annotator": ANNOTATORS[kind],
            "architecture": "albert" if kind == "albert" else "bert",
            "dimension": 16 if kind == "albert" else 32,
            "published": published(kind, self.model),
        }
        described = entry("house", source, **(usual | changes))
        self.place.describe(described, names={"en.embed.house": "house"})


class Page(HTMLParser):
    """Fails on a tag that closes none or loads something; keeps names of tags, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def tokens(text: str) -> list[Token]:
    """A card in Markdown, without its front matter, as a parser of CommonMark reads it."""
    body = text.partition("\n---\n")[2]
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)


def texts(text: str) -> list[str]:
    """What each paragraph, title and cell of a card in Markdown says."""
    inline = (token.children for token in tokens(text) if token.type == "inline")
    return ["".join(c.content for c in children if c.type != "html_inline") for children in inline]


def listings(text: str, language: str) -> list[str]:
    """The code on a card in Markdown."""
    return [token.content for token in tokens(text) if token.info == language]


def cosines(first: np.ndarray, second: np.ndarray) -> list[float]:
    """Of rows, one by one."""
    return [
        float(a @ b / np.sqrt((a @ a) * (b @ b)))
        for a, b in zip(first.astype(float), second.astype(float), strict=True)
    ]
