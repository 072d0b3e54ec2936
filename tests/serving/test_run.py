"""A server on the wire: slow headers, slow connections, ends."""

from __future__ import annotations

import socket

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from served import served


def application() -> Starlette:
    """Of one page."""
    return Starlette(routes=[Route("/", lambda request: PlainTextResponse("here"))])


def closed(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection, without an answer."""
    return connection.recv(1) == b""


def test_slow_headers_are_cut_off_and_others_are_served() -> None:
    with served(application(), most_connections=20, header_seconds=0.2) as address:
        slow = [socket.create_connection(address, timeout=60) for _ in range(15)]
        for number, connection in enumerate(slow):
            if number % 3:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "[: 10 * number])
        assert httpx.get("http://{}:{}/".format(*address)).text == "here"
        for connection in slow:
            assert closed(connection)
            connection.close()
        assert httpx.get("http://{}:{}/".format(*address)).text == "here"


def test_the_second_request_of_a_connection_is_bounded_too() -> None:
    with (
        served(application(), most_connections=20, header_seconds=0.2) as address,
        socket.create_connection(address, timeout=60) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while not said.endswith(b"here"):
            said += connection.recv(4096)
        connection.sendall(b"GET / HT")
        assert closed(connection)


def test_more_connections_than_are_taken() -> None:
    with served(application(), most_connections=20) as address:
        held = [socket.create_connection(address, timeout=60) for _ in range(20)]
        for connection in held:
            connection.sendall(b"GET")
        assert httpx.get("http://{}:{}/".format(*address)).status_code == 503
        for connection in held:
            connection.close()
