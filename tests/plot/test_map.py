"""Maps: places, clusters and their words against independent computations; pages and pictures."""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import ModelOptions
from embedpipe.cli import main
from embedpipe.errors import ColumnError, InputError, OutputError, ParameterError
from embedpipe.plot import draw_map
from embedpipe.plot.clusters import cluster, cluster_words, usual_count
from embedpipe.plot.coloring import CATEGORY_COLORS, by_clusters, by_column
from embedpipe.plot.projection import project
from tests.support.cli_support import write_tiny_model

TEXTS = [f"{['red', 'green', 'blue'][i % 3]} {'abcdefgh'[i % 8] * (i % 5 + 1)}" for i in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelOptions:
    return ModelOptions(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    columns = {"text": TEXTS, "stars": [i % 4 for i in range(40)], "price": np.arange(40) / 8}
    parquet.write_table(pa.table(columns), path)
    return path


def data_of(page: Path) -> dict:
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


# --- places, clusters, words ------------------------------------------------------------------


def test_pca_gives_the_two_directions_of_most_variance() -> None:
    rows = np.random.default_rng(1).normal(size=(30, 6)).astype(np.float32)
    rows *= [9, 1, 1, 5, 1, 1]
    places, method = project(rows)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(units - units.mean(axis=0))
    expected = u[:, :2] * s[:2]
    low, high = expected.min(axis=0), expected.max(axis=0)
    expected = (expected - (low + high) / 2) / (high - low).max() * 2 * 0.92
    assert method == "pca"
    for axis in (0, 1):
        assert (
            min(np.abs(places[:, axis] - sign * expected[:, axis]).max() for sign in (1, -1)) < 1e-4
        )


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_a_seed_gives_the_same_places_and_groups_stay_apart(method: str) -> None:
    random = np.random.default_rng(2)
    centers = np.eye(3, 12)[np.arange(60) % 3]
    rows = (centers + random.normal(size=(60, 12)) * 0.05).astype(np.float32)
    places, used = project(rows, method=method, seed=3)
    assert used == method
    assert places.dtype == np.float32 and np.isfinite(places).all()
    assert 0.9 < np.abs(places).max() <= 1
    assert places.tobytes() == project(rows, method=method, seed=3)[0].tobytes()
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) % 3 == np.arange(60) % 3).all()


@pytest.mark.parametrize("n", [1, 2, 3, 16])
def test_few_or_equal_vectors_have_places_too(n: int) -> None:
    for rows in (np.zeros((n, 5), np.float32), np.ones((n, 5), np.float32)):
        places, _ = project(rows)
        assert places.shape == (n, 2) and np.isfinite(places).all()
        assert cluster(rows, usual_count(n)).tolist() == [0] * n


def test_clusters_are_numbered_from_the_largest_and_are_the_groups() -> None:
    groups = np.array([0] * 5 + [1] * 9 + [2] * 7)
    rows = (np.eye(3, 8)[groups] + np.random.default_rng(3).normal(size=(21, 8)) * 0.05) * 4
    assert cluster(rows.astype(np.float32), 3).tolist() == [2] * 5 + [0] * 9 + [1] * 7


def test_words_are_those_of_class_based_tf_idf() -> None:
    texts = ["red apple red apple", "night train", "apple pie", "train night station train"]
    labels = np.array([0, 1, 0, 1])
    words = [
        ["red", "apple", "red", "apple", "apple", "pie"],
        ["night", "train"] * 2 + ["station", "train"],
    ]
    mean = np.mean([len(each) for each in words])
    for number, each in enumerate(words):
        both = words[0] + words[1]
        scores = {w: each.count(w) / len(each) * np.log(1 + mean / both.count(w)) for w in each}
        expected = sorted(scores, key=lambda w: (-scores[w], w))
        assert cluster_words(texts, labels)[number] == ", ".join(expected[:3])
    assert cluster_words(["1 2", "?"], np.array([0, 1])) == ["cluster 1", "cluster 2"]


def test_colors_are_by_number_or_by_value() -> None:
    numbers = by_column("price", [None, *range(20)])
    assert (numbers.names, numbers.low, numbers.high) == ([], 0, 19)
    assert numbers.codes[-1] == 1 and numbers.labels[:2] == ["", "0"]
    few = by_column("stars", [1, 2, 2, None])
    assert (few.names, few.codes.tolist()) == (["2", "1", "(none)"], [1, 0, 0, 2])
    many = by_column("name", [f"n{i}" for i in range(30)] + ["n7"])
    assert (len(many.names), many.names[0], many.names[-1]) == (13, "n7", "others")
    assert many.codes.max() == 12 == len(CATEGORY_COLORS) - 1
    assert many.labels[29] == "n29"
    assert by_clusters(np.array([0, 1, 0]), ["a, b", "c"]).labels == ["a, b", "c", "a, b"]


