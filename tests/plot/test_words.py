"""Words of a sentence with their neighbors: against the stages' own vectors, one by one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from embedpipe import Encoder
from embedpipe.base import DocumentAssembler, LightPipeline, Pipeline
from embedpipe.cli import main
from embedpipe.errors import InputError, ParameterError
from embedpipe.plot import draw_words, words_with_neighbors
from embedpipe.stages import BertEmbeddings, Tokenizer
from tests.support.cli_support import write_tiny_model

SENTENCE = "a \U0001f600 bank, once"
CORPUS = ["the bank of \U0001f600 a river", "once again a bank", "no"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def vectors_of(text: str, encoder: Encoder) -> list[tuple[str, np.ndarray]]:
    """Words with their vectors, each text by itself."""
    stages = [
        DocumentAssembler(inputCol="text", outputCol="document"),
        Tokenizer(inputCols=["document"], outputCol="token"),
        BertEmbeddings(encoder, inputCols=["document", "token"], outputCol="vectors"),
    ]
    light = LightPipeline(Pipeline(stages=stages).fit(), parse_embeddings=True)
    found = light.fullAnnotate(text)
    row = found[0] if isinstance(found, list) else found
    return [(a.result, np.array(a.embeddings, np.float64)) for a in row["vectors"]]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_neighbors_are_the_nearest_word_of_each_text(model: Path) -> None:
    encoder = Encoder.load(model)
    found = words_with_neighbors(SENTENCE, CORPUS, encoder=encoder, k=2)
    assert [SENTENCE[word.begin : word.end] for word in found] == [word.word for word in found]
    asked = vectors_of(SENTENCE, encoder)
    corpus = [vectors_of(text, encoder) for text in CORPUS]
    assert len(found) == len(asked) > 3
    for word, (_, vector) in zip(found, asked, strict=True):
        best = [max(cosine(vector, other) for _, other in words) for words in corpus]
        order = sorted(range(3), key=lambda i: -best[i])[:2]
        assert [each.text for each in word.neighbors] == [CORPUS[i] for i in order]
        scores = [each.score for each in word.neighbors]
        np.testing.assert_allclose(scores, [best[i] for i in order], atol=1e-5)
        for each in word.neighbors:
            assert each.text[each.begin : each.end] == each.word


def test_the_command_prints_them(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corpus.txt").write_text("\n".join(CORPUS), encoding="utf-8")
    page = tmp_path / "words.html"
    arguments = ["tokens", SENTENCE, "--in", str(tmp_path / "corpus.txt"), "--model", str(model)]
    assert main([*arguments, "-k", "1"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["WORD", "COSINE", "IN", "THE", "CORPUS"]
    assert all("[" in line for line in lines) and len(lines) == len(
        words_with_neighbors(SENTENCE, CORPUS, encoder=Encoder.load(model), k=1)
    )
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["word"] == "a"
    assert main([*arguments, "-o", str(page)]) == 0
    assert "default-src 'none'" in page.read_text(encoding="utf-8")
    assert main([*arguments, "-o", str(page)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_what_cannot_be_compared_is_told(model: Path, tmp_path: Path) -> None:
    encoder = Encoder.load(model)
    with pytest.raises(InputError, match="the sentence ' ' has no words"):
        words_with_neighbors(" ", CORPUS, encoder=encoder)
    with pytest.raises(InputError, match="the corpus has no words"):
        words_with_neighbors("a", [""], encoder=encoder)
    with pytest.raises(ParameterError, match="k: found 0"):
        words_with_neighbors("a", CORPUS, encoder=encoder, k=0)
    draw_words("a", [], tmp_path / "empty.html")
