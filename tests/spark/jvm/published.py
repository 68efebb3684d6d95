"""The Scala that was published with the three models, and what stands for its `...`.

The texts are those of the models' cards, but for a quote that is missing after `I hate cancer` in
the first. Import lines are embedpipe's instead of Spark NLP's.
"""

from __future__ import annotations

IMPORTS = """\
import embedpipe.base._
import embedpipe.annotator._
import org.apache.spark.ml.Pipeline
"""

# What the cards leave out, as Spark NLP's documentation writes it.
STAGES = """\
val document_assembler = new DocumentAssembler()
      .setInputCol("text")
      .setOutputCol("document")
val sentence_detector = new SentenceDetector()
      .setInputCols("document")
      .setOutputCol("sentence")
val tokenizer = new Tokenizer()
      .setInputCols(Array("sentence"))
      .setOutputCol("token")
"""

SNIPPETS = {
    "sent_small_bert_L2_512": """\
val embeddings = BertSentenceEmbeddings.pretrained("sent_small_bert_L2_512", "en")
      .setInputCols("sentence")
      .setOutputCol("sentence_embeddings")
val pipeline = new Pipeline().setStages(Array(document_assembler, sentence_detector, embeddings))
val data = Seq("I hate cancer", "Antibiotics aren't painkiller").toDF("text")
val result = pipeline.fit(data).transform(data)
""",
    "small_bert_L12_256": """\
val embeddings = BertEmbeddings.pretrained("small_bert_L12_256", "en")
      .setInputCols("sentence", "token")
      .setOutputCol("embeddings")
val pipeline = new Pipeline().setStages(Array(document_assembler, sentence_detector, tokenizer, embeddings))
val data = Seq("I love NLP").toDF("text")
val result = pipeline.fit(data).transform(data)
""",  # noqa: E501
    "albert_large_uncased": """\
val embeddings = AlbertEmbeddings.pretrained("albert_large_uncased", "en")
      .setInputCols("sentence", "token")
      .setOutputCol("embeddings")
val pipeline = new Pipeline().setStages(Array(document_assembler, sentence_detector, tokenizer, embeddings))
val data = Seq("I love NLP").toDF("text")
val result = pipeline.fit(data).transform(data)
""",  # noqa: E501
}

TEXTS = {
    "sent_small_bert_L2_512": ["I hate cancer", "Antibiotics aren't painkiller"],
    "small_bert_L12_256": ["I love NLP"],
    "albert_large_uncased": ["I love NLP"],
}
