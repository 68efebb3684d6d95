"""What every command has: help that begins with examples, errors in a line, colors, suggestions."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator

import click
import pytest

from embedpipe import __version__
from embedpipe.cli import main
from embedpipe.cli.options import PRECISION_NAMES
from embedpipe.cli.program import OWN_COMMANDS, PROGRAM
from embedpipe.cli.streams import short_warnings
from embedpipe.engine.precision import PRECISIONS
from embedpipe.errors import TrainingDataWarning
from tests.support.cli_support import command, embedpipe

ROOT = click.Context(PROGRAM, info_name="embedpipe")
ESCAPE = "\x1b["


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command of our own, and those of groups, by what is typed to call them."""
    for name in OWN_COMMANDS:
        found = PROGRAM.get_command(ROOT, name)
        assert found is not None
        yield name, found
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in found.commands.items())


def usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.removesuffix("\n")


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the command prints where both its streams are a terminal."""
    terminal, side = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    variables |= {"TERM": "xterm"} | environment
    process = subprocess.Popen(command(*arguments), stdout=side, stderr=side, env=variables)
    os.close(side)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # what Linux gives when the other side is closed
            break
        if not piece:
            break
        shown += piece
    process.wait(60)
    os.close(terminal)
    return shown.decode()


# --- help -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_help_begins_with_examples_that_can_be_typed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*name.split(), "--help"]) == 0
    page = capsys.readouterr().out
    title, *lines = page.partition("\n\n")[0].split("\n")
    assert title in ("Example:", "Examples:") and lines
    assert f"\n\nUsage: embedpipe {name} " in page
    assert all(line.startswith("  ") for line in lines)
    calls = [line.partition("  # ")[0].strip() for line in lines]
    words = [shlex.split(call.partition(" > ")[0]) for call in calls if call.startswith("embed")]
    assert words or name == "completion"
    for given in words:
        assert " ".join(given[1:]).startswith(name.split(maxsplit=1)[0])
        parse(given[1:])


def parse(arguments: list[str]) -> None:
    """Raises click.UsageError if a command, option or value does not exist."""
    group, ctx = PROGRAM, ROOT
    while isinstance(group, click.Group):
        if not arguments or arguments[0] not in group.list_commands(ctx):
            break
        name = arguments[0]
        found = group.get_command(ctx, name)
        assert found is not None
        group, arguments = found, arguments[1:]
    group.make_context(group.name, list(arguments), parent=ROOT)


def test_every_command_says_what_it_is_for() -> None:
    for name, found in commands():
        assert found.get_short_help_str(200), name
        assert found.help, name
    overview = embedpipe("help").stdout
    assert all(f"\n  {name} " in overview for name in OWN_COMMANDS)


def test_help_of_a_command_is_its_option() -> None:
    assert embedpipe("help", "models", "show").stdout == embedpipe("models", "show", "-h").stdout
    run = embedpipe("help", "models", "sho")
    assert run.returncode == 2
    assert "there is no command 'sho'; did you mean 'show'?" in run.stderr


@pytest.mark.parametrize("arguments", [["-V"], ["--version"], ["--debug", "--version"]])
def test_the_version(arguments: list[str]) -> None:
    run = embedpipe(*arguments)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"embedpipe {__version__}\n", "")


def test_help_starts_without_the_heavy_packages() -> None:
    """Of all commands, as the overview imports them."""
    code = (
        "import sys\n"
        "from embedpipe.cli import main\n"
        "main(['--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'tokenizers', 'tqdm', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_precisions_are_those_of_the_engine() -> None:
    assert PRECISION_NAMES == PRECISIONS


# --- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["embd"], "there is no command 'embd'; did you mean 'embed'? (see: embedpipe --help)"),
        (["zzz"], "there is no command 'zzz' (see: embedpipe --help)"),
        (
            ["embed", "a", "--ouput", "b.npy"],
            "there is no option --ouput; did you mean --output? (see: embedpipe embed --help)",
        ),
        (["info", "--xyzzy"], "there is no option --xyzzy (see: embedpipe info --help)"),
        (
            ["embed", "a"],
            "missing option '-o' / '--output' (see: embedpipe embed --help)",
        ),
        (
            ["models", "show"],
            "missing argument 'NAME' (see: embedpipe models show --help)",
        ),
        (
            ["models", "shw"],
            "there is no command 'shw'; did you mean 'show'? (see: embedpipe models --help)",
        ),
        (
            ["embed", "a", "-o", "b.npy", "--threads", "x"],
            "invalid value for '--threads': found 'x'; expected a number of at least 1 "
            "(see: embedpipe embed --help)",
        ),
        (
            ["search", "a", "--in", "b", "--prompt", "x", "--prompt-name", "y"],
            "--prompt and --prompt-name exclude each other (see: embedpipe search --help)",
        ),
        (
            ["search", "a", "--in", "b", "-k", "1", "-k", "2"],
            "-k is given twice; expected it once (see: embedpipe search --help)",
        ),
        (
            ["embed", "a", "-o", "b.npy", "--normalize", "--no-normalize"],
            "--normalize is given twice; expected it once (see: embedpipe embed --help)",
        ),
        (["info", "more\x1b[2J"], "got unexpected extra argument (more\\x1b[2J)"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_one_hint(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage_error(arguments, capsys).startswith(f"embedpipe: error: {said}")


def test_what_loses_nothing_may_be_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["embed", "none.txt", "-o", "o.npy", "-q", "--quiet", "--overwrite", "--overwrite"]
    assert main(arguments) == 1
    assert "cannot read none.txt" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_where_an_error_comes_from(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["embed", "none.txt", "-o", "o.npy"]
    assert main(arguments) == 1
    short = capsys.readouterr().err
    assert short.count("\n") == 1
    assert main(["--debug", *arguments] if place == "before" else [*arguments, "--debug"]) == 1
    long = capsys.readouterr().err
    assert long.startswith("Traceback (most recent call last):\n")
    assert long.endswith(f"\n{short}")


def test_a_fault_of_ours_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **_options: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("embedpipe.embedding.files.embed_files", fail)
    assert main(["embed", "a.txt", "-o", "o.npy"]) == 1
    assert capsys.readouterr().err == (
        "embedpipe: error: a fault of embedpipe, please report it with what --debug shows: "
        "ZeroDivisionError: division by zero\n"
    )


# --- colors -----------------------------------------------------------------------------------


def test_a_warning_of_ours_is_one_line_others_say_where_they_come_from() -> None:
    with short_warnings():
        ours, other = (
            warnings.formatwarning("one\x1b[31m\ntwo", kind, "file.py", 7, "its line")
            for kind in (TrainingDataWarning, DeprecationWarning)
        )
    assert ours == "embedpipe: warning: one\\x1b[31m\\ntwo\n"
    assert other.startswith("file.py:7: DeprecationWarning")
    assert "file.py" in warnings.formatwarning("again", TrainingDataWarning, "file.py", 7)


def test_colors_are_for_terminals_alone() -> None:
    shown = on_a_terminal("help", "embed")
    assert f"{ESCAPE}1mUsage:" in shown and f"{ESCAPE}36m-o, --output" in shown
    assert f"{ESCAPE}1;31merror:" in on_a_terminal("embd")
    assert f"{ESCAPE}1mExamples" in on_a_terminal()
    assert ESCAPE not in on_a_terminal("help", "embed", NO_COLOR="1")
    assert ESCAPE not in on_a_terminal("embd", NO_COLOR="1")
    assert ESCAPE not in on_a_terminal(TERM="dumb")
    for arguments in (["embd"], []):
        run = embedpipe(*arguments)
        assert ESCAPE not in run.stdout + run.stderr


# --- JSON -------------------------------------------------------------------------------------


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["models", "--task", "sentence", "--text", "all-MiniLM-L6-v2"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in found] == ["all-MiniLM-L6-v2"]
    assert found[0]["case_sensitive"] is False
    assert main(["models", "--language", "tlh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["models", "show", "small_bert_L2_128", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["dimension"] == 128 and "en.embed.bert.small_L2_128" in shown["names_in_one_line"]
    assert {source["kind"] for source in shown["sources"]} >= {"huggingface"}
    assert not [key for key in keys_of(shown) if " " in key]


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)
