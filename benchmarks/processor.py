"""What this processor gains by its precisions and instruction sets, and whether that is enough.

    python benchmarks/processor.py            # ours alone: some minutes
    python benchmarks/processor.py --peers    # then `embedpipe bench` with all other engines: hours
    python benchmarks/processor.py --rounds 3 --models bert_L2_H128

One run for everything: in each round all candidates take turns on the same sequences, and a figure
is the median of the rounds' ratios, so that what disturbs one disturbs all. What the processor
lacks is left out, and said. Limits are those that were set for processors with AMX.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from embedpipe import Encoder
from embedpipe.engine.choice import EngineChoice
from embedpipe.engine.native import (
    NativeEncoder,
    choose_isa,
    isa_for,
    look_at_bfloat16,
    multiply_add_peak,
    supported_isas,
    supported_precisions,
)
from embedpipe.formats import open_model
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import NOTICE, describe_machine
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

MODELS = (
    *("bert_L2_H128", "bert_L12_H128", "bert_L4_H256", "bert_L12_H256", "bert_L2_H512"),
    *("bert_L4_H512", "bert_L8_H512", "bert_L12_H512", "bert_L12_H768"),
    *("albert_base", "albert_large", "electra_small", "electra_base"),
)
LENGTHS = {"sentences": (6, 60), "512 pieces": (512, 512)}
PIECES = 20_000

Way = tuple[str, str]
"""Instruction set and precision."""


@dataclass(frozen=True)
class Claim:
    """That one way is so many times as fast as another; `hidden` are the sizes it is made for."""

    fast: Way
    slow: Way
    least: float
    hidden: range = range(1, 10_000)
    lengths: str = "sentences"


CLAIMS = (
    Claim(("amx", "bfloat16"), ("amx", "float32"), 2.3, range(256, 10_000)),
    Claim(("amx", "bfloat16"), ("amx", "float32"), 1.7, range(256)),
    Claim(("amx", "int8"), ("avx512_vnni", "int8"), 1.3, range(129, 10_000)),
    Claim(("amx", "int8"), ("avx512_vnni", "int8"), 1.1, range(129)),
    Claim(("amx", "int8"), ("amx", "bfloat16"), 1.1),
    Claim(("amx", "int8"), ("amx", "float32"), 3.5, range(512, 513), "512 pieces"),
    Claim(("", "auto"), ("", "float32"), 0.98),
)


def ways_here() -> list[Way]:
    """What can be computed here, and what "auto" and "float32" mean by themselves."""
    found: list[Way] = [("", "float32"), ("", "auto")]
    wanted = {way for claim in CLAIMS for way in (claim.fast, claim.slow)}
    for isa in supported_isas():
        for precision in supported_precisions(isa):
            is_there = isa_for(isa, precision) == isa
            if is_there and ((isa, precision) in wanted or isa == choose_isa()):
                found.append((isa, precision))
    return found


def encoder_of(model: Any, way: Way, threads: int) -> NativeEncoder:
    """The engine for a way; without an instruction set as `Encoder.load` would choose."""
    isa, precision = way
    if not isa:
        choice = EngineChoice.of("native", threads=threads, precision=precision)
        isa, precision = choice.isa, choice.precision
    options: Any = {"threads": threads, "isa": isa, "precision": precision}
    return NativeEncoder(model.config, model.weights, **options)


def sequences(folder: Path, lengths: tuple[int, int], pieces: int) -> tuple[Any, Any]:
    """Ids of the benchmark's text, cut to lengths drawn between two bounds, and their offsets.

    Pieces of a text repeat themselves, and what the first layer makes of them is kept.
    """
    encoder = Encoder.load(folder)
    random = np.random.default_rng(1)
    low, high = (min(length, encoder.config.max_position_embeddings) for length in lengths)
    sizes: list[int] = []
    while sum(sizes) < pieces:
        sizes.append(int(random.integers(low, high + 1)))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    text = np.concatenate([ids[1:-1] for ids in encoder.tokenize(read_lines(TEXT)).ids])
    return np.resize(text, offsets[-1]).astype(np.int32), offsets


def seconds_in_turn(
    encoders: dict[Way, NativeEncoder], ids: Any, offsets: Any, rounds: int
) -> dict[Way, list[float]]:
    """Seconds of each way in each round; one round more comes before, which is not counted."""
    found: dict[Way, list[float]] = {way: [] for way in encoders}
    for _ in range(rounds + 1):
        for way, encoder in encoders.items():
            begin = time.perf_counter()
            encoder.encode_pieces(ids, offsets, pooling="mean", normalize=False)
            found[way].append(time.perf_counter() - begin)
    return {way: seconds[1:] for way, seconds in found.items()}


@dataclass(frozen=True)
class Figure:
    """One line: how many times as fast as another way one is, and how often it should be."""

    model: str
    texts: str
    way: str
    ratio: float
    to: str
    least: float | None = None

    @property
    def cells(self) -> list[str]:
        """As shown in the table."""
        least = "" if self.least is None else f"{self.least:g}"
        return [self.model, self.texts, self.way, f"{self.ratio:.2f}", self.to, least]


def measured(name: str, arguments: argparse.Namespace) -> Iterator[Figure]:
    """The figures of one model."""
    folder = get_model(name).folder
    model = open_model(folder)
    hidden = model.config.hidden_size
    encoders = {way: encoder_of(model, way, arguments.threads) for way in ways_here()}
    claims = [claim for claim in CLAIMS if hidden in claim.hidden]
    for kind, lengths in LENGTHS.items():
        ids, offsets = sequences(folder, lengths, arguments.pieces)
        times = seconds_in_turn(encoders, ids, offsets, arguments.rounds)

        def figure(fast: Way, slow: Way, least: float | None = None) -> Figure:
            pairs = zip(times[slow], times[fast], strict=True)  # noqa: B023
            names = [" ".join(filter(None, way)) for way in (fast, slow)]
            return Figure(name, kind, names[0], median(a / b for a, b in pairs), names[1], least)  # noqa: B023

        yield from (figure(way, ("", "float32")) for way in times)
        for claim in claims:
            if claim.lengths == kind and {claim.fast, claim.slow} <= times.keys():
                yield figure(claim.fast, claim.slow, claim.least)


def main() -> None:
    """Measure, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=NOTICE)
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL")
    parser.add_argument("--rounds", type=int, default=7, help="of each (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--pieces", type=int, default=PIECES, help="in a round (%(default)s)")
    parser.add_argument("--peers", action="store_true", help="then `embedpipe bench` of the models")
    parser.add_argument("--json", type=Path, default=Path("out/processor.json"))
    arguments = parser.parse_args()
    print(NOTICE, file=sys.stderr)
    machine = describe_machine()
    print(f"\n{heading(machine)}\n\nload {os.getloadavg()}; {look_at_bfloat16(choose_isa()).why}")
    for isa, precision in ways_here()[2:]:
        peak = multiply_add_peak(arguments.threads, isa=isa, precision=precision)  # type: ignore[arg-type]
        print(f"peak of {isa} {precision}: {peak:,.0f} Gop/s")
    figures: list[Figure] = []
    for name in arguments.models:
        print(f"{name}: load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        figures += measured(name, arguments)
    columns = ["model", "texts", "way", "times", "of", "at least"]
    print("\n" + markdown_table(columns, [figure.cells for figure in figures]))
    missed = sum(figure.least is not None and figure.ratio < figure.least for figure in figures)
    print(f"\n{missed} limits missed; load {os.getloadavg()}")
    save_json(arguments.json, {"machine": machine}, figures)
    if arguments.peers:
        command = [sys.executable, "-m", "embedpipe", "bench", *arguments.models]
        subprocess.run(
            [*command, "--json", str(arguments.json.with_suffix(".peers.json"))], check=True
        )


if __name__ == "__main__":
    main()
