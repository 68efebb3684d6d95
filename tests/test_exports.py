"""What users may import, what importing loads, and where errors stand."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

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
            *("InputOptions", "ModelOptions", "embed_files", "search_file"),
            *("search", "show", "verify"),
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
        "OutputError": OSError,
        "ParameterError": ValueError,
        "UnsupportedPatternError": ValueError,
    }
    defined = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException)
    }
    warnings = ["EmbedpipeWarning", "TruncationWarning", "UnknownSettingWarning"]
    assert sorted(defined) == sorted([*expected, "EmbedpipeError", *warnings])
    assert sorted(defined) == sorted(errors.__all__)
    for name in warnings:
        assert issubclass(defined[name], errors.EmbedpipeWarning)
        assert issubclass(defined[name], UserWarning)
    for name, builtin in expected.items():
        assert issubclass(defined[name], errors.EmbedpipeError)
        assert issubclass(defined[name], builtin)
    assert issubclass(errors.EmbedpipeError, Exception)
