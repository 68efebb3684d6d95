"""SQL functions, used as from Scala: by name, in a query."""

from __future__ import annotations

import numpy as np
import pytest

import embedpipe.spark
from embedpipe import Encoder
from embedpipe.spark import cause_of

SENTENCE, WORDS, ALBERT = "sent_small_bert_L2_512", "small_bert_L12_256", "albert_large_uncased"


@pytest.fixture(scope="module")
def session(spark):
    embedpipe.spark.register(spark, models=[SENTENCE])
    rows = [(1, "I hate cancer", SENTENCE), (2, None, SENTENCE), (3, "", WORDS), (4, "a", None)]
    spark.createDataFrame(rows, ["id", "text", "model"]).createOrReplaceTempView("texts")
    return spark


def test_sentences_have_the_vectors_of_the_encoder(session):
    query = "SELECT id, embed_sentence(text, model) AS v FROM texts"
    found = {row["id"]: row["v"] for row in session.sql(query).collect()}
    expected = Encoder.load(SENTENCE).encode(["I hate cancer"])[0]
    assert found[1] == expected.tolist()
    assert found[2] is found[4] is None
    assert np.array(found[3]).shape == (16,)


@pytest.mark.parametrize("model", [WORDS, ALBERT])
def test_tokens_come_with_their_places_and_vectors(session, model):
    query = (
        f"SELECT t.* FROM (SELECT explode(embed_tokens(text, '{model}')) AS t FROM texts "
        "WHERE id = 1)"
    )
    rows = session.sql(query).collect()
    assert [(r["token"], r["begin"], r["end"]) for r in rows] == [
        ("i", 0, 0),
        ("hate", 2, 5),
        ("cancer", 7, 12),
    ]
    assert {len(r["vector"]) for r in rows} == {16}


def test_cosines(session):
    query = (
        "SELECT cosine(array(1.0f, 0.0f), array(1.0f, 1.0f)) AS half, "
        "cosine(array(0.0f), array(1.0f)) AS none, cosine(null, array(1.0f)) AS missing, "
        "cosine(embed_sentence(text, model), embed_sentence(text, model)) AS same "
        "FROM texts WHERE id = 1"
    )
    row = session.sql(query).first()
    assert row["half"] == pytest.approx(0.5**0.5)
    assert row["none"] is row["missing"] is None
    assert row["same"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("expression", "message", "remedy"),
    [
        ("embed_sentence(text, 'nowhere')", "the model 'nowhere' was not sent", "register(spark"),
        ("embed_sentence(id, model)", "found int64; expected a text", "Cast it to string"),
        ("cosine(array(1f), array(1f, 2f))", "vectors of 1 and 2 numbers", "of one length"),
    ],
)
def test_errors_tell_the_function_and_the_remedy(session, expression, message, remedy):
    with pytest.raises(Exception, match="An exception was thrown from the Python worker") as raised:
        session.sql(f"SELECT {expression} FROM texts WHERE id = 1").collect()
    cause = cause_of(raised.value)
    assert message in str(cause)
    assert "partition " in str(cause)
    assert remedy in cause.remedy
