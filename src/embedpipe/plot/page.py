"""One HTML file that asks for nothing else: our scripts and styles, and data that stay data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe._version import __version__
from embedpipe.errors import OutputError
from embedpipe.output import check_output

__all__ = ["check_picture_output", "floats", "page"]

_KINDS = (".html", ".png")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="embedpipe {version}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}<script type="application/json" id="data">{data}</script>
{scripts}
</body>
</html>
"""


def page(title: str, name: str, data: Any, *, libraries: Sequence[str] = ()) -> str:
    """The page `name` of our assets, with its style and script, libraries before, and data.

    Nothing that `data` or `title` holds can become markup or run: data are JSON without "<", our
    script shows them as text alone, and the page's policy admits no other script, and no request.
    """
    sources = [_asset(f"{library}.js") for library in libraries] + [_asset(f"{name}.js")]
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:; "
        # a library makes its drawing functions from text of its own
        f"script-src {' '.join(map(_hash, sources))} 'unsafe-eval'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=escape(policy, quote=True).replace("&#x27;", "'"),
        version=__version__,
        title=escape(title),
        style=_asset("common.css") + _asset(f"{name}.css"),
        body=_asset(f"{name}.html"),
        data=_json(data),
        scripts="\n".join(f"<script>{source}</script>" for source in sources),
    )


def check_picture_output(
    output: str | Path,
    *,
    overwrite: bool = False,
    inputs: Sequence[str | Path] = (),
    kinds: Sequence[str] = _KINDS,
) -> None:
    """OutputError where a page or picture cannot be written there; to be called before the work."""
    if Path(output).suffix.lower() not in kinds:
        raise OutputError(
            f"cannot write {output}: found the suffix {Path(output).suffix!r}; expected "
            f"{' or '.join(kinds)}"
        )
    check_output(output, overwrite=overwrite, inputs=inputs)


def floats(values: npt.NDArray[Any]) -> str:
    """The values as little-endian float32 in base64, which takes a third of their digits' space."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")


def _json(data: Any) -> str:
    """JSON that no HTML parser takes for anything else: ends of scripts and comments need a "<"."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode("utf-8")  # halves of characters
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(source: str) -> str:
    digest = base64.b64encode(hashlib.sha256(source.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _asset(name: str) -> str:
    return files("embedpipe.plot").joinpath("assets", name).read_text(encoding="utf-8")
