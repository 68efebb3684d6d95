"""The published Scala in a real spark-shell and as a compiled program, against pandas."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest

from embedpipe.annotator import BertSentenceEmbeddings
from embedpipe.base import PipelineModel
from tests.spark.jvm.published import IMPORTS, SNIPPETS, STAGES, TEXTS
from tests.spark.jvm.running import SAID, assert_same, pipeline, plain, sayings

pytestmark = pytest.mark.slow

SENTENCES, WORDS, ALBERT = TEXTS


@pytest.fixture(scope="module")
def out(tmp_path_factory, models):
    """Where the shell writes; a pipeline that Python saved lies there."""
    folder = tmp_path_factory.mktemp("scala")
    pipeline(WORDS, models).save(folder / "from_python")
    return folder


@pytest.fixture(scope="module")
def session(programs, jar, out):
    """One session for all: what it wrote to the terminal."""
    snippets = "".join(
        f'{SNIPPETS[name]}\nresult.write.parquet("{out}/{name}")\n' for name in (WORDS, ALBERT)
    )
    return programs.shell(
        f"""{SAID}{IMPORTS}{STAGES}{snippets}{SNIPPETS[SENTENCES]}
result.write.parquet("{out}/{SENTENCES}")
println("@plan" + result.queryExecution.executedPlan.toString.replace("\\n", "\\\\"))
val fitted = pipeline.fit(data)
fitted.write.save("{out}/from_scala")
val again = org.apache.spark.ml.PipelineModel.load("{out}/from_scala")
again.transform(data).write.parquet("{out}/again")
println("@model" + BertSentenceEmbeddings.load(
  new java.io.File("{out}/from_scala/stages").listFiles.map(_.getPath).max).getDimension)
SavedPipeline.load("{out}/from_python").transform(Seq("I love NLP").toDF("text"))
  .write.parquet("{out}/loaded")
data.filter("false").write.parquet("{out}/empty_source")
fitted.transform(spark.read.parquet("{out}/empty_source")).write.parquet("{out}/empty")
fitted.transform(Seq("One.", null, "Two. Three.").toDF("text")).write.parquet("{out}/nulls")
said(new Pipeline().setStages(Array(document_assembler, tokenizer)).fit(data))
said(fitted.transform(data.withColumnRenamed("text", "words")))
said(fitted.transform(data.selectExpr("length(text) text")))
said(new SentenceDetector().setInputCols("document").setOutputCol("s").setMaxLength(-5)
  .transform(result))
said(BertEmbeddings.pretrained("small_bert_L12_255", "en"))
said(AlbertEmbeddings.pretrained("{SENTENCES}"))
said(new BertEmbeddings().setInputCols("sentence", "token").setOutputCol("e").transform(result))
""",
        jar,
    )


@pytest.mark.parametrize("model", TEXTS)
@pytest.mark.usefixtures("session")
def test_the_published_snippet_gives_what_pandas_gives(out, models, model):
    assert_same(out / model, model, models)


def test_neighboring_stages_run_in_one_pass(session):
    (plan,) = re.findall(r"(?m)^(?:scala> )?@plan(.+)", session)
    assert plan.count("MapInArrow") == 1
    assert "DocumentAssembler, SentenceDetector, BertSentenceEmbeddings" in plan


def test_what_scala_saved_scala_loads_with_the_models_files(session, out, models):
    assert_same(out / "again", SENTENCES, models)
    assert "@model64" in session
    assert list((out / "from_scala").glob("stages/*/model/model.safetensors"))


@pytest.mark.usefixtures("session")
def test_what_scala_saved_python_loads(out, models):
    loaded = PipelineModel.load(out / "from_scala")
    ours = pipeline(SENTENCES, models)
    texts = pq.read_table(out / SENTENCES, columns=["text"])
    assert plain(loaded.transform(texts)) == plain(ours.transform(texts))
    stage = BertSentenceEmbeddings.load(out / "from_scala")
    assert (stage.getInputCols(), stage.getOutputCol()) == (["sentence"], "sentence_embeddings")
    assert stage.getStorageRef() == stage.uid


@pytest.mark.usefixtures("session")
def test_what_python_saved_scala_loads(out, models):
    assert_same(out / "loaded", WORDS, models)


@pytest.mark.usefixtures("session")
def test_nulls_and_no_rows(out):
    assert pq.read_table(out / "empty").num_rows == 0
    rows = pq.read_table(out / "nulls").to_pylist()
    found = {row["text"]: row["sentence_embeddings"] for row in rows}
    assert found[None] is None
    assert [len(found[text]) for text in ("One.", "Two. Three.")] == [1, 2]


def test_errors_name_stage_column_and_remedy_first(session):
    told = sayings(session)
    assert all(one.startswith("embedpipe.EmbedpipeException: ") for one in told)
    order, missing, wrong, value, unknown, other, bare = (one.split(": ", 1)[1] for one in told)
    assert order.startswith("TokenizerModel ")
    assert "input column 'sentence' is missing" in order
    assert missing.startswith("DocumentAssembler_")
    assert "'text' is missing" in missing and "'words' (string)" in missing
    assert "'text'" in wrong and "int" in wrong
    assert "maxLength must be an integer of at least 0, got -5" in value
    assert "small_bert_L12_255" in unknown and "small_bert_L12_256" in unknown
    assert "AlbertEmbeddings takes no model of architecture bert" in other
    assert "BertEmbeddings.pretrained" in bare
    # The stack holds the shell's own frames, and none of what lies between them and Python.
    assert {one.rpartition("@")[2] for one in told} == {"0"}


PROGRAM = f"""
{IMPORTS}
import org.apache.spark.sql.SparkSession

object Published {{
  def main(arguments: Array[String]): Unit = {{
    val spark = SparkSession.builder().getOrCreate()
    import spark.implicits._
    {STAGES}
    {{
{SNIPPETS[SENTENCES]}
      result.write.parquet("OUT/{SENTENCES}")
    }}
    {{
{SNIPPETS[WORDS]}
      result.write.parquet("OUT/{WORDS}")
    }}
    spark.stop()
  }}
}}
"""


def test_as_a_compiled_program(programs, jar, tmp_path, models):
    programs.scala("Published", PROGRAM.replace("OUT", str(tmp_path)), jar)
    assert_same(tmp_path / SENTENCES, SENTENCES, models)
    assert_same(tmp_path / WORDS, WORDS, models)
