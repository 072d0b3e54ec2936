"""Requests that wait for their turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from asap_lightning.app.desk import Desk
from asap_lightning.app.refusals import Refusal


async def here() -> bool:
    return False


async def left() -> bool:
    return True


class Held:
    """Work that computes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.let_go.wait(60)
        return "held"


def desk_of(story: Callable[[Desk], Any], most_waiting: int = 2, seconds: float = 60) -> None:
    async def opened() -> None:
        desk = Desk(most_waiting, seconds)
        desk.start()
        try:
            await story(desk)
        finally:
            await desk.close()
        assert not desk.open

    asyncio.run(opened())


async def begun(desk: Desk, held: Held) -> asyncio.Task[Any]:
    task = asyncio.create_task(desk.ask(held, here))
    await asyncio.to_thread(held.begun.wait, 60)
    return task


async def seated(desk: Desk, work: Callable[[], Any], painter: str | None = None, **more: Any) -> Any:
    task = asyncio.create_task(desk.ask(work, more.get("gone", here), painter))
    await asyncio.sleep(0)
    return task


def test_one_after_the_other() -> None:
    async def story(desk: Desk) -> None:
        order: list[int] = []
        tasks = [await seated(desk, lambda number=number: order.append(number)) for number in range(2)]
        await asyncio.gather(*tasks)
        assert order == [0, 1] and desk.waiting == 0

    desk_of(story)


def test_a_painters_newest_request_wins_and_keeps_the_seat() -> None:
    async def story(desk: Desk) -> None:
        held = Held()
        first = await begun(desk, held)
        old = await seated(desk, lambda: "old", "ann")
        other = await seated(desk, lambda: "other", "bob")
        new = await seated(desk, lambda: "new", "ann")
        with pytest.raises(Refusal, match="newer request") as raised:
            await old
        assert raised.value.status == 409 and desk.waiting == 2
        held.let_go.set()
        assert await asyncio.gather(first, new, other) == ["held", "new", "other"]

    desk_of(story)


def test_no_seat() -> None:
    async def story(desk: Desk) -> None:
        held = Held()
        first = await begun(desk, held)
        waiting = [await seated(desk, lambda: 1) for _ in range(2)]
        with pytest.raises(Refusal, match="2 requests are waiting already") as raised:
            await desk.ask(lambda: 2, here)
        assert raised.value.status == 429
        held.let_go.set()
        assert await asyncio.gather(first, *waiting) == ["held", 1, 1]

    desk_of(story)


def test_too_slow_gives_the_seat_back() -> None:
    async def story(desk: Desk) -> None:
        held = Held()
        running = await begun(desk, held)
        with pytest.raises(Refusal, match=r"not translated within 0\.05 s") as raised:
            await desk.ask(lambda: 1, here)
        assert raised.value.status == 503 and desk.waiting == 0
        with pytest.raises(Refusal, match="not translated"):
            await running
        held.let_go.set()
        desk.seconds = 60
        assert await desk.ask(lambda: "next", here) == "next"

    desk_of(story, seconds=0.05)


def test_nobody_computes_for_who_has_left() -> None:
    async def story(desk: Desk) -> None:
        held, computed = Held(), []
        running = await begun(desk, held)
        gone = await seated(desk, lambda: computed.append(1), gone=left)
        held.let_go.set()
        await running
        assert await desk.ask(lambda: "next", here) == "next"
        assert gone.cancelled() and not computed

    desk_of(story)


def test_errors_come_to_who_asked() -> None:
    async def story(desk: Desk) -> None:
        with pytest.raises(ZeroDivisionError):
            await desk.ask(lambda: 1 / 0, here)
        assert await desk.ask(lambda: 1, here) == 1

    desk_of(story)


def test_who_waits_at_the_end_is_told() -> None:
    async def story() -> None:
        desk = Desk(2, 60)
        desk.start()
        held = Held()
        running = await begun(desk, held)
        waiting = await seated(desk, lambda: 1)
        closing = asyncio.create_task(desk.close())
        with pytest.raises(Refusal, match="about to end"):
            await waiting
        held.let_go.set()
        await closing
        assert await running == "held"
        with pytest.raises(Refusal, match="about to end") as raised:
            await desk.ask(lambda: 1, here)
        assert raised.value.status == 503

    asyncio.run(story())
