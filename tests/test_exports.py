"""What users may import, what importing loads, and where errors stand."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import embedpipe
from embedpipe import errors

HEAVY = {"numpy", "pandas", "pyarrow", "torch", "tokenizers", "transformers", "tqdm", "pyspark"}


def modules_after(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after running `code`."""
    code += (
        "\nimport json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_public_names_are_these():
    assert embedpipe.__all__ == sorted(
        [
            *("Annotation", "Encoder", "LightPipeline", "Pipeline", "PipelineModel", "Ragged"),
            *(
                "InputOptions",
                "ModelOptions",
                "embed_files",
                "search_file",
                "search_files",
                "search_models",
                "index_files",
                "load",
            ),
            *("search", "show", "start", "vectors", "verify"),
            *errors.__all__,
        ]
    )


def test_every_public_name_can_be_imported_and_is_listed():
    for name in embedpipe.__all__:
        assert getattr(embedpipe, name).__name__ == name
    assert set(embedpipe.__all__) <= set(dir(embedpipe))


def test_another_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'embedpipe' has no attribute 'Encodr'"):
        _ = embedpipe.Encodr


def test_importing_the_package_loads_nothing_heavy():
    loaded = modules_after("import embedpipe")
    assert "embedpipe" in loaded
    assert not loaded & HEAVY


def test_an_encoder_needs_numpy_and_tokenizers_alone():
    loaded = modules_after("from embedpipe import Encoder; Encoder.load().encode(['one'])")
    assert loaded & HEAVY == {"numpy", "tokenizers"}


def test_every_error_is_ours_and_the_builtin_one_users_expect():
    expected = {
        "ColumnError": ValueError,
        "DownloadError": FileNotFoundError,
        "InputError": ValueError,
        "MissingDependencyError": ImportError,
        "ModelFormatError": ValueError,
        "ModelNotFoundError": FileNotFoundError,
        "NotHereError": ImportError,
        "OutputError": OSError,
        "ParameterError": ValueError,
        "TrainingError": ArithmeticError,
        "UnsupportedPatternError": ValueError,
    }
    warnings = {
        *("AmbiguousColumnWarning", "IgnoredArgumentWarning"),
        *("TrainingDataWarning", "TruncationWarning", "UnknownSettingWarning"),
    }
    defined = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException)
    }
    bases = {"EmbedpipeError", "EmbedpipeWarning"}
    assert defined.keys() == expected.keys() | warnings | bases == set(errors.__all__)
    for name, builtin in expected.items():
        assert issubclass(defined[name], errors.EmbedpipeError)
        assert issubclass(defined[name], builtin)
    for name in warnings:
        assert issubclass(defined[name], errors.EmbedpipeWarning)
    assert issubclass(errors.EmbedpipeError, Exception)
    assert issubclass(errors.EmbedpipeWarning, UserWarning)


def test_errors_are_defined_in_one_place_and_drawn_in_its_tree():
    """But those that have a leading underscore, or that never leave the folder they stand in."""
    inner = {"TransientError"}  # with_retries makes a DownloadError of it
    package = Path(embedpipe.__file__).parent
    elsewhere = {
        node.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and path.name != "errors.py"
        if re.fullmatch(r"[A-Z]\w*(Error|Warning)", node.name)
    }
    assert elsewhere == inner
    assert all(re.search(rf"\b{name}\b", errors.__doc__) for name in errors.__all__)
