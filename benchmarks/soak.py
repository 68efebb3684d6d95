"""Whether results stay right, and memory bounded, through minutes of mixed work under load.

    python benchmarks/soak.py --minutes 10

Python threads take turns with texts and pieces of all lengths in all precisions, while other
processes fight for the cores and, now and then, the model is loaded anew. Every result must have
the bits that the same work gave alone. Memory is VmRSS in /proc, so Linux alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from embedpipe import Encoder
from embedpipe.engine.native import supported_precisions
from embedpipe.engine.precision import Precision
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import describe_machine, memory_of
from embedpipe_bench.models import get_model
from embedpipe_bench.report import heading, markdown_table, save_json

__all__ = ["Job", "Sample", "growth", "make_jobs"]

OUTPUT = Path("out")
LIMIT = 50.0
"""Megabytes by which memory may grow in the second half of the time."""

LENGTHS = (1, 2, 3, 7, 16, 33, 64, 129, 256, 400, 511, 512)
LONGEST_BURST = 2.0  # seconds


@dataclass(frozen=True)
class Job:
    """Some texts to encode, or some sequences of pieces to put through the layers.

    pieces: how many there are in all.
    """

    precision: Precision
    texts: Sequence[str]
    sequences: Sequence[list[int]]
    pieces: int

    @property
    def what(self) -> str:
        """The method of `Encoder` that does it."""
        return "encode" if self.texts else "hidden_states"

    def digest(self, encoder: Encoder) -> bytes:
        """What the result's bits come down to, with an encoder of any precision."""
        low = encoder.with_precision(self.precision)
        found = low.encode(self.texts) if self.texts else low.hidden_states(self.sequences).values
        return blake2b(found.data, digest_size=16).digest()


@dataclass(frozen=True)
class Sample:
    """What had been done until then. resident: 10^6 bytes."""

    seconds: float
    calls: int
    pieces: int
    resident: float


class Tally:
    """Counts what several threads have done, until one of them says stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: Counter[tuple[Precision, str]] = Counter()
        self.pieces = 0
        self.stop = threading.Event()

    def add(self, job: Job) -> None:
        """Count a job that is done."""
        with self._lock:
            self.calls[job.precision, job.what] += 1
            self.pieces += job.pieces

    def sample(self, seconds: float) -> Sample:
        """What has been done in that time, and the memory now."""
        memory = memory_of(os.getpid())
        if memory is None:
            raise SystemExit("the resident size is not to be had here: run this on Linux")
        with self._lock:
            return Sample(seconds, self.calls.total(), self.pieces, memory.resident)


def make_jobs(encoder: Encoder, *, seed: int = 0) -> list[Job]:
    """Each of LENGTHS alone, and batches of many; of random pieces, and of a real text's words."""
    draw = random.Random(seed)
    words = " ".join(read_lines(TEXT)).split()
    most = min(encoder.config.max_position_embeddings, max(LENGTHS))
    lengths = [min(length, most) for length in LENGTHS]
    batches = [[length] for length in lengths]
    batches += [draw.choices(lengths, k=20), [draw.randint(3, 40) for _ in range(100)]]
    jobs = []
    for batch in batches:
        texts = [" ".join(draw.choices(words, k=length)) for length in batch]
        pieces = [draw.choices(range(encoder.config.vocab_size), k=length) for length in batch]
        read = len(encoder.tokenize(texts).ids.values)
        for precision in supported_precisions():
            jobs.append(Job(precision, texts, [], read))
            jobs.append(Job(precision, [], pieces, sum(batch)))
    return jobs


def check(job: Job, encoder: Encoder, expected: bytes) -> None:
    """RuntimeError unless the job gives now what it gave alone."""
    if job.digest(encoder) != expected:
        raise RuntimeError(
            f"{job.what} of {len(job.texts or job.sequences)} sequences, {job.pieces} pieces, in "
            f"{job.precision} does not give the bits that it gave alone"
        )


def work(jobs: Sequence[Job], expected: Sequence[bytes], encoder: Encoder, tally: Tally) -> None:
    """Check jobs drawn at random until told to stop; a failure stops all."""
    draw = random.Random(threading.get_ident())
    try:
        while not tally.stop.is_set():
            i = draw.randrange(len(jobs))
            check(jobs[i], encoder, expected[i])
            tally.add(jobs[i])
    finally:
        tally.stop.set()


