"""The code of docs/spark.md and docs/coming-from-spark-udfs.md runs, from top to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from embedpipe import Encoder
from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline

DOCS = Path(__file__).parents[2] / "docs"
MODEL = "sent_small_bert_L2_512"


def run(page: str, names: dict[str, object]) -> None:
    """Run its Python with a tiny model in the trained one's place."""
    tokens = MarkdownIt("commonmark").parse((DOCS / page).read_text(encoding="utf-8"))
    blocks = [token for token in tokens if token.type == "fence" and token.info == "python"]
    assert len(blocks) >= 2
    for block in blocks:
        code = block.content.replace("all-MiniLM-L6-v2", MODEL)
        exec(compile(code, f"{page}, block at line {block.map[0]}", "exec"), names)


@pytest.fixture
def frame(spark):
    found = spark.createDataFrame([(1, "I hate cancer"), (2, None)], "id int, text string")
    found.createOrReplaceTempView("reviews")
    return found


def test_spark(spark, frame, monkeypatch):
    monkeypatch.setattr("embedpipe.start", lambda: spark, raising=False)
    stages = [
        DocumentAssembler(inputCol="text", outputCol="document"),
        BertSentenceEmbeddings.pretrained(MODEL)
        .setInputCols("document")
        .setOutputCol("sentence_embeddings"),
    ]
    model = Pipeline(stages=stages).fit(frame)
    names = {"model": model, "frame": frame}
    run("spark.md", names)
    (row,) = names["result"].select("sentence_embeddings.embeddings").collect()
    assert np.allclose(row[0][0], Encoder.load(MODEL).encode("I hate cancer"), atol=1e-6)


def test_udfs(spark, frame):
    names = {"spark": spark, "frame": frame}
    run("coming-from-spark-udfs.md", names)
    rows = {row["id"]: row["vector"] for row in names["out"].collect()}
    expected = Encoder.load(MODEL).encode("I hate cancer")
    assert np.array(rows[1], np.float32).tobytes() == expected.tobytes()
