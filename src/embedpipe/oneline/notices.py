"""Arguments of NLU's that can mean nothing here: who gives one is told once what to do instead."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from embedpipe._callers import level_of_caller
from embedpipe.errors import IgnoredArgumentWarning, ParameterError

__all__ = ["check_switches", "tell_of_ignored"]

_USUAL: dict[str, tuple[Any, str]] = {
    "gpu": (
        False,
        "this build computes on the processor, and its int8 is often as fast as a small graphics "
        "card: load(..., precision='int8'); models for a GPU are what PyTorch is there for",
    ),
    "apple_silicon": (False, "wheels are made for each processor; leave it out"),
    "streamlit_caching": (
        False,
        "let Streamlit keep the pipeline: @st.cache_resource above the function that calls load",
    ),
    "verbose": (False, "errors say what is wrong without it; leave it out"),
    "get_tracer": (False, "print_info tells what there is to set; leave it out"),
    "output_path": (
        "",
        "NLU writes PDF files there that it has read; write the result by its own method, such as "
        "predict(...).to_parquet(path)",
    ),
    "multithread": (
        True,
        "results do not depend on the number of threads; to use fewer, load(..., threads=1)",
    ),
    "return_spark_df": (
        False,
        "what comes out is of the kind that was passed: pass a Spark frame to get one, or take "
        "pipe.pipeline_model.transform(frame) for columns of annotations",
    ),
    "parser_output": (False, "parsers belong to a licensed product; leave it out"),
    "parser_config": ("", "parsers belong to a licensed product; leave it out"),
    "partition": (
        1000,
        "rows are read in batches as they come; repartition a Spark frame yourself",
    ),
}
"""Their usual values, and what to do instead of giving another."""

_told: set[str] = set()


def tell_of_ignored(given: Mapping[str, Any]) -> None:
    """Warn of each argument that has another value than its usual one; once in a process."""
    for name, value in given.items():
        usual, instead = _USUAL[name]
        if name not in _told and value is not None and value != usual:
            _told.add(name)
            warnings.warn(
                f"{name}={value!r:.80} has no effect here: {instead}",
                IgnoredArgumentWarning,
                stacklevel=level_of_caller(),
            )


def check_switches(given: Mapping[str, Any]) -> None:
    """Raise ParameterError that names an argument which is neither True nor False."""
    for name, value in given.items():
        if type(value).__name__ not in ("bool", "bool_"):
            raise ParameterError(f"{name}: found {value!r:.80}; expected True or False")
