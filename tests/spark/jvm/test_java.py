"""The published job as a compiled Java program, which sends its models to executors."""

from __future__ import annotations

import pytest

from tests.spark.jvm.published import TEXTS
from tests.spark.jvm.running import assert_same

pytestmark = pytest.mark.slow

SENTENCES, WORDS, _ = TEXTS

PROGRAM = f"""
import embedpipe.base.*;
import embedpipe.annotator.*;
import java.util.Arrays;
import org.apache.spark.ml.*;
import org.apache.spark.sql.*;

public class PublishedInJava {{
  public static void main(String[] arguments) throws Exception {{
    SparkSession spark = SparkSession.builder().getOrCreate();
    DocumentAssembler assembler = new DocumentAssembler().setInputCol("text").setOutputCol("document");
    SentenceDetector detector = new SentenceDetector().setInputCols("document").setOutputCol("sentence");
    Tokenizer tokenizer = new Tokenizer().setInputCols(new String[] {{"sentence"}}).setOutputCol("token");

    BertSentenceEmbeddings sentences = BertSentenceEmbeddings.pretrained("{SENTENCES}", "en")
        .setInputCols("sentence").setOutputCol("sentence_embeddings");
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {{assembler, detector, sentences}});
    Dataset<Row> data = spark.createDataset(
        Arrays.asList("I hate cancer", "Antibiotics aren't painkiller"), Encoders.STRING()).toDF("text");
    pipeline.fit(data).transform(data).write().parquet("OUT/{SENTENCES}");

    BertEmbeddings words = BertEmbeddings.pretrained("{WORDS}", "en")
        .setInputCols("sentence", "token").setOutputCol("embeddings");
    PipelineStage[] stages = {{assembler, detector, tokenizer, words}};
    Dataset<Row> text = spark.createDataset(Arrays.asList("I love NLP"), Encoders.STRING()).toDF("text");
    PipelineModel fitted = new Pipeline().setStages(stages).fit(text);
    fitted.write().overwrite().save("OUT/saved");
    PipelineModel.load("OUT/saved").transform(text).write().parquet("OUT/{WORDS}");
    BertEmbeddings loaded = (BertEmbeddings) PipelineModel.load("OUT/saved").stages()[3];
    System.out.println("@dimension" + loaded.getDimension() + loaded.getOutputCol());
    spark.stop();
  }}
}}
"""  # noqa: E501


def test_as_a_compiled_program_on_two_executors(programs, jar, tmp_path, models):
    program = PROGRAM.replace("OUT", str(tmp_path))
    output = programs.java("PublishedInJava", program, jar, master="local-cluster[2,1,1024]")
    assert_same(tmp_path / SENTENCES, SENTENCES, models)
    assert_same(tmp_path / WORDS, WORDS, models)
    assert "@dimension64embeddings" in output
