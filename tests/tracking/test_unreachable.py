"""An online run whose server is not there: the training goes on offline, and it is said once."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asap_lightning.tracking import find_offline_runs, make_wandb_logger, read_offline_run

Track = Callable[..., Any]


@contextmanager
def closed() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    yield port


@contextmanager
def silent() -> Iterator[int]:
    """Takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


class Broken(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def broken() -> Iterator[int]:
    """Answers with error 500."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("server", [closed, silent, broken])
def test_the_training_goes_on_offline(
    track: Track,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    server: Callable[[], Any],
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    with server() as port:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
        trainer = track(make_wandb_logger(tmp_path, init_timeout=1), tmp_path, max_steps=4)
    assert trainer.global_step == 4
    assert caplog.text.count("W&B: cannot start the run on http://127.0.0.1") == 1
    folders = [path for path in find_offline_runs(tmp_path) if path.name.startswith("offline-")]
    (run,) = map(read_offline_run, folders)
    assert run.exit_code == 0 and [step for step, _ in run.series("loss_g/total")] == [2, 4]
