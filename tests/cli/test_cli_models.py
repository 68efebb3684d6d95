"""`embedpipe models`: the table, and all that is known of one model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FACTS = REPOSITORY / "tools/catalog_facts"
SHIPPED = REPOSITORY / "src/embedpipe/hub/catalog.json"
ARCHIVE = {"kind": "archive", "address": "http://models.example/a.zip"}


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [sys.executable, "-m", "embedpipe", "models", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | variables,
    )


def test_the_command_prints_a_table(tmp_path):
    done = command("--task", "sentence", "--dimension", "384", EMBEDPIPE_CACHE=str(tmp_path))
    assert done.stdout.splitlines() == [
        "NAME              TASK      LANGUAGE  DIMENSION  CASE     ARCHITECTURE  HERE",
        "all-MiniLM-L6-v2  sentence  en        384        uncased  bert          yes",
    ]
    assert len(command().stdout.splitlines()) == 106
    nothing = command("--language", "tlh")
    assert (nothing.returncode, nothing.stdout) == (0, "no model fits\n")


def test_the_command_shows_a_model(tmp_path):
    folder = tmp_path / "models/small_bert_L12_256"
    folder.mkdir(parents=True)
    hidden = command("show", "small_bert_L12_256", EMBEDPIPE_CACHE=str(tmp_path))
    assert "no; it is downloaded when first used" in hidden.stdout  # an empty folder is no model
    (folder / "config.json").touch()
    done = command("show", "en.embed.bert.small_L12_256", EMBEDPIPE_CACHE=str(tmp_path))
    lines = done.stdout.splitlines()
    assert lines[0] == "name          small_bert_L12_256"
    assert f"here          {tmp_path}/models/small_bert_L12_256" in lines
    derived = "(derived from the name, not on the card)"
    assert f"  huggingface  google/bert_uncased_L-12_H-256_A-4  {derived}" in lines
    assert "  en.embed.bert.small_L12_256" in lines
    assert any(line.startswith("  'love' in 'I love NLP': ") for line in lines)
    missing = command("show", "nothing-like-it")
    assert missing.returncode == 1
    assert missing.stderr.startswith("embedpipe: error: no model in the catalog is named 'nothing")
