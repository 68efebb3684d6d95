"""The command ``embedpipe``: one module per subcommand, which parses, calls a function and prints.

What they call serves scripts as well: `embedpipe.embed_files`, `embedpipe.search_file`,
`import_model.convert`, `bundle.bundle`, `info.gather`, `embedpipe.verification.verify`,
`embedpipe.card.write_card`. Other distributions add commands through `installed`, such as
embedpipe-bench. This module imports nothing heavy, so that ``embedpipe --version`` and ``--help``
answer at once.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import embedpipe
from embedpipe.cli.interrupt import Terminated, termination_raises
from embedpipe.cli.invocation import Invocation
from embedpipe.cli.streams import give_up_output, short_warnings, tell_error, usable_streams
from embedpipe.environment import completion_asked
from embedpipe.errors import EmbedpipeError

__all__ = ["main"]

_ERROR = 1
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_BROKEN_PIPE = 141  # 128 + SIGPIPE
_VERSION = (["--version"], ["-V"])  # needs no parser
_FAULT = "a fault of embedpipe, please report it with what --debug shows"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; None takes the arguments of the process.

    0: done. 1: an error of embedpipe, printed on standard error. 2: the arguments are invalid
    (raises SystemExit). 130: Ctrl-C. 128 + n: ended by signal n, as shells report it.
    """
    with usable_streams(), short_warnings():
        return _run(sys.argv[1:] if arguments is None else arguments)


def _run(arguments: Sequence[str]) -> int:
    invocation = Invocation()
    try:
        with termination_raises():
            _perform(arguments, invocation)
            sys.stdout.flush()
    except EmbedpipeError as error:
        tell_error(str(error), invocation)
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
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            give_up_output()
            tell_error(f"cannot write the output: {error.strerror}", invocation)
        else:
            tell_error(f"{_FAULT}: {type(error).__name__}: {error}", invocation)
        return _ERROR
    return 0


def _perform(arguments: Sequence[str], invocation: Invocation) -> None:
    if list(arguments) in _VERSION:
        print(f"embedpipe {embedpipe.__version__}")
    elif asked := completion_asked():
        from embedpipe.cli.completion import answer

        raise SystemExit(answer(asked))
    else:
        from embedpipe.cli.program import execute

        execute(arguments, invocation)
