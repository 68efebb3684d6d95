"""A catalog, a cache and processes for the tests of downloads; all on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

GOOGLE = "tf1/google_bert_zip/uncased_L-2_H-32_A-2.zip"
GOOGLE_EXPECTED = "tf1/google_bert_zip/expected.safetensors"
SPARK_NLP = "tf1/spark_nlp_2.6/bert_embeddings_en_2.6.0_2.4_1598344957042.zip"
SPARK_NLP_EXPECTED = "tf1/spark_nlp_2.6/bert_embeddings_expected.safetensors"

VARIABLES = (
    *("EMBEDPIPE_MODELS", "EMBEDPIPE_MIRROR", "EMBEDPIPE_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN"),
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)

FIND = "import sys; from embedpipe.hub import find_model; print(find_model(sys.argv[1]))"


def entry(name: str, *sources: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An entry of a catalog for the models of the fixtures."""
    return {
        "name": name,
        "annotator": "BertEmbeddings",
        "architecture": "bert",
        "language": "en",
        "dimension": 32,
        "sources": list(sources),
        **changes,
    }


class Place:
    """A cache and a catalog of a test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = folder / "cache"
        self.models = self.cache / "models"
        self.catalog = folder / "catalog.json"
        self.hub = folder / "hf"
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("EMBEDPIPE_CACHE", str(self.cache))
        monkeypatch.setenv("EMBEDPIPE_CATALOG", str(self.catalog))
        monkeypatch.setenv("HF_HOME", str(self.hub))

    def describe(self, *entries: dict[str, Any], names: dict[str, str] | None = None) -> None:
        """Let these be the user's catalog."""
        self.catalog.write_text(json.dumps({"models": entries, "names": names or {}}))


def process(*arguments: str, code: str = FIND, **variables: str) -> subprocess.Popen[str]:
    """Python in a process of its own, which finds a model unless other code is given."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} | variables
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finished(child: subprocess.Popen[str]) -> tuple[str, str]:
    """What a process wrote, once it has ended."""
    output, errors = child.communicate(timeout=60)
    return output.strip(), errors


def assert_is_whole(folder: Path, expected: Path) -> None:
    """The folder has the recorded files, and weights equal to the official library's reading."""
    record = json.loads((folder / "embedpipe.json").read_text())
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert present == {*record["files"], "embedpipe.json"}
    found, wanted = load_file(folder / "model.safetensors"), load_file(expected)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].tobytes() == tensor.tobytes(), name


def zipped(folder: Path, target: Path) -> bytes:
    """A tar.gz of a folder's contents, as TF-Hub gives it."""
    return Path(shutil.make_archive(str(target), "gztar", folder)).read_bytes()


def names_below(folder: Path) -> list[str]:
    """All that lies directly in a folder, without locks."""
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))
