"""The published how-to code of the three models, with nothing but its imports changed."""

from __future__ import annotations

_IMPORTS = """\
from embedpipe.base import *
from embedpipe.annotator import *
from pyspark.ml import Pipeline
"""
_STAGES = """\
document_assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
sentence_detector = SentenceDetector().setInputCols("document").setOutputCol("sentence")
"""
_FIT = """\
pipeline_model = nlp_pipeline.fit(spark.createDataFrame([[""]]).toDF("text"))
"""

SENTENCES = (
    _IMPORTS
    + _STAGES
    + """\
embeddings = BertSentenceEmbeddings.pretrained("sent_small_bert_L2_512", "en") \\
      .setInputCols("sentence") \\
      .setOutputCol("sentence_embeddings")
nlp_pipeline = Pipeline(stages=[document_assembler, sentence_detector, embeddings])
"""
    + _FIT
    + """\
result = pipeline_model.transform(spark.createDataFrame([['I hate cancer', "Antibiotics aren't painkiller"]], ["text"]))
"""  # noqa: E501 - as published
)


def words(stage: str, model: str) -> str:
    """The snippet of a model of word vectors."""
    return (
        _IMPORTS
        + _STAGES
        + f"""\
tokenizer = Tokenizer().setInputCols(["sentence"]).setOutputCol("token")
embeddings = {stage}.pretrained("{model}", "en") \\
      .setInputCols("sentence", "token") \\
      .setOutputCol("embeddings")
nlp_pipeline = Pipeline(stages=[document_assembler, sentence_detector, tokenizer, embeddings])
"""
        + _FIT
        + """\
result = pipeline_model.transform(spark.createDataFrame([['I love NLP']], ["text"]))
"""
    )


SNIPPETS = {
    "sent_small_bert_L2_512": SENTENCES,
    "small_bert_L12_256": words("BertEmbeddings", "small_bert_L12_256"),
    "albert_large_uncased": words("AlbertEmbeddings", "albert_large_uncased"),
}
"""By the name of the model."""
