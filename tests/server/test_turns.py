"""Work that many wait for: computed together, in turns, and none lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from embedpipe.server.refusals import Refusal
from embedpipe.server.turns import Turns


@dataclass(frozen=True, eq=False)
class Doubled:
    """Doubles numbers, and remembers which ones it was given together. It waits to be let go."""

    calls: list[list[int]] = field(default_factory=list)
    may_go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def run(self, items: list[int]) -> list[int]:
        self.calls.append(items)
        self.begun.set()
        assert self.may_go.wait(20)
        if 13 in items:
            raise ValueError("13 is refused")
        return [2 * item for item in items]


@contextmanager
def running(most_waiting: int = 10**9) -> Iterator[Turns]:
    turns = Turns(most_waiting)
    turns.start()
    try:
        yield turns
    finally:
        turns.close()


async def until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), 20)


def flat(parts: list[list[int]]) -> list[int]:
    return [item for part in parts for item in part]


def test_jobs_that_arrive_together_are_computed_together_and_each_gets_its_own() -> None:
    work = Doubled()

    async def main(turns: Turns) -> list[list[list[int]]]:
        first = turns.submit(work, [0], [1])
        await asyncio.to_thread(work.begun.wait)
        others = [turns.submit(work, [n, n + 100], [1, 1]) for n in range(20, 39)]
        await until(lambda: turns.waiting == 39)
        work.may_go.set()
        return [await first, *await asyncio.gather(*others)]

    with running() as turns:
        found = asyncio.run(main(turns))
    assert [flat(parts) for parts in found] == [[0], *([2 * n, 2 * n + 200] for n in range(20, 39))]
    assert [len(call) for call in work.calls] == [1, 38]


def test_a_short_job_waits_for_a_turn_and_not_for_a_long_one() -> None:
    work = Doubled()

    async def main(turns: Turns) -> None:
        long = turns.submit(work, [1] * 100, [512] * 100)
        await asyncio.to_thread(work.begun.wait)
        short = turns.submit(work, [2], [1])
        await until(lambda: turns.waiting == 100 * 512 + 1)
        work.may_go.set()
        assert flat(await short) == [4]
        assert flat(await long) == [2] * 100

    with running() as turns:
        asyncio.run(main(turns))
    assert 2 not in work.calls[0]
    assert 2 in work.calls[1]


def test_equal_jobs_are_done_one_after_the_other_and_not_all_at_the_end() -> None:
    work = Doubled()

    async def main(turns: Turns) -> list[int]:
        first = turns.submit(work, [0], [1])
        await asyncio.to_thread(work.begun.wait)
        done: list[int] = []
        jobs = [turns.submit(work, [n] * 4, [32] * 4) for n in range(101, 133)]
        for n, job in enumerate(jobs, start=101):
            job.add_done_callback(lambda _, n=n: done.append(n))
        await until(lambda: turns.waiting == 1 + 32 * 4 * 32)
        work.may_go.set()
        await asyncio.gather(first, *jobs)
        return done

    with running() as turns:
        done = asyncio.run(main(turns))
    assert done == list(range(101, 133))
    assert work.calls[1].count(101) == 4  # whole in the first turn that it has
    assert 132 not in work.calls[1]


def test_what_is_new_goes_before_what_had_a_turn() -> None:
    work = Doubled()

    async def main(turns: Turns) -> None:
        jobs = [turns.submit(work, [n] * 100, [512] * 100) for n in (1, 2)]
        await asyncio.to_thread(work.begun.wait)
        short = turns.submit(work, [3], [1])
        await until(lambda: turns.waiting == 2 * 100 * 512 + 1)
        work.may_go.set()
        await asyncio.gather(short, *jobs)

    with running() as turns:
        asyncio.run(main(turns))
    assert next(n for n, call in enumerate(work.calls) if 3 in call) <= 2


def test_another_kind_of_work_has_its_turn_between() -> None:
    work, other = Doubled(), Doubled()
    object.__setattr__(other, "calls", work.calls)
    other.may_go.set()

    async def main(turns: Turns) -> None:
        long = turns.submit(work, [1] * 100, [512] * 100)
        await asyncio.to_thread(work.begun.wait)
        short = turns.submit(other, [2], [1])
        await until(lambda: turns.waiting == 100 * 512 + 1)
        work.may_go.set()
        await asyncio.gather(short, long)

    with running() as turns:
        asyncio.run(main(turns))
    assert work.calls[1] == [2]


def test_an_error_reaches_only_the_job_that_caused_it() -> None:
    work = Doubled()

    async def main(turns: Turns) -> list[object]:
        first = turns.submit(work, [0], [1])
        await asyncio.to_thread(work.begun.wait)
        tasks = [turns.submit(work, [n], [1]) for n in (12, 13, 14)]
        await until(lambda: turns.waiting == 4)
        work.may_go.set()
        await first
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    with running() as turns:
        twelve, error, fourteen = asyncio.run(main(turns))
        assert turns.waiting == 0
    assert (twelve, fourteen) == ([[24]], [[28]])
    assert str(error) == "13 is refused"


def test_what_is_given_up_is_not_computed() -> None:
    work = Doubled()

    async def main(turns: Turns) -> None:
        first = turns.submit(work, [0], [1])
        await asyncio.to_thread(work.begun.wait)
        given_up = turns.submit(work, [1] * 50, [1] * 50)
        await until(lambda: turns.waiting == 51)
        given_up.cancel()
        await asyncio.wait({given_up})
        work.may_go.set()
        await first
        assert flat(await turns.submit(work, [2], [1])) == [4]

    with running() as turns:
        asyncio.run(main(turns))
        assert turns.waiting == 0
    assert work.calls == [[0], [2]]


def test_more_than_may_wait_is_refused_with_a_time_to_come_back() -> None:
    work = Doubled()

    async def main(turns: Turns) -> None:
        large = turns.submit(work, [5], [1000])  # alone, it is let in
        await asyncio.to_thread(work.begun.wait)
        with pytest.raises(Refusal, match="1,000 pieces of text are waiting") as caught:
            await turns.submit(work, [6], [1])
        assert (caught.value.retry_after or 0) >= 1
        work.may_go.set()
        assert flat(await large) == [10]
        assert flat(await turns.submit(work, [6], [1])) == [12]

    with running(most_waiting=100) as turns:
        asyncio.run(main(turns))


def test_closing_computes_what_was_let_in() -> None:
    work = Doubled()

    async def main() -> list[list[int]]:
        turns = Turns(10**9)
        turns.start()
        job = turns.submit(work, [1, 2, 3], [600, 600, 600])
        await asyncio.to_thread(work.begun.wait)
        work.may_go.set()
        await asyncio.to_thread(turns.close)
        assert not turns.is_open
        return await job

    assert flat(asyncio.run(main())) == [2, 4, 6]