def meet(jobs: Sequence[Job], expected: Sequence[bytes], encoder: Encoder, workers: int) -> None:
    """Check each job in all workers at the same moment.

    Memory is kept for as many calls as there ever were at once. Left to chance, the largest ones
    would meet only after a long time, and what is kept for them would look like a leak.
    """
    barrier = threading.Barrier(workers)

    def together(i: int) -> None:
        barrier.wait()
        check(jobs[i], encoder, expected[i])

    with ThreadPoolExecutor(workers) as pool:
        for i in range(len(jobs)):
            list(pool.map(together, [i] * workers))


def compete(seconds: float) -> None:
    """Keep a core busy by turns, in bursts and pauses of up to LONGEST_BURST."""
    draw = random.Random(os.getpid())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        burst = time.monotonic() + draw.random() * LONGEST_BURST
        while time.monotonic() < burst:
            pass
        time.sleep(draw.random() * LONGEST_BURST / 4)


@contextmanager
def competitors(count: int, seconds: float) -> Iterator[None]:
    """So many processes that compete for the cores meanwhile, and end by themselves at the latest
    after that time.
    """
    spawning = multiprocessing.get_context("spawn")
    processes = [
        spawning.Process(target=compete, args=(seconds,), daemon=True) for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def soak(folder: Path, minutes: float, workers: int, threads: int) -> tuple[Tally, list[Sample]]:
    """Work so long and so many at once; an exception of any worker is raised here."""
    encoder = Encoder.load(folder, threads=threads)
    jobs = make_jobs(encoder)
    expected = [job.digest(encoder) for job in jobs]
    tally, samples, draw = Tally(), [], random.Random(0)
    meet(jobs, expected, encoder, workers + 1)
    begin = time.monotonic()
    with competitors(os.cpu_count() or 1, 60 * minutes), ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, jobs, expected, encoder, tally) for _ in range(workers)]
        try:
            while time.monotonic() < begin + 60 * minutes and not tally.stop.wait(1):
                i = draw.randrange(len(jobs))
                check(jobs[i], Encoder.load(folder, threads=draw.randint(1, 4)), expected[i])
                samples.append(tally.sample(time.monotonic() - begin))
        finally:
            tally.stop.set()
        for future in running:
            future.result()
    return tally, [*samples, tally.sample(time.monotonic() - begin)]


def growth(samples: Sequence[Sample]) -> float:
    """10^6 bytes by which the highest size exceeds that of the first half of the time.

    Until then memory is still kept for calls that had never met before; a leak would not end.
    """
    first = samples[-1].seconds / 2
    early = [each.resident for each in samples if each.seconds <= first]
    return max(each.resident for each in samples) - max(early or [samples[0].resident])


def main() -> None:
    """Work, print what was done and how memory grew, write every sample to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--model", default="bert_L2_H512", help="(%(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="Python threads (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of each call (%(default)s)")
    parser.add_argument("--json", type=Path, default=OUTPUT / "soak.json", help="(%(default)s)")
    arguments = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    folder = get_model(arguments.model).folder
    tally, samples = soak(folder, arguments.minutes, arguments.workers, arguments.threads)
    last, grown = samples[-1], growth(samples)
    shown = [samples[i * (len(samples) - 1) // 10] for i in range(11)]
    print(heading(describe_machine()), end="\n\n")
    rows = [[f"{s.seconds:.0f}", f"{s.calls:,}", f"{s.resident:.1f}"] for s in shown]
    print(markdown_table(["seconds", "calls", "resident MB"], rows), end="\n\n")
    counts = [[*key, f"{count:,}"] for key, count in sorted(tally.calls.items())]
    print(markdown_table(["precision", "work", "calls"], counts), end="\n\n")
    print(
        f"Every result was right. {last.calls / last.seconds:.1f} calls/s, "
        f"{last.pieces / last.seconds:,.0f} pieces/s under load. In the second half of the time "
        f"the resident size grew by {grown:.1f} MB (limit: {LIMIT:.0f} MB)."
    )
    content = {
        "machine": describe_machine(),
        "model": arguments.model,
        "calls_per_second": last.calls / last.seconds,
        "pieces_per_second": last.pieces / last.seconds,
        "growth_megabytes": grown,
    }
    save_json(arguments.json, content, samples)
    sys.exit(0 if grown <= LIMIT else 1)


if __name__ == "__main__":
    main()
