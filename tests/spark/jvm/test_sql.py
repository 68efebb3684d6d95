"""SQL functions from spark-shell, spark-sql and Java, with our JAR and no Python of the user."""

from __future__ import annotations

import re

import numpy as np
import pytest

from embedpipe import Encoder
from tests.spark.jvm.published import TEXTS
from tests.spark.jvm.running import SAID, sayings

pytestmark = pytest.mark.slow

SENTENCES, WORDS, _ = TEXTS
QUERY = (
    f"SELECT concat_ws(' ', '@vector', array_join(embed_sentence('I hate cancer', '{SENTENCES}'), "
    f"' ')) UNION ALL SELECT concat_ws(' ', '@tokens', array_join(transform("
    f"embed_tokens('I hate cancer', '{WORDS}'), t -> t.token), ' '))"
)


def check(output: str, models) -> None:
    """The vector is that of the encoder, and the tokens are there."""
    (vector,) = re.findall(r"(?m)^(?:scala> )?@vector (.+)", output)
    expected = Encoder.load(models / SENTENCES).encode("I hate cancer")
    assert np.array(vector.split(), np.float32).tolist() == expected.tolist()
    assert re.findall(r"(?m)^(?:scala> )?@tokens (.+)", output) == ["i hate cancer"]


def test_registered_in_a_shell_that_sends_the_models(programs, jar, models):
    output = programs.shell(
        f"""{SAID}
embedpipe.Functions.register(spark, "{SENTENCES}", "{WORDS}")
spark.sql(\"\"\"{QUERY}\"\"\").collect().foreach(row => println(row.getString(0)))
said(spark.sql("SELECT embed_sentence('a', 'no_such')").collect())
said(embedpipe.Functions.register(spark, "small_bert_L12_255"))
""",
        jar,
        **{"spark.embedpipe.models": "files"},
    )
    check(output, models)
    absent, unknown = sayings(output)
    assert "the model 'no_such' was not sent" in absent
    assert "did you mean 'small_bert_L12_256'" in unknown


def test_in_spark_sql_by_a_setting(programs, jar, models):
    settings = {"spark.sql.extensions": "embedpipe.SqlExtensions"}
    check(programs.sql(QUERY, jar, **settings), models)


PROGRAM = f"""
import org.apache.spark.sql.*;

public class FunctionsInJava {{
  public static void main(String[] arguments) {{
    SparkSession spark = SparkSession.builder().getOrCreate();
    embedpipe.Functions.register(spark, "{SENTENCES}", "{WORDS}");
    for (Row row : spark.sql("{QUERY}").collectAsList()) System.out.println(row.getString(0));
    spark.stop();
  }}
}}
"""


def test_in_a_java_program(programs, jar, models):
    check(programs.java("FunctionsInJava", PROGRAM, jar), models)
