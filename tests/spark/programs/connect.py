"""Spark Connect: the published code, saving and SQL, without any way to the JVM."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from common import FOLDER, model

import embedpipe.spark

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from tests.support.published_snippets import SNIPPETS

spark = SparkSession.builder.remote("local[2]").getOrCreate()
names = {"spark": spark}
exec(SNIPPETS["sent_small_bert_L2_512"], names)
result = names["result"]
assert "connect" in type(result).__module__
(row,) = result.collect()

expected = model().transform(pd.DataFrame({"text": ["I hate cancer"]}))
vector = expected["vectors"][0][0]["embeddings"]
assert list(row["sentence_embeddings"][0]["embeddings"]) == list(vector)
assert [f.metadata.get("annotatorType") for f in result.schema.fields][-1] == "sentence_embeddings"

names["pipeline_model"].write().overwrite().save(str(FOLDER / "saved"))
again = PipelineModel.load(str(FOLDER / "saved")).transform(result.select("text"))
assert again.first()["sentence_embeddings"] == row["sentence_embeddings"]

embedpipe.spark.register(spark, models=["sent_small_bert_L2_512"])
found = spark.sql("SELECT embed_sentence('I hate cancer', 'sent_small_bert_L2_512') AS v").first()
assert len(found["v"]) == 16
print("connect", spark.version)
spark.stop()
