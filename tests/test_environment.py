"""Environment variables: where the cache lies, and which values mean yes or no."""

from __future__ import annotations

import ast
import pwd
from pathlib import Path

import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

import embedpipe
from embedpipe import environment
from embedpipe.environment import cache_directory, is_offline, keeps_packed_weights
from embedpipe.errors import ParameterError


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        (Unix, {}, "{home}/.cache/embedpipe"),
        (Unix, {"XDG_CACHE_HOME": "/x/y"}, "/x/y/embedpipe"),
        (Unix, {"XDG_CACHE_HOME": "relative"}, "{home}/.cache/embedpipe"),
        (Unix, {"EMBEDPIPE_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
        (MacOS, {}, "{home}/Library/Caches/embedpipe"),
        (Windows, {}, "/l/embedpipe/Cache"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    monkeypatch, tmp_path, platform, variables, expected
):
    for name in ("EMBEDPIPE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(platformdirs, "PlatformDirs", platform)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: "/l")  # of the registry
    assert cache_directory() == Path(expected.format(home=tmp_path))


def test_without_a_home_the_cache_must_be_named(monkeypatch):
    def nobody(_: int) -> None:
        raise KeyError

    for name in ("EMBEDPIPE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(ParameterError, match="set EMBEDPIPE_CACHE to a directory"):
        cache_directory()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("YES", True), ("on", True), ("true", True), ("0", False), ("", False)],
)
@pytest.mark.parametrize("name", ["EMBEDPIPE_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_is_read_as_huggingface_hub_reads_it(monkeypatch, name, value, expected):
    for variable in ("EMBEDPIPE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    assert not is_offline()
    monkeypatch.setenv(name, value)
    assert is_offline() == expected


@pytest.mark.parametrize(("value", "expected"), [("0", False), ("No", False), ("1", True)])
def test_packed_weights_are_kept_unless_refused(monkeypatch, value, expected):
    monkeypatch.delenv("EMBEDPIPE_PACKED_CACHE", raising=False)
    assert keeps_packed_weights()
    monkeypatch.setenv("EMBEDPIPE_PACKED_CACHE", value)
    assert keeps_packed_weights() == expected


def test_variables_are_read_in_one_place_and_told_in_the_documentation():
    root = Path(embedpipe.__file__).parent
    readers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    # The splitter sets a variable of another package's for the moment of a fork.
    # The benchmark passes them on to its processes.
    ours = {name for name in readers if not name.startswith("bench/")}
    assert ours - {"subword/splitter.py"} == {"environment.py"}
    page = Path(__file__).parents[1].joinpath("docs/environment.md").read_text(encoding="utf-8")
    names = [value for key, value in vars(environment).items() if key.endswith("_VARIABLE")]
    assert len(names) == 7
    assert all(f"| `{name}` |" in page for name in names)
