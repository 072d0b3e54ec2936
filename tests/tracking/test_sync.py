"""``asap tracking sync``: the real ``wandb sync`` against a server in this process; look-ups are faked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb

from asap_lightning import cli
from asap_lightning.errors import UserError
from asap_lightning.tracking import RunLogger, make_wandb_logger
from asap_lightning.tracking.sync import find_uploads
from asap_lightning.tracking.wandb import UNFINISHED
from waiting import wait_for
from wandb_server import Server, running


class FakeApi:
    """Knows every run and artifact, but for those in ``missing``."""

    missing: set[str] = set()  # noqa: RUF012
    used: list[tuple[str, str]] = []  # noqa: RUF012

    def __init__(self, timeout: int) -> None:
        pass

    def artifact(self, name: str) -> str:
        if name in self.missing:
            raise wandb.errors.CommError("no such artifact")
        return name

    def run(self, path: str) -> Any:
        if path in self.missing:
            raise wandb.errors.CommError("no such run")
        return SimpleNamespace(
            url=f"https://example.org/{path}",
            entity="us",
            project="tests",
            use_artifact=lambda name: self.used.append((path, name)),
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wandb, "Api", FakeApi)
    monkeypatch.setattr(FakeApi, "missing", set())
    monkeypatch.setattr(FakeApi, "used", [])
    with running() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        yield server


def offline_run(folder: Path, first: int = 0, *, finish: bool = True) -> RunLogger:
    """Three rows from step ``first`` on, and a checkpoint."""
    logger = make_wandb_logger(folder, "tests", mode="offline")
    for step in range(first, first + 3):
        logger.log_metrics({"loss": step / 10}, step=step)
    if finish:
        best = folder / "checkpoints" / "best.ckpt"
        best.parent.mkdir(exist_ok=True)
        fresh = best.with_suffix(".new")  # as `atomic_write`: the name gets other content, the old file stays
        fresh.write_bytes(b"weights of step %d" % first)
        fresh.replace(best)
        writer = {"newest": (best, first), "best_path": best, "best_step": first, "best_value": 1.0}
        logger.after_save_checkpoint(SimpleNamespace(monitor="val/psnr", **writer))
        logger.finish()
    return logger


def next_second() -> None:
    now = int(time.time())
    wait_for(lambda: int(time.time()) > now, "the clock goes on")


def log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)


def test_the_parts_of_a_resumed_run_are_appended_in_order(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs" / "facades" / "street"
    offline_run(folder)
    next_second()  # a folder's name is its second
    logger = make_wandb_logger(folder, "tests", mode="offline")
    logger.use_checkpoint("resume", "last.ckpt", "us/tests/model-old:step-9")
    logger.finish()
    next_second()
    offline_run(folder, first=3)
    (upload,) = find_uploads([tmp_path / "runs"])
    assert [part.state for part in upload.parts] == ["pending"] * 3 and upload.rows == 6
    snapshots = list(folder.glob("wandb/checkpoints/*"))
    assert len(snapshots) == 2

    log_in(monkeypatch)
    assert cli.main(["tracking", "sync"]) == 0, capsys.readouterr().out
    lines = server.kept.history[upload.run_id]
    assert [(lines[at]["_step"], lines[at]["trainer/global_step"]) for at in sorted(lines)] == [
        (step, step) for step in range(6)
    ]
    assert server.kept.unknown == []
    contents = [content for name, content in server.kept.stored.items() if name.endswith("/model.ckpt")]
    assert contents == [b"weights of step 0", b"weights of step 3"]
    aliases = [{a["alias"] for a in made["aliases"]} for made in server.kept.artifacts]
    assert aliases == [{"latest", "best", "step-0"}, {"latest", "best", "step-3"}]
    assert FakeApi.used == [(f"tests/{upload.run_id}", "us/tests/model-old:step-9")]
    assert not any(snapshot.exists() for snapshot in snapshots)
    assert f"uploaded: https://example.org/tests/{upload.run_id}" in capsys.readouterr().out

    sent = len(server.kept.operations)
    assert cli.main(["tracking", "sync", "runs"]) == 0
    assert "uploaded earlier" in capsys.readouterr().out and len(server.kept.operations) == sent


def test_what_the_server_has_not_got_is_tried_again(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = offline_run(tmp_path / "runs" / "a")
    log_in(monkeypatch)
    FakeApi.missing.add(f"tests/{logger.version}")
    assert cli.main(["tracking", "sync"]) == 1
    shown = capsys.readouterr().out
    assert f"the server has not got tests/{logger.version}: no such run" in shown
    (upload,) = find_uploads(["runs"])
    assert [part.state for part in upload.parts] == ["pending"]
    assert list((tmp_path / "runs/a/wandb/checkpoints").iterdir())

    FakeApi.missing = {f"us/tests/model-{logger.version}:step-0"}
    assert cli.main(["tracking", "sync"]) == 0
    assert f"note: runs/a ({logger.version}): the server has not got model-" in capsys.readouterr().out
    assert list((tmp_path / "runs/a/wandb/checkpoints").iterdir())


def test_a_dry_run_needs_no_login_but_an_upload_does(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = offline_run(tmp_path / "runs" / "a")
    assert cli.main(["tracking", "sync", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "to be uploaded" in shown and str(logger.version) in shown
    assert cli.main(["tracking", "sync"]) == 2
    assert "there is no W&B API key" in capsys.readouterr().err
    assert server.kept.operations == []


def test_a_run_that_is_written_to_is_left(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = offline_run(tmp_path / "runs" / "a", finish=False)
    (upload,) = find_uploads(["runs"])
    assert [part.state for part in upload.parts] == ["open"] and upload.pending == []
    assert cli.main(["tracking", "sync"]) == 0
    assert "still written to" in capsys.readouterr().out
    (file,) = upload.parts[0].folder.glob("*.wandb")
    os.utime(file, (0, 0))  # killed long ago
    assert [part.state for part in find_uploads(["runs"])[0].parts] == ["pending"]
    logger.finish()


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tracking", "sync", str(tmp_path)]) == 0
    assert "no offline W&B runs under" in capsys.readouterr().out
    with pytest.raises(UserError, match="there is no folder"):
        find_uploads([tmp_path / "runs"])


def test_a_server_that_goes_away_leaves_the_rest_to_sync(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(monkeypatch)
    with running() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        logger = make_wandb_logger(tmp_path / "a", "tests", mode="online", finish_timeout=1)
        logger.log_metrics({"loss": 1.0}, step=0)
        assert logger.url == f"{server.address}/us/tests/runs/{logger.version}"
    for step in range(1, 4):
        logger.log_metrics({"loss": 1.0}, step=step)
    logger.finish()
    assert caplog.text.count("uploads were not done within 1 s") == 1
    assert logger.run_folder is not None and (logger.run_folder / UNFINISHED).is_file()
    (upload,) = find_uploads([tmp_path])
    assert [part.state for part in upload.parts] == ["pending"]
    assert upload.rows == 4
