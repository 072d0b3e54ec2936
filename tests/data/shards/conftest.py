"""Sharded data sets, and a server for them that can be told to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from asap_lightning.building import build
from asap_lightning.data.layout import Layout
from asap_lightning.data.shards import remote
from asap_lightning.data.shards.writer import ShardSummary, write_shards


@dataclass
class Sharded:
    """A data set and the shards that were made from it."""

    layout: Layout
    out: Path
    summary: ShardSummary


@pytest.fixture
def shard(tmp_path: Path) -> Callable[..., Sharded]:
    """Writes a layout, given by its name and options, as shards of a few pairs."""

    def write(root: Path, name: str, options: dict[str, Any] | None = None, out: str = "shards", **how: Any):
        source = {"_target_": f"asap_lightning.data.layouts.{name}", **(options or {})}
        instances = how.pop("instances", False)
        layout = build(source, "layout", root=str(root), instances=instances)
        summary = write_shards(layout, tmp_path / out, source=source, **({"shard_mb": 0.008} | how))
        return Sharded(layout, tmp_path / out, summary)

    return write


@dataclass
class Server:
    """What an HTTP server has been asked for, and how it shall misbehave."""

    root: Path
    url: str = ""
    ranges: bool = True
    drop_after: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    busy: int = 0  # answers of 503 that come first
    spoil: set[str] = field(default_factory=set)  # files that arrive with another byte, once each
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def shards_asked(self) -> list[str]:
        return [path for path, _ in self.asked if path.endswith(".tar")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *arguments: Any) -> None:
        self.told = server
        super().__init__(*arguments)

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        told, name = self.told, self.path.lstrip("/")
        asked = self.headers.get("Range")
        if body:
            told.asked.append((name, asked))
        if told.busy:
            told.busy -= 1
            self.send_error(503)
            return
        path = told.root / name
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        if name in told.spoil:
            told.spoil.discard(name)
            content = content[:600] + bytes([content[600] ^ 255]) + content[601:]
        total, start = len(content), 0
        if asked and told.ranges:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, content = int(first), content[int(first) : int(last or total - 1) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(content) - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            if told.drop_after and name.endswith(".tar"):
                content = content[: told.drop_after.pop(0)]
                self.close_connection = True
            self.wfile.write(content)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Server]]:
    """Serves a folder over HTTP; downloads ask for 4096 bytes at a time and do not pause."""
    monkeypatch.setattr(remote, "CHUNK", 4096)
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    running: list[ThreadingHTTPServer] = []

    def start(root: Path) -> Server:
        told = Server(root)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, told))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        running.append(server)
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        return told

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
