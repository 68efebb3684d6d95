"""Equality with what Spark NLP 5.5.3 answered, annotation by annotation.

With `compatibility` set, every document agrees, but for what `docs/differences.md` says is not
copied. Without it, the documents that differ are counted, and the reason stands beside each count.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from golden_models import load_encoders, records

from embedpipe.annotation import METADATA_TYPE, AnnotationColumn
from embedpipe.annotator import (
    AlbertEmbeddings,
    BertEmbeddings,
    BertSentenceEmbeddings,
    SentenceDetector,
    Tokenizer,
)
from embedpipe.base import DocumentAssembler, Pipeline

RECORDED = {"compatibility": "spark-nlp-5.5.3"}
DEFAULT: dict[str, str] = {}
TOLERANCE = 1e-4
STAGES = {
    "bert_tokens": BertEmbeddings,
    "bert_tokens_minilm": BertEmbeddings,
    "albert_tokens": AlbertEmbeddings,
    "bert_sentences": BertSentenceEmbeddings,
    "bert_sentences_minilm": BertSentenceEmbeddings,
    "bert_sentences_sequence": BertSentenceEmbeddings,
}

# Spark NLP's padding changes ALBERT's vectors with the batch; only structure is compared.
PADDED = ("albert_tokens", "{}")

# SentencePiece adds scores in float32, in which "!!!" + "!" comes out above "!" + "!!!"; the
# tokenizers package adds in float64, in which they are equal.
TIES = {("albert_tokens", '{"maxSentenceLength": 16, "batchSize": 1}'): ["real-en-033"]}

# How many documents differ by default from those recorded (and so from those under compatibility,
# where none does), and why. Groups that are not listed differ nowhere.
SHIFTED = "a first word longer than splitLength shifts all offsets that follow by one"
ASTRAL = "separators beyond U+FFFF count as one unit"
LOST = "words behind a lost separator are placed where it stood"
STOP = "the split character has its meaning in patterns, any character"
OPTIONS_DIFFERING = {
    'SentenceDetector {"splitLength": 10}': (12, SHIFTED),
    'SentenceDetector {"splitLength": 1}': (64, SHIFTED),
    'SentenceDetector {"splitLength": 25}': (4, SHIFTED),
    'SentenceDetector {"splitLength": 40, "maxLength": 30}': (2, SHIFTED),
    'Tokenizer {"splitChars": ["-", "/", "\'"]}': (3, LOST),
    'Tokenizer {"splitChars": ["."]}': (18, STOP),
    'Tokenizer {"splitPattern": "\\\\d+"}': (4, LOST),
    'Tokenizer {"targetPattern": "\\\\w+"}': (4, ASTRAL),
    'Tokenizer {"targetPattern": "\\\\p{L}+|\\\\d+"}': (3, ASTRAL),
    'Tokenizer {"targetPattern": "."}': (4, ASTRAL),
}

CUT = "a sentence is longer than maxSentenceLength"
WITHOUT_PIECES = "a token without pieces keeps its place"
BEYOND_BMP = "characters beyond U+FFFF reach SentencePiece whole, not as invalid bytes"
TIE = "two ways to cut a token score alike, see TIES"
EMBEDDINGS_DIFFERING = {
    ("bert_tokens", "{}"): {CUT: 5, WITHOUT_PIECES: 2},
    ("bert_tokens", '{"batchSize": 1}'): {CUT: 3, WITHOUT_PIECES: 2},
    ("bert_tokens", '{"caseSensitive": true}'): {CUT: 1, WITHOUT_PIECES: 2},
    ("bert_tokens", '{"maxSentenceLength": 16}'): {CUT: 29, WITHOUT_PIECES: 2},
    ("bert_tokens", '{"maxSentenceLength": 128}'): {CUT: 3},
    ("bert_tokens", '{"maxSentenceLength": 512}'): {CUT: 2},
    ("albert_tokens", '{"batchSize": 1}'): {CUT: 6, WITHOUT_PIECES: 2, BEYOND_BMP: 1},
    ("albert_tokens", "{}"): {CUT: 6, WITHOUT_PIECES: 2},
    ("albert_tokens", '{"caseSensitive": true, "batchSize": 1}'): {
        CUT: 2, WITHOUT_PIECES: 2, BEYOND_BMP: 1,
    },
    ("albert_tokens", '{"maxSentenceLength": 16, "batchSize": 1}'): {
        CUT: 49, WITHOUT_PIECES: 2, BEYOND_BMP: 1, TIE: 1,
    },
    ("albert_tokens", '{"maxSentenceLength": 512, "batchSize": 1}'): {CUT: 2},
    ("bert_sentences", "{}"): {CUT: 5},
    ("bert_sentences", '{"batchSize": 1}'): {CUT: 4},
    ("bert_sentences", '{"caseSensitive": true}'): {CUT: 1},
    ("bert_sentences", '{"maxSentenceLength": 16}'): {CUT: 50},
    ("bert_sentences", '{"maxSentenceLength": 512}'): {CUT: 2},
    ("bert_sentences_minilm", "{}"): {CUT: 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def encoders(shared, tmp_path_factory):
    return load_encoders(shared, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def texts(shared):
    return {record["id"]: record["text"] for record in records(shared, "documents")}


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


def plain(row):
    """Annotations without their vectors."""
    fields = ("annotatorType", "begin", "end", "result", "metadata")
    return [{name: annotation[name] for name in fields} for annotation in row]


def groups(shared, name):
    """Records by what was run."""
    found = defaultdict(list)
    for record in records(shared, name):
        keys = ("annotator", "model", "params")
        found[json.dumps([record.get(key) for key in keys])].append(record)
    return [(*json.loads(key), group) for key, group in found.items()]


def differing(found, out):
    """How many documents differ in some recorded column."""
    if "rows" in found[0]:
        exploded = defaultdict(list)
        sentences = AnnotationColumn.from_arrow(out["sentence"]).rows()
        for key, row in zip(out["id"].to_pylist(), sentences, strict=True):
            exploded[key].append(plain(row))
        return sum(exploded[r["id"]] != [plain(row) for row in r["rows"]] for r in found)
    names = [name for name in ("document", "sentence", "token") if name in found[0]]
    columns = {name: AnnotationColumn.from_arrow(out[name]).rows() for name in names}
    return sum(
        any(plain(columns[name][i]) != plain(record[name]) for name in names)
        for i, record in enumerate(found)
    )


@pytest.mark.parametrize("setting", [DEFAULT, RECORDED])
@pytest.mark.parametrize("column", ["document", "sentence", "token"])
def test_default_structure_is_equal(column, setting, shared, texts):
    found = [{"id": r["id"], column: r[column]} for r in records(shared, "structure")]
    assert len(found) == 633
    assert differing(found, run(text_stages(), found, texts, setting)) == 0


def differing_by_options(shared, texts, setting):
    counts, total = {}, 0
    for annotator, _, params, found in groups(shared, "options"):
        out = run(text_stages(annotator, params), found, texts, setting)
        total += len(found)
        if count := differing(found, out):
            counts[f"{annotator} {json.dumps(params)}"] = count
    assert total > 4000
    return counts


def test_structure_with_other_parameters_is_equal_under_compatibility(shared, texts):
    assert differing_by_options(shared, texts, RECORDED) == {}


def test_structure_with_other_parameters_differs_by_default_only_where_it_must(shared, texts):
    expected = {name: count for name, (count, _) in OPTIONS_DIFFERING.items()}
    assert differing_by_options(shared, texts, DEFAULT) == expected


def vector_error(record, vector, table):
    """Largest difference to the recorded vector, or to the first numbers and the length of it."""
    if "row" in record:
        return np.abs(table[record["row"]] - vector).max()
    if len(vector) != record.get("size", len(vector)):
        return np.inf
    return max(
        np.abs(np.array(record["first"]) - vector[: len(record["first"])]).max(),
        abs(np.linalg.norm(vector.astype(np.float64)) - record["norm"]),
    )


@pytest.fixture(scope="module")
def embedded(shared, texts, encoders):
    """The records of a file and parameters, what comes out for them, and stored vectors."""

    def run_stage(name, params, setting):
        model, found = next(
            (model, found)
            for _, model, recorded, found in groups(shared, name)
            if json.dumps(recorded) == params
        )
        column, inputs = "embeddings", ["sentence", "token"]
        if STAGES[name] is BertSentenceEmbeddings:
            column, inputs = "sentence_embeddings", ["sentence"]
        stage = STAGES[name](
            encoders[model], inputCols=inputs, outputCol=column, **json.loads(params)
        )
        if name.endswith("_sequence"):
            stage.setParams(pooling="flattened", **RECORDED)
        elif column == "sentence_embeddings":  # the models were recorded with this output
            stage.setPooling("pooler").setNormalize(False)
        out = run([*text_stages(), stage], found, texts, setting)[column].to_pylist()
        stored = shared / "goldens" / "spark_nlp" / f"{name}.npy"
        table = np.load(stored) if stored.exists() else None
        keys = [record["id"] for record in found]
        recorded = {record["id"]: record[column] for record in found}
        return recorded, dict(zip(keys, out, strict=True)), table

    return run_stage


def same_annotations(recorded, ours):
    return plain(recorded) == plain([{**a, "metadata": dict(a["metadata"])} for a in ours])


def same_vectors(recorded, ours, table):
    return all(
        vector_error(theirs, np.array(mine["embeddings"], np.float32), table) <= TOLERANCE
        for theirs, mine in zip(recorded, ours, strict=True)
    )


EMBEDDING_GROUPS = [
    *[("bert_tokens", params) for params in (
        "{}", '{"batchSize": 1}', '{"caseSensitive": true}', '{"maxSentenceLength": 16}',
        '{"maxSentenceLength": 128}', '{"maxSentenceLength": 512}',
    )],
    ("bert_tokens_minilm", "{}"),
    *[("albert_tokens", params) for params in (
        '{"batchSize": 1}', "{}", '{"caseSensitive": true, "batchSize": 1}',
        '{"maxSentenceLength": 16, "batchSize": 1}', '{"maxSentenceLength": 512, "batchSize": 1}',
    )],
    *[("bert_sentences", params) for params in (
        "{}", '{"batchSize": 1}', '{"caseSensitive": true}', '{"maxSentenceLength": 16}',
        '{"maxSentenceLength": 512}', '{"isLong": true}',
    )],
    ("bert_sentences_minilm", "{}"),
    ("bert_sentences_sequence", "{}"),
    ("bert_sentences_sequence", '{"batchSize": 1}'),
]  # fmt: skip


@pytest.mark.parametrize("name", STAGES)
def test_every_recorded_setting_is_compared(name, shared):
    recorded = [(name, json.dumps(params)) for _, _, params, _ in groups(shared, name)]
    assert recorded == [group for group in EMBEDDING_GROUPS if group[0] == name]


@pytest.mark.parametrize(("name", "params"), EMBEDDING_GROUPS)
def test_embeddings_are_equal_under_compatibility(name, params, embedded):
    found, out, table = embedded(name, params, RECORDED)
    tied = TIES.get((name, params), [])
    assert [key for key in found if not same_annotations(found[key], out[key])] == tied
    if (name, params) != PADDED:
        same = [k for k in found if k in tied or same_vectors(found[k], out[k], table)]
        assert same == list(found)


# by default there are no vectors as in the file of sequences
@pytest.mark.parametrize(
    ("name", "params"), [g for g in EMBEDDING_GROUPS if g[0] != "bert_sentences_sequence"]
)
def test_embeddings_differ_by_default_only_where_they_must(name, params, embedded):
    found, out, table = embedded(name, params, DEFAULT)
    reasons = Counter()
    for key, recorded in found.items():
        same = same_annotations(recorded, out[key])
        if not same or ((name, params) != PADDED and not same_vectors(recorded, out[key], table)):
            tied = key in TIES.get((name, params), ())
            reasons[TIE if tied else why(out[key], of_albert=name == "albert_tokens")] += 1
    assert reasons == EMBEDDINGS_DIFFERING.get((name, params), {})


def why(ours, of_albert):
    """The reason for which a document's annotations differ by default from those recorded."""
    metadata = [dict(annotation["metadata"]) for annotation in ours]
    if any("piecesUsed" in fields for fields in metadata):
        return CUT
    if any(fields["pieceId"] == "-1" and fields["isOOV"] == "true" for fields in metadata):
        return WITHOUT_PIECES
    if of_albert and any(max(annotation["result"]) > "\uffff" for annotation in ours):
        return BEYOND_BMP
    return "unexplained"


