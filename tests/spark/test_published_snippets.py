"""The published snippets, run as text."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from embedpipe.annotation import AnnotationColumn
from embedpipe.base import PipelineModel
from tests.support.published_snippets import SNIPPETS
from tests.support.spark_types import without_uid

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def run(snippet, spark):
    names = {"spark": spark}
    exec(snippet, names)
    return names


@pytest.mark.parametrize("model", SNIPPETS)
def test_a_snippet_gives_what_the_same_stages_give_on_pandas(model, spark):
    names = run(SNIPPETS[model], spark)
    result = names["result"]
    (row,) = result.collect()
    texts = result.select("text").toPandas()
    stages = names["pipeline_model"].stages
    expected = PipelineModel(stages).transform(pd.DataFrame({"text": texts["text"]}))
    name = result.columns[-1]
    (annotations,) = AnnotationColumn.from_arrow(expected[name]).rows()
    assert [a.asDict() for a in row[name]] == [
        {**a.asDict(), "embeddings": [float(x) for x in a.embeddings]} for a in annotations
    ]
    assert len(row[name]) == (1 if model.startswith("sent") else 3)


def test_a_second_column_passes_through(spark):
    names = run(SNIPPETS["sent_small_bert_L2_512"], spark)
    assert names["result"].columns == [
        *("text", "_2", "document", "sentence", "sentence_embeddings")
    ]
    assert names["result"].first()["_2"] == "Antibiotics aren't painkiller"


def test_all_stages_are_one_node_of_the_plan(spark, capsys):
    names = run(SNIPPETS["small_bert_L12_256"], spark)
    names["result"].explain()
    assert capsys.readouterr().out.count("MapInArrow") == 1


@pytest.mark.parametrize("model", SNIPPETS)
def test_the_schema_is_the_one_of_spark_nlp(model, spark, testdata):
    schemas = json.loads((testdata / "spark_nlp_answers/schemas.json").read_text(encoding="utf-8"))
    names = run(SNIPPETS[model], spark)
    fields = {field.name: field for field in names["result"].schema.fields}
    for stage in names["pipeline_model"].stages:
        recorded = schemas["annotators"][type(stage).__name__]["output_column"]
        made = json.loads(fields[stage.getOutputCol()].json())
        own = {"name": recorded["name"]}  # the snippet chooses names
        if "dimension" in recorded["metadata"]:
            assert made["metadata"].pop("dimension") == 16
            recorded["metadata"].pop("dimension")
        made["metadata"] = without_uid(made["metadata"])
        recorded["metadata"] = without_uid(recorded["metadata"])
        assert {**made, **own} == {**recorded, **own}


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("model", SNIPPETS)
def test_the_notebook_of_a_model_runs(model, capsys):
    notebook = json.loads((NOTEBOOKS / f"{model}.ipynb").read_text(encoding="utf-8"))
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    shown = capsys.readouterr().out
    assert "I hate cancer" in shown if model.startswith("sent") else "love|" in shown
