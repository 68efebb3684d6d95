"""The command ``embedpipe bench``: our speed beside other engines', every result verified."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from embedpipe._dependencies import require
from embedpipe.cli.command import argument, command, option, positive_number
from embedpipe.cli.options import overwrite_option
from embedpipe_bench import DEFAULT_MODELS, PEERS, PRECISIONS, RANDOM_SHAPES

if TYPE_CHECKING:
    from embedpipe_bench.results import Report
    from embedpipe_bench.run import Benchmark

__all__ = ["run"]

_CHARTS = (".svg", ".png")
_ISAS = ("amx", "avx512_bf16", "avx512_vnni", "avx512", "avx_vnni", "avx2", "portable")


def _chart(_: click.Context, parameter: click.Parameter, name: str | None) -> Path | None:
    path = None if name is None else Path(name)
    if path is not None and path.suffix not in _CHARTS:
        raise click.BadParameter(
            f"{name}: expected a name that ends in .svg or .png", None, parameter
        )
    return path


def _engine_options(function: Any) -> Any:
    for each in (
        option(
            "--threads",
            type=positive_number,
            metavar="N",
            help="of every engine (default: the cores this process may use)",
        ),
        option(
            "--isa",
            several=True,
            type=click.Choice(_ISAS),
            help="instruction sets that all engines are held to that can be (default: the fastest)",
        ),
        option(
            "--precision",
            several=True,
            type=click.Choice(PRECISIONS),
            default=PRECISIONS,
            help="of those that an engine has (default: all)",
        ),
        option(
            "--against",
            several=True,
            type=click.Choice((*PEERS, "none")),
            default=PEERS,
            metavar="ENGINE",
            help=f"of {', '.join(PEERS)}; or none (default: all)",
        ),
    ):
        function = each(function)
    return function


def _input_options(function: Any) -> Any:
    for each in (
        option(
            "--batch-sizes",
            several=True,
            type=positive_number,
            default=(32,),
            metavar="N",
            help="that engines with padding are tried with (default: 32)",
        ),
        option("--sentences", type=positive_number, metavar="N", help="so many, evenly spread"),
        option(
            "--random-lengths",
            is_flag=True,
            help="the book's pieces in random lengths from 3 to 512 instead of its sentences",
        ),
        option(
            "--text",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="a sentence a line (default: a book's 1,957)",
        ),
    ):
        function = each(function)
    return function


@command(
    "measure the speed, beside other engines",
    "embedpipe bench my-model --against onnxruntime torch --json all.json",
)
@argument(
    "models",
    nargs=-1,
    metavar="[MODEL...]",
    help="names, folders in the Hugging Face layout, or with random weights "
    f"{', '.join(RANDOM_SHAPES)} (default: {' '.join(DEFAULT_MODELS)})",
)
@_engine_options
@option("--rounds", type=positive_number, default=5, metavar="N", help="default: 5")
@_input_options
@option(
    "--json",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="write every single timing",
)
@option("--chart", callback=_chart, metavar="FILE", help="draw sentences/s, as .svg or .png")
@overwrite_option
def run(**given: Any) -> None:
    """Measure throughput, latency, start and memory of our encoder and of other engines.

    Those count that are installed. All get the same texts, after comparing all vectors. Nothing
    else may run on this machine meanwhile: it would falsify the figures.
    """
    if given["text"] is not None and given["random_lengths"]:
        raise click.UsageError(
            "--text and --random-lengths exclude each other", click.get_current_context()
        )
    _measure(SimpleNamespace(**given))


def _measure(args: SimpleNamespace) -> None:
    """Carry out the parsed command: each result is printed and written as soon as it is there.

    So a run that is ended leaves what it has measured, and names what it has not.
    """
    from embedpipe.output import check_output
    from embedpipe_bench.report import beginning_markdown, result_markdown
    from embedpipe_bench.run import run

    for output in filter(None, (args.json, args.chart)):
        inputs = [args.text] if args.text else []
        check_output(output, overwrite=args.overwrite, inputs=inputs)
    if args.chart:
        require("matplotlib", "embedpipe bench --chart")
    reports = run(_benchmark(args), _teller())
    report = next(reports)
    print(beginning_markdown(report), flush=True)
    try:
        while report.pending:
            # Opened first, so that minutes are not lost to a file that cannot be written.
            with _opened(args) as save:
                report = next(reports)
                print(f"\n{result_markdown(report.results[-1])}", flush=True)
                save(report)
    finally:
        for each in report.pending:
            print(f"\nNot measured: {each}, as the run ended before", flush=True)


@contextmanager
def _opened(args: SimpleNamespace) -> Iterator[Callable[[Report], None]]:
    """A function that writes a report to the files asked for, which replace those that are there
    when the context ends.
    """
    from embedpipe.output import AtomicFile
    from embedpipe_bench.report import as_json

    with ExitStack() as stack:
        json_file = args.json and stack.enter_context(AtomicFile(args.json))
        chart_file = args.chart and stack.enter_context(AtomicFile(args.chart))

        def save(report: Report) -> None:
            if json_file:
                json_file.write(as_json(asdict(report)))
            if chart_file:
                from embedpipe_bench.chart import draw

                chart_file.write(draw(report, args.chart.suffix[1:]))

        yield save


def _benchmark(args: SimpleNamespace) -> Benchmark:
    from embedpipe.engine.threads import default_threads
    from embedpipe_bench.corpus import TEXT
    from embedpipe_bench.run import Benchmark

    return Benchmark(
        models=tuple(args.models or DEFAULT_MODELS),
        against=tuple(engine for engine in args.against if engine != "none"),
        precisions=tuple(args.precision),
        isas=tuple(args.isa) or None,
        threads=args.threads or default_threads(),
        rounds=args.rounds,
        text=None if args.random_lengths else args.text or TEXT,
        sentences=args.sentences,
        batch_sizes=tuple(args.batch_sizes),
    )


def _teller() -> Callable[[str], None]:
    """Prints lines on standard error, each after the minutes and seconds since now."""
    begin = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begin), 60)
        print(f"{minutes:02d}:{seconds:02d} {line}", file=sys.stderr, flush=True)

    return tell
