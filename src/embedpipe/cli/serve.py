"""``embedpipe serve``: models and saved pipelines over HTTP, with a page to try them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import PRECISION_NAMES, completed_model, threads_option
from embedpipe.environment import API_KEY_VARIABLE, api_key
from embedpipe.errors import ParameterError

if TYPE_CHECKING:
    from embedpipe.server import ServerSettings

__all__ = ["run"]

_PACKAGES = (
    "httptools",
    "msgspec",
    "orjson",
    "prometheus_client",
    "starlette",
    "uvicorn",
    "uvloop",
)
_LISTENING = "Listening"
_LIMITS = "Limits"


@command(
    "serve models over HTTP: OpenAI's API, text-embeddings-inference's, and a page to try them",
    "embedpipe serve",
    "embedpipe serve small_bert_L12_256 reviews.zip --port 9000",
)
@argument(
    "names",
    metavar="[NAME|FOLDER|PIPELINE]...",
    nargs=-1,
    shell_complete=completed_model,
    help="models and saved pipelines (default: the one in the package)",
)
@option(
    "--precision",
    type=click.Choice(PRECISION_NAMES),
    default="float32",
    section="Model",
    help="of the products with the layers' weights (default: float32)",
)
@threads_option
@option(
    "--workers",
    type=positive_number,
    metavar="N",
    default=1,
    section="Model",
    help="processes, which share the port and one copy of the weights (default: 1)",
)
@option("--host", default="127.0.0.1", section=_LISTENING, help="default: 127.0.0.1, this machine")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    section=_LISTENING,
    help="default: 8080; 0 takes a free one",
)
@option(
    "--api-key-file",
    type=click.Path(),
    metavar="FILE",
    section=_LISTENING,
    help=f"its first line is the key that clients must send (default: ${API_KEY_VARIABLE})",
)
@option(
    "--cors-origin",
    "origins",
    multiple=True,
    metavar="URL",
    section=_LISTENING,
    help="let pages of this origin ask (default: none)",
)
@option("--no-access-log", is_flag=True, section=_LISTENING, help="do not log each request")
@option(
    "--max-texts",
    type=positive_number,
    metavar="N",
    default=10_000,
    section=_LIMITS,
    help="texts or rows of a request (default: 10,000)",
)
@option(
    "--max-body",
    type=positive_number,
    metavar="MB",
    default=16,
    section=_LIMITS,
    help="size of a request (default: 16)",
)
@option("--truncate", is_flag=True, section=_LIMITS, help="/embed cuts texts that are too long")
@option(
    "--any-dimensions",
    is_flag=True,
    section=_LIMITS,
    help="`dimensions` cuts vectors of models, too, that do not say that they may be cut",
)
def run(
    names: tuple[str, ...],
    precision: Any,
    threads: int | None,
    workers: int,
    host: str,
    port: int,
    no_access_log: bool,
    **settings: Any,
) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that were accepted are answered first."""
    from embedpipe._dependencies import require

    for package in _PACKAGES:
        require(package, "embedpipe serve", extra="server")
    from embedpipe.engine.threads import default_threads
    from embedpipe.server import Served, serve

    if threads is None and workers > 1:
        threads = max(default_threads() // workers, 1)
    serve(
        Served(names, precision, threads),
        _settings(**settings),
        host=host,
        port=port,
        workers=workers,
        access_log=not no_access_log,
    )


def _settings(
    *,
    api_key_file: str | None,
    origins: tuple[str, ...],
    max_texts: int,
    max_body: int,
    truncate: bool,
    any_dimensions: bool,
) -> ServerSettings:
    from embedpipe.server import Limits, ServerSettings

    limits = Limits(body_bytes=max_body * 2**20, texts=max_texts)
    return ServerSettings(
        limits,
        _api_key(api_key_file),
        origins,
        truncate=truncate,
        any_dimensions=any_dimensions,
    )


def _api_key(file: str | None) -> str | None:
    """The key from the file or else from the environment; an empty one is an error."""
    if file is None:
        key, place = api_key(), f"the environment variable {API_KEY_VARIABLE}"
    else:
        place = f"--api-key-file {file}"
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"{place}: it cannot be read: {error}") from error
        key = lines[0] if lines else ""
    if key is not None and not key.strip():
        raise ParameterError(f"{place}: found no key; expected one in its first line, or unset it")
    return key and key.strip()
