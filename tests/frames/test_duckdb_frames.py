"""DuckDB's relations: types that Arrow lacks, and the connection."""

from __future__ import annotations

import duckdb

from tests.support.small_pipelines import embedding

COLUMNS = {
    "e": "'b'::enum('a', 'b', 'it''s')",
    "h": "170141183460469231731687303715884105727::hugeint",
    "u": "'5d07c7a8-61c1-4c74-9a2b-0a4d8c2d1a11'::uuid",
    "b": "'101'::bit",
    "t": "'10:00:00+01'::timetz",
    "j": """'{"a": 1}'::json""",
    "uh": "12::uhugeint",
    "s": "{'x': ['10'::bit], 'uuid': 1}",
    "m": "map{'k': 3::hugeint}",
    "un": "union_value(k := 1)",
    "i": "interval 3 day",
    "d": "1.5::decimal(9, 2)",
    '"odd "" name"': "null",
}
DUCKDB_TYPES = "select 'One.' as text, " + ", ".join(f"{v} as {k}" for k, v in COLUMNS.items())


def test_types_of_duckdb_that_arrow_lacks_are_kept(encoder):
    frame = duckdb.connect().sql(DUCKDB_TYPES)
    out = embedding(encoder).transform(frame)
    assert [*map(str, out.types[:-1])] == [*map(str, frame.types)]
    assert out.project("* exclude (vector)").fetchall() == frame.fetchall()
    assert str(out.types[-1]) == f"FLOAT[{encoder.dimension}]"


def test_a_relation_joins_with_others_of_its_connection(encoder):
    connection = duckdb.connect()
    connection.execute("create table reviews as select 7 as id, 'It rains.' as text")
    out = embedding(encoder).transform(connection.table("reviews"))
    assert connection.sql("select count(*) from out join reviews using (id)").fetchall() == [(1,)]
    assert out.fetchall() == out.fetchall()
