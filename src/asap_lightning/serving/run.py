"""Running an application with uvicorn: bounded connections and headers, an end that finishes requests."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
MOST_HEADER_BYTES = 16 * 1024


class TimedHeaders(H11Protocol):
    """HTTP/1.1 whose request headers must be complete in time, or the connection is closed.

    uvicorn waits for headers for ever, and counts who only holds a connection among its users: some
    hundred of them, and nobody else is served. Bodies are bounded by `guards.BodyTimeout`.
    """

    seconds: ClassVar[float] = HEADER_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection without a word is bounded too."""
        super().connection_made(transport)
        self._headers_due = self.loop.call_later(self.seconds, self._close)

    def data_received(self, data: bytes) -> None:
        """The time runs from the first byte of a request to the end of its headers."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._headers_due is None and not self.transport.is_closing():
            self._headers_due = self.loop.call_later(self.seconds, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection."""
        self._forget()
        super().connection_lost(exc)

    def _close(self) -> None:
        self._headers_due = None
        if not self.transport.is_closing():
            self.transport.close()

    def _forget(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None


def run(
    app: ASGIApp,
    listener: socket.socket,
    *,
    most_connections: int,
    grace: int = 5,
    header_seconds: float = HEADER_SECONDS,
) -> None:
    """Serves until SIGINT or SIGTERM, then lets requests end.

    Args:
        app: the application; its lifespan is run where it has one.
        listener: what is listened on.
        most_connections: at the same time; more are answered with 503.
        grace: seconds that requests have to end.
        header_seconds: within which the headers of a request must have come.
    """
    protocol = type("Protocol", (TimedHeaders,), {"seconds": header_seconds})
    config = uvicorn.Config(
        app,
        http=protocol,
        log_level="warning",
        access_log=False,  # addresses of people
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=most_connections,
        h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=grace,
    )
    with ended_by_signals():
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the server well: uvicorn raises it again once it has shut down, to whoever came before.

    Ctrl-C stays what it is, a KeyboardInterrupt.
    """

    def ended(number: int, frame: FrameType | None) -> None:
        pass

    try:
        before = signal.signal(signal.SIGTERM, ended)
    except ValueError:  # another thread than the main one, which gets no signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
