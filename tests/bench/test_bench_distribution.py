"""The distribution embedpipe-bench: embedpipe's version and license, the peers in its extra."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import embedpipe
from embedpipe_bench.peers import ENGINES

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip(
        "tomllib", reason="COULD NOT RUN: reading pyproject.toml needs Python 3.11"
    )

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BY_NAME = {"embedpipe", "fastembed", "sentence-transformers"}
"""Not in the extra: fastembed asks for an older huggingface_hub than the others."""


def project(folder: str) -> dict:
    return tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text())["project"]


def test_both_distributions_have_one_version() -> None:
    core, bench = project("."), project("bench")
    assert core["version"] == bench["version"] == embedpipe.__version__
    exact = f"=={core['version']}"
    assert f"embedpipe{exact}" in bench["dependencies"]
    assert core["optional-dependencies"]["bench"] == [f"embedpipe-bench[chart,peers]{exact}"]


def test_both_distributions_have_one_license() -> None:
    texts = {(REPOSITORY / folder / "LICENSE").read_bytes() for folder in (".", "bench")}
    assert len(texts) == 1


def test_what_the_engines_need_is_in_the_extra() -> None:
    extra = project("bench")["optional-dependencies"]["peers"]
    named = {re.split(r"[<>=~]", requirement)[0] for requirement in extra}
    needed = {name for engine in ENGINES.values() for name in engine.needs}
    assert needed - BY_NAME == named


def test_the_core_needs_no_framework() -> None:
    heavy = ("torch", "tensorflow", "onnx", "openvino", "transformers", "jpype", "pyspark", "jax")
    assert not [need for need in project(".")["dependencies"] if need.startswith(heavy)]
