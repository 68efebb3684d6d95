"""How a model of the catalog is used, in each language that runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embedpipe.hub.catalog_file import CatalogModel

__all__ = ["code_by_language", "notebook"]

_TEXT = "I hate cancer. Antibiotics aren't painkillers."
_PYTHON = """\
from embedpipe.annotator import *
from embedpipe.base import *

document_assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
sentence_detector = SentenceDetector().setInputCols("document").setOutputCol("sentence")
{tokenizer}embeddings = (
    {annotator}.pretrained({name}, {language})
    .setInputCols({columns})
    .setOutputCol("{output}")
)
pipeline = Pipeline(stages=[document_assembler, sentence_detector, {stage}embeddings])
"""
_PYTHON_TOKENIZER = 'tokenizer = Tokenizer().setInputCols("sentence").setOutputCol("token")\n'
_RUN = """\
import pandas as pd

frame = pd.DataFrame({{"text": [{text}]}})
result = pipeline.fit(frame).transform(frame)
"""
_JVM = """\
{val}documentAssembler = new DocumentAssembler()
  .setInputCol("text").setOutputCol("document"){end}
{val}sentenceDetector = new SentenceDetector()
  .setInputCols({document}).setOutputCol("sentence"){end}
{tokenizer}{val}embeddings = {annotator}.pretrained({name}, {language})
  .setInputCols({columns}).setOutputCol("{output}"){end}
"""
_JVM_TOKENIZER = """\
{val}tokenizer = new Tokenizer()
  .setInputCols({sentence}).setOutputCol("token"){end}
"""
_SCALA = """\
import embedpipe.base._
import embedpipe.annotator._
import org.apache.spark.ml.Pipeline

{stages}val pipeline = new Pipeline()
  .setStages(Array(documentAssembler, sentenceDetector, {stage}embeddings))
val data = Seq({text}).toDF("text")
val result = pipeline.fit(data).transform(data)
"""
_JAVA = """\
{stages}var pipeline = new Pipeline().setStages(new PipelineStage[] {{
    documentAssembler, sentenceDetector, {stage}embeddings}});
Dataset<Row> result = pipeline.fit(data).transform(data);
"""


def code_by_language(model: CatalogModel, one_line: str | None) -> Mapping[str, str]:
    """Code by "Python", "Scala", "Java" and, where it has such a name, "One line"."""
    by_words = model.task == "word"
    parts = {
        "annotator": model.annotator,
        "name": _quoted(model.name),
        "language": _quoted(model.language),
        "output": "embeddings" if by_words else "sentence_embeddings",
        "stage": "tokenizer, " if by_words else "",
        "text": _quoted(_TEXT),
    }
    columns = '"sentence", "token"' if by_words else '"sentence"'
    tokenizer = _PYTHON_TOKENIZER if by_words else ""
    found = {
        "Python": _PYTHON.format(**parts, columns=columns, tokenizer=tokenizer)
        + "\n"
        + _RUN.format(**parts),
        "Scala": _SCALA.format(**parts, stages=_jvm("val ", "", columns, parts, by_words)),
        "Java": _JAVA.format(**parts, stages=_jvm("var ", ";", columns, parts, by_words)),
    }
    if one_line is not None:
        level = "token" if by_words else "sentence"
        found["One line"] = (
            "import embedpipe\n\n"
            f'embedpipe.load({_quoted(one_line)}).predict({_quoted(_TEXT)}, output_level="{level}")'
            "\n"
        )
    return found


def notebook(model: CatalogModel, one_line: str | None) -> str:
    """The Python code as a Jupyter notebook of format 4."""
    code = code_by_language(model, one_line)
    sources = ["%pip install --quiet embedpipe pandas", code["Python"], "result"]
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source.strip().splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1) + "\n"


def _jvm(val: str, end: str, columns: str, parts: Mapping[str, str], by_words: bool) -> str:
    """The stages in Scala or Java, which need an array where several columns are given."""
    is_java = bool(end)

    def listed(names: str) -> str:
        if is_java:
            return f"new String[] {{{names}}}"
        return f"Array({names})" if "," in names else names

    given = {"val": val, "end": end, "document": listed('"document"')}
    tokenizer = ""
    if by_words:
        tokenizer = _JVM_TOKENIZER.format(**given, sentence=listed('"sentence"'))
    return _JVM.format(**parts, **given, tokenizer=tokenizer, columns=listed(columns))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
