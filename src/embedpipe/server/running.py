"""Runs the server: in one process, or in several that share one port and one copy of weights."""

from __future__ import annotations

import gc
import logging
import resource
import socket
import sys
from dataclasses import dataclass
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from embedpipe.engine.precision import AskedPrecision
from embedpipe.errors import ParameterError
from embedpipe.server.app import create_app
from embedpipe.server.hosted import Hosted
from embedpipe.server.protocol import PatientProtocol
from embedpipe.server.settings import ServerSettings

__all__ = ["Served", "serve"]

GRACE_SECONDS = 30
"""After SIGTERM, requests that were accepted have so long to be answered."""

_OPEN_FILES = 65_536
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class Served:
    """What is served: models and saved pipelines by name or path, and how models compute."""

    names: tuple[str, ...] = ()
    precision: AskedPrecision = "float32"
    threads: int | None = None

    def open(self) -> Hosted:
        """Open all of it."""
        return Hosted.open(self.names, precision=self.precision, threads=self.threads)


def serve(  # noqa: PLR0913
    served: Served,
    settings: ServerSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 1,
    access_log: bool = True,
) -> None:
    """Serve until SIGINT or SIGTERM; then what was accepted is answered, for up to 30 s.

    Everything is opened before anything listens. With several workers, each is a process with
    all models; packed weights of models in files are mapped, so that memory holds one copy.

    Raises ParameterError where the port is taken or the host is not of this machine, and what
    `Encoder.load` and `PipelineModel.load` raise.
    """
    with _bound(host, port) as bound:
        hosted = served.open()
        _log_to_stderr(access_log=access_log)
        _allow_open_files()
        _announce(hosted, bound)
        if workers == 1:
            _settle()
            config = _config(partial(create_app, hosted, settings))
            uvicorn.Server(config).run(sockets=[bound])
            return
        application = partial(_in_worker, served, settings, access_log=access_log)
        config = _config(application, workers=workers)
        Multiprocess(config, sockets=[bound]).run()


def _in_worker(served: Served, settings: ServerSettings, *, access_log: bool) -> ASGIApp:
    _log_to_stderr(access_log=access_log)
    hosted = served.open()
    _settle()
    return create_app(hosted, settings)


def _config(application: partial[ASGIApp], workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        factory=True,
        workers=workers,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
        except BaseException:
            found.close()
            raise
    except (OSError, OverflowError) as error:
        raise ParameterError(
            f"cannot listen at {host}:{port}: {error}; choose another --host or --port"
        ) from error
    found.set_inheritable(True)
    return found


def _announce(hosted: Hosted, bound: socket.socket) -> None:
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    names = ", ".join([*hosted.models, *hosted.pipelines])
    logging.getLogger("embedpipe.server").info("serving %s at http://%s:%s", names, shown, port)


def _log_to_stderr(*, access_log: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name, level in (
        ("embedpipe.server", logging.INFO),
        ("embedpipe.server.access", logging.INFO if access_log else logging.WARNING),
        ("uvicorn.error", logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


def _settle() -> None:
    """Spare requests what this process does by default.

    What is there now stays, so the garbage collector need not look through it again and again. And
    the thread that computes, when it comes back from the engine, gets the interpreter within half a
    millisecond of asking rather than five, in which cores would have nothing to do.
    """
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)


def _allow_open_files() -> None:
    """Let as many connections be open as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
