"""Code for a card that uses the model; it can be run unchanged."""

from __future__ import annotations

import json
import shlex

from embedpipe.card.facts import CardFacts

__all__ = ["command", "encoder_code", "pipeline_code"]

_TEXT = "The train is late."


def pipeline_code(facts: CardFacts) -> str:
    """A pipeline with the model's annotator."""
    names, columns, tokens = facts.annotator, '"document"', ""
    if facts.by_words:
        names, columns = f"{facts.annotator}, Tokenizer", '"document", "token"'
        tokens = '        Tokenizer(inputCols=["document"], outputCol="token"),\n'
    return (
        "import pandas as pd\n\n"
        f"from embedpipe.annotator import {names}\n"
        "from embedpipe.base import DocumentAssembler, Pipeline\n\n"
        f'frame = pd.DataFrame({{"text": ["{_TEXT}"]}})\n'
        "pipeline = Pipeline(\n"
        "    stages=[\n"
        '        DocumentAssembler(inputCol="text", outputCol="document"),\n'
        f"{tokens}"
        f"        {facts.annotator}.{_loading(facts)}\n"
        f"        .setInputCols([{columns}])\n"
        '        .setOutputCol("embeddings"),\n'
        "    ]\n"
        ")\n"
        "result = pipeline.fit(frame).transform(frame)"
    )


def encoder_code(facts: CardFacts) -> str:
    """Vectors of texts without a pipeline."""
    return (
        "from embedpipe import Encoder\n\n"
        f"encoder = Encoder.load({_quoted(facts.asked)})\n"
        f'vectors = encoder.encode(["{_TEXT}"])'
    )


def command(facts: CardFacts) -> str:
    """The shell command that embeds a file."""
    model = shlex.quote(facts.asked)
    return f"embedpipe embed texts.csv --column text --model {model} -o vectors.parquet"


def _loading(facts: CardFacts) -> str:
    """The call that loads the stage with its model: by path, or by name and language."""
    asked = _quoted(facts.asked)
    if facts.by_path:
        return f"load({asked})"
    language = "" if facts.language is None else f", {_quoted(facts.language)}"
    return f"pretrained({asked}{language})"


def _quoted(text: str) -> str:
    """A Python string literal, in double quotes if the text is ASCII."""
    return json.dumps(text) if text.isascii() else repr(text)