# --- pages and pictures -----------------------------------------------------------------------


def test_the_page_holds_every_text_with_its_place(
    model: ModelOptions, source: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    summary = draw_map([source], first, embedding=model, clusters=3)
    assert (summary.records, summary.method, summary.coloring) == (40, "pca", "cluster")
    draw_map([source], second, embedding=model, clusters=3)
    assert first.read_bytes() == second.read_bytes()
    data = data_of(first)
    assert data["texts"] == TEXTS
    assert data["title"] == "in.parquet" and data["about"] == "40 texts by PCA"
    assert len(data["names"]) == 3 and len(data["anchors"]) == 3
    assert floats(data["x"]).shape == floats(data["codes"]).shape == (40,)
    for code, point in data["anchors"]:
        assert floats(data["codes"])[point] == code


def test_a_column_colors(model: ModelOptions, source: Path, tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    assert (
        main(["map", str(source), "-o", str(page), "--color", "stars", "--model", str(model.model)])
        == 0
    )
    data = data_of(page)
    assert (data["coloring"], sorted(data["names"]), data["anchors"]) == ("stars", list("0123"), [])
    named = [data["names"][int(code)] for code in floats(data["codes"])]
    assert named == [str(i % 4) for i in range(40)]
    draw_map([source], page, color="price", embedding=model, limit=20, overwrite=True)
    data = data_of(page)
    assert (data["names"], data["low"], data["high"]) == ([], "0", "2.375")
    assert np.allclose(floats(data["codes"]), np.arange(20) / 19)


def test_a_picture(model: ModelOptions, source: Path, tmp_path: Path) -> None:
    for color, name in ((None, "a"), ("stars", "b"), ("price", "c")):
        files = [tmp_path / f"{name}{i}.png" for i in (1, 2)]
        for path in files:
            draw_map([source], path, color=color, embedding=model, title="a $ \x07 title")
        content = files[0].read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", content[16:24])
        assert width > 1000 and height > 800
        assert content == files[1].read_bytes()


def test_texts_cannot_become_markup(model: ModelOptions, tmp_path: Path) -> None:
    hostile = [
        "</script><script>alert(1)</script>",
        "<!-- <script>",
        "<img src=x onerror=alert(1)>",
    ]
    source, page = tmp_path / "in.parquet", tmp_path / "map.html"
    parquet.write_table(
        pa.table({"text": [*hostile, "&lt;b&gt; \u2028 \x00"], "c": [*hostile, ""]}), source
    )
    draw_map([source], page, color="c", embedding=model, title="</title><script>alert(2)</script>")
    text = page.read_text(encoding="utf-8")
    before, data, after = re.split(
        r'<script type="application/json" id="data">|</script>', text, maxsplit=2
    )
    assert "<" not in data
    assert before.lower().count("<script") == 0
    assert data_of(page)["texts"] == [*hostile, "&lt;b&gt; \u2028 \x00"]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]
    assert after.lower().count("<script") == 2  # the library and our own


# --- errors -----------------------------------------------------------------------------------


def test_errors_come_before_the_work(
    model: ModelOptions, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")
    monkeypatch.setattr("embedpipe.plot.map.gather", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(OutputError, match=r"found the suffix '\.pdf'; expected \.html or \.png"):
        draw_map([source], tmp_path / "a.pdf", embedding=model)
    with pytest.raises(OutputError, match="exists already"):
        draw_map([source], there, embedding=model)
    with pytest.raises(
        ParameterError, match="method: found 'mds'; expected one of umap, tsne, pca"
    ):
        draw_map([source], tmp_path / "a.html", embedding=model, method="mds")
    assert there.read_text() == "mine"


def test_a_column_that_is_not_there_and_files_without_texts(
    model: ModelOptions, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(ColumnError, match="no columns are named 'sort', to color by; found 'text'"):
        draw_map([source], tmp_path / "a.html", color="sort", embedding=model)
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"text": null}\n')
    with pytest.raises(InputError, match="no record has a text; nothing to show"):
        draw_map([empty], tmp_path / "a.html", embedding=model)
    assert not (tmp_path / "a.html").exists()


def test_a_package_that_is_missing_is_named(
    model: ModelOptions,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    arguments = ["map", str(source), "-o", str(tmp_path / "a.html"), "--model", str(model.model)]
    assert main(arguments) == 1
    assert "run: pip install 'embedpipe[plot]'" in capsys.readouterr().err
