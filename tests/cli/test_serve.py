"""``asap serve`` as a process: its address, a port that is taken, its end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import pytest

from asap_lightning import cli
from asap_lightning.commands.serve import origins_of
from asap_lightning.configuration.checkpoints import title_of
from asap_lightning.errors import UserError
from waiting import wait_for
from warm import AsapProcess


def said(server: AsapProcess) -> str:
    """What it has printed; nothing before it has opened its files."""
    try:
        return server.out
    except FileNotFoundError:
        return ""


def test_a_server_from_start_to_end(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with AsapProcess(["serve", f"ckpt={trained}", "port=0"], tmp_path) as server:
        wait_for(
            lambda: server.poll() is not None or "http://" in said(server), "the server says where it is"
        )
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", server.out)
        assert found is not None, server.err
        assert httpx.get(f"{found[0]}health").json()["status"] == "ok"
        assert "<title>Painter</title>" in httpx.get(found[0]).text
        # another one on that port says so
        assert cli.main(["serve", f"ckpt={trained}", f"port={found[1]}"]) == 2
        told = capsys.readouterr().err
        assert f"port={found[1]} cannot be used (another server listens there already)" in told
        server.send_signal(signal.SIGTERM)
        assert server.ended() == 0 and server.out.endswith("ended\n")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".said")] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["limits.waiting=0"], "limits.waiting=0: a number above 0 was expected"),
        (["limits.connections=2.5"], "limits.connections=2.5: a whole number was expected"),
        (["origins=[example.org]"], "origins=example.org: sites such as"),
        (["model=facades"], "one was expected"),
        (["port=0"], "there is no such file"),
    ],
)
def test_mistakes(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "ckpt=nowhere.ckpt", *words]) == 2
    complaint = capsys.readouterr().err
    assert told in complaint and complaint.count("\n") == 1


@pytest.mark.parametrize("port", ["99999", "here", "8000.5"])
def test_ports(trained: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", f"ckpt={trained}", f"port={port}"]) == 2
    assert f"port={port}: a number from 0 to 65535 was expected" in capsys.readouterr().err


def test_origins_and_titles() -> None:
    assert origins_of(["https://example.org", "http://127.0.0.1:5173"]) != []
    with pytest.raises(UserError, match="sites such as"):
        origins_of("https://example.org/page")
    run = Path("runs/facades_512/2026-01-01_00-00-00/checkpoints/best.ckpt")
    assert title_of(None, run) == "facades_512"
    assert title_of(None, Path("models/mine.ckpt")) == "mine"
    assert title_of("hf://owner/name@main", Path("cache/model.safetensors")) == "name"
    assert title_of("facades", Path("box/facades.safetensors")) == "facades"
