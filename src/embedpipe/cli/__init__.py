"""The command ``embedpipe``: one module per subcommand, which parses, calls a function and prints.

What they call serves scripts as well: `embedpipe.embed_files`, `embedpipe.search_file`,
`import_model.convert`, `bundle.bundle`, `info.gather`, `embedpipe.verification.verify`,
`embedpipe.card.write_card`. Other distributions add commands through `installed`, such as
embedpipe-bench. This module imports nothing heavy, so that ``embedpipe --version`` and ``--help``
answer at once.
"""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Sequence
from importlib import import_module

import embedpipe
from embedpipe.cli.installed import add_installed
from embedpipe.cli.interrupt import Terminated, termination_raises
from embedpipe.cli.streams import give_up_output, printable, usable_streams
from embedpipe.errors import EmbedpipeError

__all__ = ["build_parser", "main"]

_ERROR = 1
_USAGE = 2  # as argparse has it
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_BROKEN_PIPE = 141  # 128 + SIGPIPE
_MODULES = {
    "embed": "embedpipe.cli.embed",
    "search": "embedpipe.cli.search",
    "models": "embedpipe.cli.models",
    "verify": "embedpipe.cli.verify",
    "card": "embedpipe.cli.card",
    "import": "embedpipe.cli.import_model",
    "bundle": "embedpipe.cli.bundle",
    "info": "embedpipe.cli.info",
}
"""Where each command of our own is, in the order in which they are shown."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def build_parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the whole command line; `args.run(args)` carries out what was asked for.

    Where `arguments` begin with a command of our own, others are neither imported nor looked for:
    it takes time.
    """
    parser = argparse.ArgumentParser(
        prog="embedpipe",
        description="Embed text with BERT-family models, search it, and see what runs underneath.",
    )
    parser.add_argument("--version", action="version", version=f"embedpipe {embedpipe.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    first = next(iter(arguments), "")
    if first == "--version":
        return parser
    for name in [first] if first in _MODULES else _MODULES:
        import_module(_MODULES[name]).add_parser(commands)
    if first not in _MODULES:
        add_installed(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; None takes the arguments of the process.

    0: done. 1: an error of embedpipe, printed on standard error. 2: the arguments are invalid
    (argparse raises SystemExit). 130: Ctrl-C. 128 + n: ended by signal n, as shells report it.
    """
    given = sys.argv[1:] if arguments is None else arguments
    with usable_streams():
        parser = build_parser(given)
        args = parser.parse_args(given)
        if "run" not in args:
            parser.print_help(sys.stderr)
            raise SystemExit(_USAGE)
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        with termination_raises():
            args.run(args)
            sys.stdout.flush()
    except EmbedpipeError as error:
        message = "\n".join(map(printable, str(error).split("\n")))
        print(f"embedpipe: error: {message}", file=sys.stderr)
        return _ERROR
    except KeyboardInterrupt:
        print("embedpipe: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Terminated as stop:
        print(f"embedpipe: {stop}", file=sys.stderr)
        return 128 + stop.signal
    except BrokenPipeError:
        # The reader of our output has gone, as in `embedpipe search ... | head -1`.
        give_up_output()
        return _BROKEN_PIPE
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        give_up_output()
        print(f"embedpipe: error: cannot write the output: {error.strerror}", file=sys.stderr)
        return _ERROR
    return 0
