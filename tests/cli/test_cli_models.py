"""`embedpipe models`: the table, and all that is known of one model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.model_folders import tiny_config, write_model

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FACTS = REPOSITORY / "tools/catalog_facts"
SHIPPED = REPOSITORY / "src/embedpipe/hub/catalog.json"
ARCHIVE = {"kind": "archive", "address": "http://models.example/a.zip"}


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_command("models", *arguments, **variables)


def run_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [sys.executable, "-m", "embedpipe", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | variables,
    )


def test_the_command_prints_a_table(tmp_path):
    done = command(
        "--dimension", "384", "--text", "all-minilm-l6-v2", EMBEDPIPE_CACHE=str(tmp_path)
    )
    assert done.stdout.splitlines() == [
        "NAME              TASK      LANGUAGE  DIMENSION  CASE     ARCHITECTURE  SIZE   HERE",
        "all-MiniLM-L6-v2  sentence  en        384        uncased  bert          91 MB  yes",
    ]
    assert len(command().stdout.splitlines()) == 107
    nothing = command("--language", "tlh")
    assert (nothing.returncode, nothing.stdout) == (0, "no model fits\n")


def test_models_are_listed_got_and_removed(tmp_path):
    places = {"EMBEDPIPE_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hf")}
    places |= {"EMBEDPIPE_MODELS": "", "EMBEDPIPE_OFFLINE": "1"}
    folder = write_model(tmp_path / "cache/models/org/mine", tiny_config())
    listed = command("--here", "--text", "MINE", **places).stdout.splitlines()
    assert listed[0].split() == ["NAME", "PLACE", "SIZE", "PATH"]
    assert listed[1].split() == ["org/mine", "cache", "0.03", "MB", str(folder)]
    (found,) = json.loads(command("--here", "--text", "mine", "--json", **places).stdout)
    assert (found["name"], found["path"]) == ("org/mine", str(folder))
    got = command("get", "org/mine", **places)
    assert got.stdout == f"org/mine: 0.03 MB in {folder}\n"
    assert command("rm", "org/mine", **places).stdout == "removed org/mine, 0.03 MB\n"
    assert not folder.exists()
    again = command("rm", "org/mine", **places)
    assert again.returncode == 1
    assert "no model 'org/mine' in" in again.stderr
    missing = command("get", "org/mine", **places)
    assert missing.returncode == 1
    assert "org/mine is not on this machine, and no server is asked" in missing.stderr
    assert command("--here", "--task", "word", **places).returncode == 2
    assert command("show", "bge-small-en-v1.5").stdout.count("query: 'Represent this") == 1


def test_the_cache_is_shown_and_cleaned(tmp_path):
    packed = tmp_path / "packed/0a-avx2-int8.packed"
    packed.parent.mkdir()
    packed.write_bytes(bytes(5_000_000))
    place = {"EMBEDPIPE_CACHE": str(tmp_path)}
    shown = run_command("cache", **place).stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["WHAT", "models", "packed", "leftovers"]
    assert shown[2].split()[2:5] == ["1", "5", "MB"]
    parts = json.loads(run_command("cache", "--json", **place).stdout)
    assert {part["name"]: part["size"] for part in parts}["packed weights"] == 5_000_000
    cleaned = run_command("cache", "clean", **place)
    assert cleaned.stdout.startswith("removed 5 MB:\n")
    assert not packed.exists()
    assert json.loads(run_command("cache", "clean", "--json", **place).stdout)[1]["files"] == 0


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
