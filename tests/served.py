"""An application on a free port of the loopback, in a thread of the tests' process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import uvicorn
from starlette.types import ASGIApp

from asap_lightning.serving.listener import listening
from asap_lightning.serving.run import run
from waiting import wait_for


@contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[tuple[str, int]]:
    """Host and port while the block runs; ``options`` are those of `run`."""
    servers: list[uvicorn.Server] = []
    original = uvicorn.Server.__init__

    def noted(self: uvicorn.Server, config: uvicorn.Config) -> None:
        original(self, config)
        servers.append(self)

    settings = {"most_connections": 100, **options}
    with listening("127.0.0.1", 0) as listener, mock.patch.object(uvicorn.Server, "__init__", noted):
        thread = threading.Thread(target=run, args=(app, listener), kwargs=settings)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            wait_for(lambda: servers, "the server starts")
            servers[0].should_exit = True
            thread.join(60)
            assert not thread.is_alive()
