"""What the programs share: their folder, the pipeline, and the rows."""

from __future__ import annotations

import sys
from pathlib import Path

from embedpipe.annotator import BertSentenceEmbeddings, SentenceDetector
from embedpipe.base import DocumentAssembler, Pipeline

FOLDER = Path(sys.argv[1])
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For Javas that end before their compiler has paid."""
QUIET = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": SHORT_LIVED,
    "spark.executor.extraJavaOptions": SHORT_LIVED,
}
ROWS = "concat('Number ', id, ' of ', repeat('many ', cast(id % 7 as int)), 'sentences.') as text"


def model(name="sent_small_bert_L2_512"):
    return Pipeline(
        stages=[
            DocumentAssembler(inputCol="text"),
            SentenceDetector(inputCols=["document"], outputCol="sentence"),
            BertSentenceEmbeddings.pretrained(name).setParams(
                inputCols=["sentence"], outputCol="vectors"
            ),
        ]
    ).fit()
