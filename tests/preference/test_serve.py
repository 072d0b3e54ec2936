"""The server as a process: killed, started again, answered by a browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.results import find_results
from asap_lightning.preference.serve import serve
from asap_lightning.preference.study import ANSWERS
from asap_lightning.serving.listener import listening
from browser import CHROMIUM, Browser

from .conftest import Made

PROGRAM = "import sys; from asap_lightning.cli import main; sys.exit(main(sys.argv[1:]))"


class Server:
    """``asap study serve`` on one port, however often it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.link = folder, 0, ""

    def start(self) -> None:
        words = ["study", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        first = self.process.stdout.readline()
        assert "take part" in first, self.process.stderr.read()
        self.link = self.process.stdout.readline().split()[-1]
        self.port = int(self.link.split("/")[2].rpartition(":")[2])

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=30)


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def test_acknowledged_answers_survive_kill_9(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    with served(folder) as server, httpx.Client(follow_redirects=True) as client:
        assert server.link.startswith("http://127.0.0.1:")
        own = str(client.post(server.link).url)
        for position in range(5):
            said = client.post(f"{own}{position}", json={"choice": "right", "milliseconds": position})
            assert said.status_code == 200 and "server" not in said.headers
        server.kill()
        server.start()
        assert client.get(f"{own}state").json()["answered"] == 5
        for position in range(5, 10):
            client.post(f"{own}{position}", json={"choice": "right", "milliseconds": position})
    with Answers(folder / ANSWERS, study) as answers:
        kept = [(one.position, one.choice, one.milliseconds) for one in answers.everything()]
    assert kept == [(position, "right", position) for position in range(10)]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")
def test_a_browser_answers_and_the_server_is_killed_in_the_middle(
    make: Callable[..., Made], tmp_path: Path
) -> None:
    """Twenty trials by keys and clicks; for the tenth there is no server for a while, and then a new one."""
    study, folder = make(
        "ours", "theirs", "others", conditions=True, trials=12, practice=2, vigilance=6, seconds=0.05
    )
    chosen: list[str] = []
    with served(folder) as server, Browser(tmp_path / "profile") as browser:
        browser.open(server.link)
        browser.wait_for("document.forms.length")
        browser.evaluate("document.forms[0].querySelector('button').click()")
        browser.wait_for("document.body?.dataset.state === 'before'")
        browser.evaluate("document.getElementById('begin').click()")
        for position in range(20):
            browser.wait_for(f"document.body.dataset.state === 'trial {position}'")
            side = ("left", "right", "right")[position % 3]
            if position == 9:
                server.kill()
            if position % 2:
                browser.press(f"Arrow{side.capitalize()}")
            else:
                browser.evaluate(f"document.querySelector('#{side} button').click()")
            chosen.append(side)
            if position == 9:
                browser.wait_for("document.getElementById('mark').textContent.startsWith('No connection')")
                server.start()
            if position == 12:  # somebody closes the page, and comes back by the link
                browser.wait_for("document.body.dataset.state === 'trial 13'")
                own = browser.evaluate("location.href")
                browser.open("about:blank")
                browser.open(own)
                browser.wait_for("document.body?.dataset.state === 'before'")
                assert "answered 13 of 20" in browser.evaluate("document.body.innerText")
                browser.evaluate("document.getElementById('begin').click()")
        browser.wait_for("document.body.dataset.state === 'finished'")
        code = browser.evaluate("document.getElementById('code').textContent")
        unexpected = [one for one in browser.messages if "ERR_CONNECTION_REFUSED" not in one]
        assert not unexpected, unexpected
    with Answers(folder / ANSWERS, study) as answers:
        kept = answers.everything()
        results = find_results(study, answers, 0.0)
    assert [one.choice for one in kept] == chosen
    (rater,) = results.raters
    assert (rater.code, rater.answered, rater.planned) == (code, 20, 20)
    wins = sum(
        study.owners[getattr(one.trial, one.choice)].system == 0
        for one in kept
        if one.trial.kind == "main" and one.choice is not None
    )
    assert sum(one.answers for one in results.comparisons) == 12
    ours = results.comparisons[:2]
    assert sum(one.wins for one in ours) == wins


def test_without_a_web_server(make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = make("ours", "theirs")
    monkeypatch.delitem(sys.modules, "asap_lightning.serving.run", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"pip install 'asap-lightning\[study\]'"):
        serve(folder)


def test_a_slow_body_is_cut_off_on_the_wire(
    make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through uvicorn: 408 arrives, and the connection is closed."""
    import threading

    import uvicorn

    from asap_lightning.preference.web import make_app

    study, folder = make("ours", "theirs")
    with Answers(folder / ANSWERS, study) as answers, listening("127.0.0.1", 0) as listener:
        token = answers.join().token
        app = make_app(study, answers, folder, body_seconds=0.1)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=30) as connection:
                connection.sendall(
                    f"POST /p/{token}/0 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    "Content-Length: 40\r\n\r\n{".encode()
                )
                said = b""
                while part := connection.recv(4096):
                    said += part
        finally:
            server.should_exit = True
            thread.join(30)
    assert said.startswith(b"HTTP/1.1 408")
