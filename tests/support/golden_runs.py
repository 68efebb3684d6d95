"""Runs the stages as those runs of Spark NLP 5.5.3 were made whose answers are recorded."""

from __future__ import annotations

import json
from collections import defaultdict

import pyarrow as pa

from embedpipe.annotation import METADATA_TYPE
from embedpipe.annotator import SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline
from tests.support.golden_models import records

RECORDED = {"compatibility": "spark-nlp-5.5.3"}
DEFAULT: dict[str, str] = {}


def with_params(stage, params):
    for name, value in params.items():
        prefix = "" if name.startswith("add") else "set"
        method = name if not prefix else prefix + name[0].upper() + name[1:]
        getattr(stage, method)(value)
    return stage


def text_stages(changed=None, params=None):
    """DocumentAssembler, SentenceDetector and Tokenizer, one of them with other parameters."""
    stages = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]
    return [
        with_params(stage, params) if type(stage).__name__ == changed else stage for stage in stages
    ]


def run(stages, found, texts, setting=DEFAULT):
    columns = {
        "id": [record["id"] for record in found],
        "text": pa.array([texts[record["id"]] for record in found], pa.string()),
    }
    if "meta" in found[0]:
        columns["meta"] = pa.array([list(r["meta"].items()) for r in found], METADATA_TYPE)
    table = pa.table(columns)
    return Pipeline(stages=stages).fit(table, setting).transform(table)


def with_texts(found, texts, setting):
    """The records to compare: by default, a missing text is missing, where Spark NLP's is empty."""
    return [r for r in found if setting == RECORDED or texts[r["id"]] is not None]


def plain(row):
    """Annotations without their vectors."""
    fields = ("annotatorType", "begin", "end", "result", "metadata")
    return [{name: annotation[name] for name in fields} for annotation in row]


def groups(testdata, name):
    """Records by what was run."""
    found = defaultdict(list)
    for record in records(testdata, name):
        keys = ("annotator", "model", "params")
        found[json.dumps([record.get(key) for key in keys])].append(record)
    return [(*json.loads(key), group) for key, group in found.items()]
