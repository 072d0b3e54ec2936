"""Pictures from addresses, off a server in this process: bounds of bytes, time and redirections."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from asap_lightning.batch import Entry, translate_batch
from asap_lightning.batch.urls import Bounds, fetch
from asap_lightning.errors import UserError
from local_server import serving

BOUNDS = Bounds(seconds=30, bytes=10_000, pauses=(0.0, 0.0))


class Server(BaseHTTPRequestHandler):
    """``/picture`` and worse."""

    content = b"picture"
    asked: dict[str, int]
    may_end: threading.Event

    def do_GET(self) -> None:
        self.asked[self.path] = self.asked.get(self.path, 0) + 1
        match self.path.strip("/").split("/"):
            case ["endless"]:
                self.answer(b"x" * 2**20, length=2**40)
            case ["busy", times]:
                ready = self.asked[self.path] > int(times)
                self.answer(self.content) if ready else self.answer(b"", 503)
            case ["gone"]:
                self.answer(b"", 404)
            case ["loop"]:
                self.answer(b"", 302, Location="/loop")
            case ["out"]:
                self.answer(b"", 302, Location="file:///etc/passwd")
            case ["on"]:
                self.answer(b"", 302, Location="/picture.png")
            case ["packed"]:
                self.answer(b"x", **{"Content-Encoding": "gzip"})
            case ["slow"]:
                self.answer(b"x", length=100)
                self.wfile.flush()
                self.may_end.wait(60)
            case ["cut"]:
                self.answer(b"x", length=100)
            case _:
                self.answer(self.content)

    def answer(self, content: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked, Server.may_end, Server.content = {}, threading.Event(), b"picture"
    with serving(Server) as url:
        yield url
        Server.may_end.set()


def test_what_arrives_and_what_is_asked_again(server):
    assert fetch(f"{server}/picture", BOUNDS) == b"picture"
    assert fetch(f"{server}/on", BOUNDS) == b"picture"
    assert fetch(f"{server}/busy/2", BOUNDS) == b"picture"
    assert Server.asked["/busy/2"] == 3


@pytest.mark.parametrize(
    ("path", "message", "times"),
    [
        ("/endless", r"more than 0\.01 MB \(batch\.url_mb\)", 1),
        ("/gone", "answers 404", 1),
        ("/busy/9", "answers 503, 3 times", 3),
        ("/loop", "more than 5 redirections", 5),
        ("/out", "leads out of it", 1),
        ("/packed", "packs its answer", 1),
        ("/cut", "3 times", 3),
    ],
)
def test_what_is_refused(server, path, message, times):
    with pytest.raises(UserError, match=message):
        fetch(server + path, BOUNDS)
    assert Server.asked[path] == times


def test_a_server_that_falls_silent_is_given_up(server):
    with pytest.raises(UserError, match=r"not there within 0\.2 s \(batch\.url_seconds\)"):
        fetch(f"{server}/slow", Bounds(seconds=0.2, pauses=()))


def test_nobody_there():
    with pytest.raises(UserError, match="2 times"):
        fetch("http://127.0.0.1:9/x.png", Bounds(seconds=30, pauses=(0.0,)))


def test_addresses_are_translated_and_not_asked_again(server, pictures: Path, setup):
    Server.content = (pictures / "0.png").read_bytes()
    entries = [Entry("far", f"{server}/picture.png"), Entry("gone", f"{server}/gone")]
    tally = translate_batch(entries, setup)
    assert tally.translated == 1 and "answers 404" in tally.failures[0].text
    tally = translate_batch(entries, setup)
    assert tally.there == 1 and Server.asked == {"/picture.png": 1, "/gone": 2}
