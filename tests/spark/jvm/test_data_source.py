"""The data source from spark-shell, spark-sql and a Java program, without any JAR of ours."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.spark.jvm.published import TEXTS
from tests.spark.jvm.running import SAID, assert_same, pipeline, plain, sayings

pytestmark = pytest.mark.slow

SENTENCES, WORDS, ALBERT = TEXTS


@pytest.fixture(scope="module")
def out(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("source")
    for number, text in enumerate(TEXTS[SENTENCES]):
        path = folder / "texts" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    (folder / "texts/_SUCCESS").touch()
    (folder / "rows.csv").write_text('id,review\n7,"It rains, here. So it is."\n8,\n')
    pipeline(WORDS, models).save(folder / "saved")
    return folder


@pytest.fixture(scope="module")
def session(programs, out):
    return programs.shell(
        f"""{SAID}
spark.read.format("embedpipe").option("model", "{SENTENCES}").load("{out}/texts").write.parquet("{out}/read")
spark.read.format("embedpipe").option("model", "{ALBERT}").option("inputCol", "review").load("{out}/rows.csv").write.parquet("{out}/csv")
val data = Seq("I hate cancer", "Antibiotics aren't painkiller").toDF("text")
data.write.format("embedpipe").option("model", "{SENTENCES}").mode("overwrite").save("{out}/written")
data.write.format("embedpipe").option("model", "{SENTENCES}").mode("overwrite").save("{out}/written")
spark.read.parquet("{out}/written").write.parquet("{out}/read_again")
println("@metadata" + spark.read.parquet("{out}/written").schema("sentence_embeddings").metadata)
val nlp = Seq("I love NLP").toDF("text")
nlp.write.format("embedpipe").option("pipeline", "{out}/saved").mode("append").save("{out}/words")
said(spark.read.format("embedpipe").option("modle", "{SENTENCES}").load("{out}/texts"))
said(spark.read.format("embedpipe").load("{out}/texts"))
said(spark.read.format("embedpipe").option("model", "{SENTENCES}").load("{out}/nowhere"))
said(data.toDF("words").write.format("embedpipe").option("model", "{SENTENCES}").mode("append").save("{out}/no"))
said(data.selectExpr("if(text like 'I%', text, raise_error('no luck')) text").write.format("embedpipe").option("model", "{SENTENCES}").mode("append").save("{out}/half"))
"""  # noqa: E501
    )


@pytest.mark.usefixtures("session")
def test_reads_files_with_the_published_pipeline(out, models):
    assert_same(out / "read", SENTENCES, models)


@pytest.mark.usefixtures("session")
def test_keeps_other_columns_and_takes_missing_texts(out):
    found = pq.read_table(out / "csv")
    assert found.column_names == ["id", "review", "document", "sentence", "token", "embeddings"]
    rows = {row["id"]: row for row in found.to_pylist()}
    assert [one["result"] for one in rows["7"]["sentence"]] == ["It rains, here.", "So it is."]
    assert len(rows["7"]["embeddings"]) == len(rows["7"]["token"]) == 9


def test_writes_parquet_that_spark_reads_with_its_metadata(session, out, models):
    assert_same(out / "read_again", SENTENCES, models)
    (metadata,) = re.findall(r"@metadata({.+})", session)
    told = json.loads(metadata)
    assert (told["annotatorType"], told["dimension"]) == ("sentence_embeddings", 64)


@pytest.mark.usefixtures("session")
def test_overwriting_leaves_what_was_written_last(out):
    names = sorted(path.name for path in (out / "written").iterdir())
    assert "_SUCCESS" in names
    assert pq.read_table(out / "written").num_rows == 2
    assert not [name for name in names if name.startswith("_embedpipe")]


@pytest.mark.usefixtures("session")
def test_takes_a_saved_pipeline(out, models):
    assert_same(out / "words", WORDS, models)


def test_errors_say_which_option_column_or_path(session, out):
    option, neither, nowhere, column, broken = sayings(session)
    assert "'modle' is not known; expected model, pipeline" in option
    assert "either the option model or the option pipeline" in neither
    assert f"no file is at '{out}/nowhere'" in nowhere
    assert "'text' is missing" in column
    assert "no luck" in broken
    assert not list((out / "half").glob("*part-*"))


def test_from_sql(programs, out, models):
    programs.sql(
        f"CREATE TEMPORARY VIEW reviews USING embedpipe "
        f"OPTIONS (model '{SENTENCES}', path '{out}/texts');"
        f"INSERT OVERWRITE DIRECTORY '{out}/sql' USING parquet SELECT * FROM reviews;"
    )
    assert_same(out / "sql", SENTENCES, models)


PROGRAM = f"""
import java.util.Arrays;
import org.apache.spark.sql.*;

public class WithoutJar {{
  public static void main(String[] arguments) {{
    SparkSession spark = SparkSession.builder().getOrCreate();
    spark.read().format("embedpipe").option("model", "{SENTENCES}").load("OUT/texts")
        .write().parquet("OUT/java_read");
    spark.createDataset(Arrays.asList("I love NLP"), Encoders.STRING()).toDF("text")
        .write().format("embedpipe").option("model", "{WORDS}").mode("append").save("OUT/java");
    spark.stop();
  }}
}}
"""


def test_from_java(programs, out, models):
    programs.java("WithoutJar", PROGRAM.replace("OUT", str(out)))
    assert_same(out / "java_read", SENTENCES, models)
    assert_same(out / "java", WORDS, models)
    assert plain(pq.read_table(out / "java")) != plain(pa.table({"text": []}))
