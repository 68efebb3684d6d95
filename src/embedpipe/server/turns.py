"""Computes the jobs of many requests in turns: together where they can be, and none before others.

One thread computes. A turn is some milliseconds of work of one kind, to which the waiting jobs of
that kind give equal shares, or else some of them shares of a least size; then it is another kind's
turn, and of the same kind, those go first that had none. So requests that arrive together are
computed together, small ones are done in one turn rather than all at the same late time, and a
short one beside a long one waits for a turn, not for the long one. As a text's vector has the same
bits in any company, nothing of this shows in an answer.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from embedpipe.server.refusals import Refusal

__all__ = ["Turns", "Work"]

_TURN_SECONDS = 0.025
_FEWEST = 1024  # pieces of a turn: fewer would leave cores idle
_MOST_SHARES = 8  # of a turn, unless jobs are smaller than such a share
_FIRST_SPEED = 40_000.0  # pieces a second, until it was measured
_LONGEST_WAIT = 60
_MOST_SPEEDS = 100


class Results(Protocol):
    """The results of several items, from which those of one job can be taken."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Those of some items."""


class Work(Protocol):
    """What jobs of one kind share, such as a model and a pooling; equal works are one kind."""

    def run(self, items: list[Any], /) -> Results:
        """The result of each item, in their order."""


@dataclass(eq=False)
class _Job:
    work: Work
    items: Sequence[Any]
    sizes: Sequence[int]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Any]]
    parts: list[Any] = field(default_factory=list)
    taken: int = 0

    def share(self, size: int) -> _Share:
        """The next items of about this size together, at least one; they count as taken."""
        begin, total = self.taken, 0
        while self.taken < len(self.items) and total < size:
            total += self.sizes[self.taken]
            self.taken += 1
        return _Share(self, slice(begin, self.taken), total)

    @property
    def left(self) -> int:
        return sum(self.sizes[self.taken :])


class _Share(NamedTuple):
    """What a job gives to a turn. size: of these items, in pieces."""

    job: _Job
    rows: slice
    size: int


class Turns:
    """The waiting jobs and the thread that computes them; started by `start`, ended by `close`."""

    def __init__(self, most_waiting: int) -> None:
        """most_waiting: sizes of the waiting jobs together, from which on no more are let in."""
        self._most_waiting = most_waiting
        self._jobs: dict[Work, deque[_Job]] = {}  # whose turn is next stands first
        self._changed = threading.Condition()
        self._waiting = 0
        self._speeds: dict[Work, float] = {}
        self._is_open = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How much waits or is being computed, in pieces."""
        return self._waiting

    @property
    def is_open(self) -> bool:
        """Whether jobs are let in, and computed."""
        return self._is_open and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to compute."""
        self._is_open = True
        self._thread = threading.Thread(target=self._compute, name="embedpipe-turns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Compute what was let in, then end."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def submit(
        self, work: Work, items: Sequence[Any], sizes: Sequence[int]
    ) -> asyncio.Future[list[Any]]:
        """The results of all items, in parts, in their order; or what `work.run` raises.

        sizes: about how many pieces each item has. What is cancelled is not computed.

        Raises Refusal if too much waits already.
        """
        size = sum(sizes)
        loop = asyncio.get_running_loop()
        job = _Job(work, items, sizes, loop, loop.create_future())
        with self._changed:
            if self._waiting and self._waiting + size > self._most_waiting:
                seconds = self._seconds_left(work)
                waiting = f"{self._waiting:,} pieces of text are waiting"
                message = f"{waiting}; ask again in {seconds} s"
                raise Refusal("overloaded", message, retry_after=seconds)
            self._waiting += size
            self._jobs.setdefault(work, deque()).append(job)
            self._changed.notify()
        return job.done

    def _seconds_left(self, work: Work) -> int:
        seconds = math.ceil(self._waiting / self._speeds.get(work, _FIRST_SPEED))
        return min(max(seconds, 1), _LONGEST_WAIT)

    def _compute(self) -> None:
        while (turn := self._next_turn()) is not None:
            work, shares = turn
            self._run(work, shares)
            with self._changed:
                jobs = self._jobs.pop(work)
                jobs.extend(job for job, _, _ in shares if job.taken < len(job.items))
                if jobs:
                    self._jobs[work] = jobs

    def _next_turn(self) -> tuple[Work, list[_Share]] | None:
        """Wait for jobs, and take the shares of the next turn; None once closed and done."""
        with self._changed:
            while True:
                for work, jobs in self._jobs.items():
                    return work, self._shares(work, jobs)
                if not self._is_open:
                    return None
                self._changed.wait()

    def _shares(self, work: Work, jobs: deque[_Job]) -> list[_Share]:
        """Take shares of jobs of this work, and those from the queue; none if nobody wants any."""
        size = max(int(self._speeds.get(work, _FIRST_SPEED) * _TURN_SECONDS), _FEWEST)
        least = size // _MOST_SHARES
        shares = []
        while jobs and size > 0:
            wanted = max(size // len(jobs), least)
            job = jobs.popleft()
            if job.done.done():  # given up
                self._waiting -= job.left
                continue
            share = job.share(wanted)
            size -= share.size
            shares.append(share)
        return shares

    def _run(self, work: Work, shares: list[_Share]) -> None:
        if not shares:
            return
        items = [item for job, rows, _ in shares for item in job.items[rows]]
        begin = time.perf_counter()
        try:
            results = work.run(items)
        except Exception as error:
            self._fail(work, shares, error)
            return
        self._measure(work, sum(share.size for share in shares), time.perf_counter() - begin)
        position, done = 0, []
        for job, rows, _ in shares:
            count = rows.stop - rows.start
            job.parts.append(results[position : position + count])
            position += count
            if job.taken == len(job.items):
                done.append(job)
        for loop, jobs in groupby(done, key=lambda job: job.loop):  # each call wakes a loop
            loop.call_soon_threadsafe(_resolve, list(jobs))

    def _fail(self, work: Work, shares: list[_Share], error: Exception) -> None:
        """Give the error to the job that caused it: each is computed alone."""
        if len(shares) > 1:
            for alone in shares:
                self._run(work, [alone])
            return
        ((job, _, size),) = shares
        with self._changed:
            self._waiting -= size
        job.loop.call_soon_threadsafe(_reject, job, error)

    def _measure(self, work: Work, size: int, seconds: float) -> None:
        with self._changed:
            self._waiting -= size
            if size:
                speed = size / max(seconds, 1e-6)
                self._speeds[work] = 0.7 * self._speeds.pop(work, speed) + 0.3 * speed
                if len(self._speeds) > _MOST_SPEEDS:
                    del self._speeds[next(iter(self._speeds))]  # not measured for longest


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_result(job.parts)


def _reject(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
