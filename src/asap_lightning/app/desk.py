"""One desk where requests wait for the model: few seats, one turn at a time, a painter's newest first."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from asap_lightning.app.refusals import Refusal

Gone = Callable[[], Awaitable[bool]]
_ENDING = "the server is about to end: come again"


@dataclass
class _Ticket:
    work: Callable[[], Any]
    gone: Gone
    answer: asyncio.Future[Any]


class Desk:
    """Lets one request after the other compute, in a thread of its own.

    Networks use all cores already, so that two translations at a time would only take longer each.

    Args:
        most_waiting: seats.
        seconds: within which a request must be answered.
    """

    def __init__(self, most_waiting: int, seconds: float) -> None:
        self.most_waiting, self.seconds = most_waiting, seconds
        self._waiting: OrderedDict[Hashable, _Ticket] = OrderedDict()
        self._somebody = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="translate")
        self._clerk: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    @property
    def open(self) -> bool:
        """Whether requests are taken."""
        return not self._closed and self._clerk is not None and not self._clerk.done()

    def start(self) -> None:
        """Opens, on the running event loop."""
        self._clerk = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """Refuses who waits; the request that is being computed gets its answer."""
        self._closed = True
        for ticket in self._waiting.values():
            _fail(ticket, Refusal(503, _ENDING))
        self._waiting.clear()
        self._somebody.set()
        if self._clerk is not None:
            await self._clerk
        await asyncio.to_thread(self._thread.shutdown)

    async def ask(self, work: Callable[[], Any], gone: Gone, painter: str | None = None) -> Any:
        """What ``work()`` returns, in its turn.

        Args:
            work: computes.
            gone: whether who asks has left, so that nobody computes for them.
            painter: of several requests of one painter only the newest waits; it takes the older one's seat.

        Raises:
            Refusal: 409 replaced by a newer one, 429 no seat, 503 too slow or closed.
        """
        if self._closed:
            raise Refusal(503, _ENDING)
        seat: Hashable = painter if painter is not None else object()
        ticket = _Ticket(work, gone, asyncio.get_running_loop().create_future())
        older = self._waiting.get(seat)
        if older is None and self.waiting >= self.most_waiting:
            raise Refusal(429, f"{self.waiting} requests are waiting already: come again in a moment")
        self._waiting[seat] = ticket
        if older is not None:
            _fail(older, Refusal(409, "a newer request of this painter has taken this one's place"))
        self._somebody.set()
        try:
            async with asyncio.timeout(self.seconds):
                return await ticket.answer
        except TimeoutError as error:
            raise Refusal(503, f"not translated within {self.seconds:g} s: come again") from error
        finally:
            if self._waiting.get(seat) is ticket:
                del self._waiting[seat]

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._somebody.wait()
            if not self._waiting:
                if self._closed:
                    return
                self._somebody.clear()
                continue
            _, ticket = self._waiting.popitem(last=False)
            if ticket.answer.done() or await ticket.gone():
                ticket.answer.cancel()
                continue
            try:
                found = await loop.run_in_executor(self._thread, ticket.work)
            except Exception as error:
                _fail(ticket, error)
            else:
                if not ticket.answer.done():
                    ticket.answer.set_result(found)


def _fail(ticket: _Ticket, error: Exception) -> None:
    if not ticket.answer.done():
        ticket.answer.set_exception(error)