def test_extreme_maximum_lengths_give_what_was_recorded(shared, encoders):
    schemas = json.loads((shared / "goldens/spark_nlp/schemas.json").read_text(encoding="utf-8"))
    kinds = {kind.__name__: kind for kind in STAGES.values()}
    compared = 0
    for case in schemas["errors"]:
        match = re.fullmatch(
            r"(\w+)\.setMaxSentenceLength\((-?\d+)\), then transform", case["case"]
        )
        if match is None or case["raised"]:
            continue
        kind = kinds[match[1]]
        stage = kind(encoders["tiny_albert" if kind is AlbertEmbeddings else "tiny_bert"])
        inputs = ["sentence"] if kind is BertSentenceEmbeddings else ["sentence", "token"]
        stage.setParams(inputCols=inputs, outputCol="out", maxSentenceLength=int(match[2]))
        found = [{"id": "only"}]
        out = run([*text_stages(), stage], found, {"only": "I love NLP. So do you."}, RECORDED)
        (row,) = out["out"].to_pylist()
        assert [[a["result"], len(a["embeddings"])] for a in row] == case["value"], case["case"]
        compared += 1
    assert compared == 12


def test_the_schema_after_all_stages_is_the_recorded_one(shared, texts, encoders):
    schemas = json.loads((shared / "goldens/spark_nlp/schemas.json").read_text(encoding="utf-8"))
    recorded = schemas["schema_all_stages"]["fields"]
    stage = BertEmbeddings(
        encoders["tiny_bert"], inputCols=["sentence", "token"], outputCol="embeddings"
    )
    out = run([*text_stages(), stage], [{"id": "awkward-001"}], texts)
    wanted = recorded[: len(out.schema)]
    assert [field.name for field in out.schema] == [field["name"] for field in wanted]
    for field, spark in zip(out.schema, wanted, strict=True):
        metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        if "ref" in metadata:
            metadata["ref"] = metadata["ref"].replace(stage.uid, "BERT_EMBEDDINGS_<uid>")
        assert metadata == {name: str(value) for name, value in spark["metadata"].items()}
        assert field.nullable == spark["nullable"]


def test_input_columns_are_told_apart_by_type_not_by_order(shared, texts, encoders):
    found = [{"id": r["id"]} for r in records(shared, "documents")][:5]
    columns = []
    for names in (["sentence", "token"], ["token", "sentence"]):
        stage = BertEmbeddings(encoders["tiny_bert"], inputCols=names, outputCol="out")
        columns.append(run([*text_stages(), stage], found, texts)["out"])
    assert columns[0].equals(columns[1])
