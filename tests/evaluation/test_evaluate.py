"""Files with known answers, what their columns tell, and models measured on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from embedpipe import Encoder, InputOptions
from embedpipe.cli import main
from embedpipe.cli.evaluate import TASK_NAMES
from embedpipe.errors import (
    ColumnError,
    EmbedpipeError,
    InputError,
    ModelNotFoundError,
    OutputError,
    ParameterError,
)
from embedpipe.evaluation import TASKS, Examples, evaluate, metrics, read_examples
from tests.support.cli_support import write_tiny_model

PAIRS = pandas.DataFrame(
    {
        "sentence1": [f"word {'abc'[i % 3] * (i % 5 + 1)}" for i in range(30)],
        "sentence2": [f"{'xyz'[i % 3] * (i % 4 + 1)} word" for i in range(30)],
        "score": [float(i * 7 % 11) / 2 for i in range(30)],
    }
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(model: Path) -> Encoder:
    return Encoder.load(model)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_formats_give_the_same_examples(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pairs.{suffix}"
    if suffix == "csv":
        PAIRS.to_csv(path, index=False)
    elif suffix == "jsonl":
        PAIRS.to_json(path, orient="records", lines=True)
    else:
        PAIRS.to_parquet(path)
    found = read_examples(path)
    assert found.task == "similarity"
    assert found.texts == (PAIRS["sentence1"].tolist(), PAIRS["sentence2"].tolist())
    assert found.scores == tuple(PAIRS["score"])


@pytest.mark.parametrize(
    ("header", "task"),
    [
        ("sentence1,sentence2,score", "similarity"),
        ("score,sentence2,sentence1", "similarity"),
        ("id,text1,text2,label", "similarity"),
        ("anchor,positive", "retrieval"),
        ("query,answer", "retrieval"),
        ("anchor,positive,negative_1,negative_2", "retrieval"),
        ("label,text", "classification"),
    ],
)
def test_names_of_columns_tell_the_task(tmp_path: Path, header: str, task: str) -> None:
    row = ",".join("1" for _ in header.split(","))
    found = read_examples(write(tmp_path / "a.csv", f"{header}\n{row}\n"))
    assert found.task == task
    assert len(found.texts) == {"similarity": 2, "classification": 1}.get(
        task, len(header.split(","))
    )


def test_named_columns_are_taken_in_the_order_of_the_task(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "answer\tq\tother\nyes\twhy?\tno\nso\thow?\t\n")
    found = read_examples(path, task="retrieval", columns=["q", "answer", "other"])
    assert found.texts == (["why?", "how?"], ["yes", "so"], ["no", ""])


def test_records_without_text_or_answer_are_passed_over_and_counted(tmp_path: Path) -> None:
    text = "text,label\none,a\n,a\n   ,b\ntwo,\nthree,b\n"
    found = read_examples(write(tmp_path / "a.csv", text))
    assert (found.texts, found.labels, found.passed_over) == ((["one", "three"],), ("a", "b"), 3)


def test_options_of_reading_are_honored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", 'text;label\nsay "hi;a\n')
    options = InputOptions(format="csv", delimiter=";", quote=None)
    assert read_examples(path, reading=options).texts == (['say "hi'],)


@pytest.mark.parametrize(
    ("text", "how", "kind", "said"),
    [
        (
            "a,b\n1,2\n",
            {},
            ColumnError,
            r"a\.csv: no column is named 'sentence1'; found 'a', 'b'; expected the columns "
            r"sentence1,sentence2,score \(similarity\); .* --columns and --task",
        ),
        ("text,b\n1,2\n", {"task": "retrieval"}, ColumnError, "expected the columns anchor,pos"),
        (
            "sentence1,b\na,2\n",
            {},
            ColumnError,
            r"a\.csv: found 'sentence1', 'b'; expected the col",
        ),
        ("a,b\n1,2\n", {"columns": ["a", "b"]}, ParameterError, "a,b: which task .* add --task"),
        (
            "a,b\n1,2\n",
            {"columns": ["a", "c"], "task": "classification"},
            ColumnError,
            "no columns are named 'c'; found 'a', 'b'; correct --columns",
        ),
        (
            "a,b\n1,2\n",
            {"columns": ["a", "b"], "task": "similarity"},
            ParameterError,
            "found 2; similarity takes sentence1,sentence2,score",
        ),
        ("text,label\n1,2\n", {"task": "rerank"}, ParameterError, "task 'rerank': expected one of"),
        (
            "sentence1,sentence2,score\na,b,1\na,b,good\n",
            {},
            InputError,
            r"a\.csv, line 3: the score is 'good'; expected a finite number",
        ),
        ("sentence1,sentence2,score\na,b,nan\n", {}, InputError, "line 2: the score is 'nan'"),
        ("text,label\n,a\n", {}, InputError, "no record has texts and an answer; 1 were passed"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, text: str, how: dict[str, object], kind: type[EmbedpipeError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        read_examples(write(tmp_path / "a.csv", text), **how)  # type: ignore[arg-type]


def test_plain_text_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="plain text has no columns; expected the columns sent"):
        read_examples(write(tmp_path / "a.txt", "one"))


def test_a_number_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"anchor": "a", "positive": 5}\n')
    with pytest.raises(InputError, match="line 1: positive is 5; expected a text"):
        read_examples(path)


def test_columns_in_memory_must_be_of_one_length() -> None:
    with pytest.raises(InputError, match="columns of 1 and 2 values; expected equally many"):
        Examples.similarity(["a"], ["b", "c"], [1])
    with pytest.raises(InputError, match="a score is no finite number"):
        Examples.similarity(["a"], ["b"], [float("inf")])


# --- measuring --------------------------------------------------------------------------------


def test_models_precisions_and_files_side_by_side(
    tmp_path: Path, model: Path, encoder: Encoder
) -> None:
    path = tmp_path / "pairs.csv"
    PAIRS.to_csv(path, index=False)
    other = write_tiny_model(tmp_path / "other", seed=1)
    found = evaluate([model, other], [path, path], precisions=["float32", "int8"])
    assert [(each.model, each.precision) for each in found[:4]] == [
        (str(model), "float32"),
        (str(model), "int8"),
        (str(other), "float32"),
        (str(other), "int8"),
    ]
    assert found[4:] == found[:4]
    first, second = (
        encoder.encode(PAIRS[name].tolist(), normalize=True).astype(np.float64)
        for name in ("sentence1", "sentence2")
    )
    expected = spearmanr((first * second).sum(axis=1), PAIRS["score"]).statistic
    assert found[0].metrics["spearman"] == pytest.approx(expected, abs=1e-9)
    assert found[0].metrics != found[2].metrics


def test_retrieval_searches_every_text_once(encoder: Encoder) -> None:
    """A positive of two anchors is one document, and one anchor may have several."""
    anchors, positives = ["a", "a", "b"], ["xx", "yy", "xx"]
    examples = Examples.retrieval(anchors, positives, ["zz", "", "xx"])
    documents = encoder.encode(["xx", "yy", "zz"])
    expected = metrics.retrieval(encoder.encode(["a", "b"]), documents, [{0, 1}, {0}])
    assert evaluate(encoder, examples)[0].metrics == expected


def test_prompts_for_queries_and_documents_are_put(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "prompted"
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    own = {"pooling": "mean", "prompts": {"query": "ask: ", "document": "say: "}}
    (folder / "embedpipe.json").write_text(json.dumps({"format_version": 1, **own}))
    encoder = Encoder.load(folder)
    texts = [f"{'abcdef'[i % 6] * (i % 5 + 1)} {i}" for i in range(40)]
    others = [f"{i} {'abcdef'[i % 6]} {i * i}" for i in range(40)]
    right = [{i} for i in range(40)]
    queries, documents = encoder.encode_query(texts), encoder.encode_document(others)
    expected = metrics.retrieval(queries, documents, right)
    assert expected != metrics.retrieval(encoder.encode(texts), documents, right)
    assert expected != metrics.retrieval(queries, encoder.encode(others), right)
    assert evaluate(folder, Examples.retrieval(texts, others))[0].metrics == expected


def test_a_classification_is_learned_and_tested_on_different_records(encoder: Encoder) -> None:
    texts = [f"{'abcd'[i % 4] * (i % 3 + 1)} {i}" for i in range(40)]
    labels = np.random.default_rng(2).choice(["even", "odd"], 40).tolist()
    train, test = metrics.split(labels, "x", seed=7)
    vectors = encoder.encode(texts)
    probe = LogisticRegression(max_iter=2000).fit(vectors[train], [labels[i] for i in train])
    expected = probe.score(vectors[test], [labels[i] for i in test])
    assert expected < 1
    whole = Examples.labeled(texts, labels)
    found = evaluate(encoder, whole, seed=7)[0]
    assert (found.records, found.metrics["accuracy"]) == (8, expected)
    given = evaluate(encoder, whole.part(test, "x"), learned_from=whole.part(train, "x"))[0]
    assert given.metrics == found.metrics


def test_clustering_is_asked_for(tmp_path: Path, encoder: Encoder) -> None:
    path = write(tmp_path / "a.csv", "text,label\naaaa,1\naaab,1\n7777,2\n7778,2\n")
    found = evaluate(encoder, path, task="clustering")[0]
    assert (found.task, found.metrics["v_measure"]) == ("clustering", pytest.approx(1))


def test_data_is_checked_before_any_model_is_loaded() -> None:
    same = Examples.labeled(["a", "b"], ["x", "x"])
    with pytest.raises(InputError, match="all 2 labels are 'x'"):
        evaluate("no-such-model", same)
    pairs = Examples.retrieval(["a"], ["b"])
    with pytest.raises(ParameterError, match="only a classification learns from other data"):
        evaluate("no-such-model", pairs, learned_from=same)
    with pytest.raises(ParameterError, match="at least one model and one file"):
        evaluate([], pairs)


# --- the command ------------------------------------------------------------------------------


def test_a_model_that_is_missing_is_told_before_any_is_measured(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Encoder, "encode_counting")
    pairs = Examples.similarity(["a", "b"], ["c", "d"], [1, 2])
    with pytest.raises(ModelNotFoundError, match="no-such-model"):
        evaluate([encoder, "no-such-model"], pairs)


def test_the_command_prints_a_table(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.csv"
    PAIRS.to_csv(path, index=False)
    arguments = ["evaluate", str(model), "--data", str(path), "--precision", "float32", "int8"]
    assert main([*arguments, "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: similarity, 30 records, measures x 100"
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("model", "precision", "dimension", "spearman", "pearson"),
    ]
    assert len(lines) == 6
    assert len({len(line) for line in lines[2:]}) == 1


def test_the_command_writes_json(tmp_path: Path, model: Path) -> None:
    path, output = tmp_path / "pairs.csv", tmp_path / "out.json"
    PAIRS.to_csv(path, index=False)
    arguments = ["evaluate", str(model), "--data", str(path), "-q", "-o", str(output)]
    assert main(arguments) == 0
    (found,) = json.loads(output.read_text())
    assert found["metrics"] == evaluate(model, path)[0].metrics
    assert main(arguments) == 1  # it is there


def test_an_input_is_never_replaced(tmp_path: Path, model: Path) -> None:
    path = write(tmp_path / "pairs.json", '[{"anchor": "a", "positive": "b"}]')
    from embedpipe.output import check_output

    with pytest.raises(OutputError):
        check_output(path, overwrite=True, inputs=[path])
    arguments = ["evaluate", str(model), "--data", str(path), "-o", str(path), "--overwrite"]
    assert main(arguments) == 1
    assert "anchor" in path.read_text()


def test_tasks_of_the_command_are_those_of_the_package() -> None:
    assert TASK_NAMES == TASKS
