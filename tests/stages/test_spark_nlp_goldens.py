"""Embeddings equal to those that Spark NLP 5.5.3 gave, annotation by annotation.

With `compatibility` set, every document agrees, but for what `docs/differences.md` says is not
copied. Without it, the documents that differ are counted, and the reason stands beside each count.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest

from embedpipe.annotator import AlbertEmbeddings, BertEmbeddings, BertSentenceEmbeddings
from tests.support.golden_models import load_encoders, records
from tests.support.golden_runs import DEFAULT, RECORDED, groups, plain, run, text_stages, with_texts

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")

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

# As in test_spark_nlp_structure: how many documents differ by default, and why.
CUT = "a sentence is longer than maxSentenceLength"
WITHOUT_PIECES = "a token without pieces keeps its place"
BEYOND_BMP = "characters beyond U+FFFF reach SentencePiece whole, not as invalid bytes"
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
        CUT: 49, WITHOUT_PIECES: 2, BEYOND_BMP: 1,
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
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def texts(testdata):
    return {record["id"]: record["text"] for record in records(testdata, "documents")}


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


def marked(group):
    """The group as a test's parameters; those of the trained model are marked."""
    return pytest.param(*group, marks=[pytest.mark.trained_model] if "minilm" in group[0] else [])


@pytest.fixture(scope="module")
def embedded(testdata, texts, encoders):
    """The records of a file and parameters, what comes out for them, and stored vectors."""

    def run_stage(name, params, setting, splitting="basic-words"):
        model, found = next(
            (model, found)
            for _, model, recorded, found in groups(testdata, name)
            if json.dumps(recorded) == params
        )
        column, inputs = "embeddings", ["sentence", "token"]
        if STAGES[name] is BertSentenceEmbeddings:
            column, inputs = "sentence_embeddings", ["sentence"]
        found = with_texts(found, texts, setting)
        changed = json.loads(params)
        if setting == DEFAULT:  # compatibility implies both
            changed = {"maxSentenceLength": 128} | changed
            if STAGES[name] is BertSentenceEmbeddings:
                changed["wordSplitting"] = splitting
        stage = STAGES[name](encoders[model], inputCols=inputs, outputCol=column, **changed)
        if name.endswith("_sequence"):
            stage.setParams(pooling="flattened", **RECORDED)
        elif column == "sentence_embeddings":  # the models were recorded with this output
            stage.setPooling("pooler").setNormalize(False)
        out = run([*text_stages(), stage], found, texts, setting)[column].to_pylist()
        stored = testdata / "spark_nlp_answers" / f"{name}.npy"
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
def test_every_recorded_setting_is_compared(name, testdata):
    recorded = [(name, json.dumps(params)) for _, _, params, _ in groups(testdata, name)]
    assert recorded == [group for group in EMBEDDING_GROUPS if group[0] == name]


@pytest.mark.parametrize(("name", "params"), [*map(marked, EMBEDDING_GROUPS)])
def test_embeddings_are_equal_under_compatibility(name, params, embedded):
    found, out, table = embedded(name, params, RECORDED)
    assert [key for key in found if not same_annotations(found[key], out[key])] == []
    if (name, params) != PADDED:
        assert [key for key in found if not same_vectors(found[key], out[key], table)] == []


# by default there are no vectors as in the file of sequences
@pytest.mark.parametrize(
    ("name", "params"), [marked(g) for g in EMBEDDING_GROUPS if g[0] != "bert_sentences_sequence"]
)
def test_embeddings_differ_by_default_only_where_they_must(name, params, embedded):
    found, out, table = embedded(name, params, DEFAULT)
    reasons = Counter()
    for key, recorded in found.items():
        same = same_annotations(recorded, out[key])
        if not same or ((name, params) != PADDED and not same_vectors(recorded, out[key], table)):
            reasons[why(out[key], of_albert=name == "albert_tokens")] += 1
    assert reasons == EMBEDDINGS_DIFFERING.get((name, params), {})


@pytest.mark.parametrize(
    ("name", "count", "total"),
    [marked(("bert_sentences", 22, 282)), marked(("bert_sentences_minilm", 2, 104))],
)
def test_the_models_own_words_change_few_documents(name, count, total, embedded):
    """By default the model's own tokenizer finds the words, not Spark NLP's rules."""
    found, basic, _ = embedded(name, "{}", DEFAULT)
    _, own, _ = embedded(name, "{}", DEFAULT, "model")
    changed = [key for key in found if basic[key] != own[key]]
    assert (len(changed), len(found)) == (count, total)


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


def test_extreme_maximum_lengths_give_what_was_recorded(testdata, encoders):
    schemas = json.loads((testdata / "spark_nlp_answers/schemas.json").read_text(encoding="utf-8"))
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


def test_the_schema_after_all_stages_is_the_recorded_one(testdata, texts, encoders):
    schemas = json.loads((testdata / "spark_nlp_answers/schemas.json").read_text(encoding="utf-8"))
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


def test_input_columns_are_told_apart_by_type_not_by_order(testdata, texts, encoders):
    found = [{"id": r["id"]} for r in records(testdata, "documents")][:5]
    columns = []
    for names in (["sentence", "token"], ["token", "sentence"]):
        stage = BertEmbeddings(encoders["tiny_bert"], inputCols=names, outputCol="out")
        columns.append(run([*text_stages(), stage], found, texts)["out"])
    assert columns[0].equals(columns[1])
