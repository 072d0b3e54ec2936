"""A server on the wire: slow headers, slow connections, ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from asap_lightning.serving import run as running
from asap_lightning.serving.listener import listening
from waiting import wait_for


@contextmanager
def served(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server of one page whose headers must come within ``seconds``."""
    import uvicorn

    servers: list[uvicorn.Server] = []
    original = uvicorn.Server.__init__

    def noted(self: uvicorn.Server, config: uvicorn.Config) -> None:
        original(self, config)
        servers.append(self)

    monkeypatch.setattr(uvicorn.Server, "__init__", noted)
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])
    with listening("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        options = {"most_connections": 20, "header_seconds": seconds}
        thread = threading.Thread(target=running.run, args=(app, listener), kwargs=options)
        thread.start()
        try:
            yield address
        finally:
            wait_for(lambda: servers, "the server starts")
            servers[0].should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def closed(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection, without an answer."""
    return connection.recv(1) == b""


def test_slow_headers_are_cut_off_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(0.2, monkeypatch) as address:
        slow = [socket.create_connection(address, timeout=60) for _ in range(15)]
        for number, connection in enumerate(slow):
            if number % 3:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "[: 10 * number])
        assert httpx.get("http://{}:{}/".format(*address)).text == "here"
        for connection in slow:
            assert closed(connection)
            connection.close()
        assert httpx.get("http://{}:{}/".format(*address)).text == "here"


def test_the_second_request_of_a_connection_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(0.2, monkeypatch) as address, socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while not said.endswith(b"here"):
            said += connection.recv(4096)
        connection.sendall(b"GET / HT")
        assert closed(connection)


def test_more_connections_than_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(60, monkeypatch) as address:
        held = [socket.create_connection(address, timeout=60) for _ in range(20)]
        for connection in held:
            connection.sendall(b"GET")
        assert httpx.get("http://{}:{}/".format(*address)).status_code == 503
        for connection in held:
            connection.close()
