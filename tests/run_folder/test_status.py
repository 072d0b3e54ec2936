"""One rule says what has become of a run; every report reads it there."""

from __future__ import annotations

from pathlib import Path

import pytest

from asap_lightning.run_folder import names
from asap_lightning.run_folder.marks import forget_failure, mark_failed, mark_finished
from asap_lightning.run_folder.status import status_of


def test_a_run_is_not_begun_then_stopped_then_finished(tmp_path: Path) -> None:
    assert status_of(tmp_path).kind == "not begun"
    (tmp_path / names.CONFIG).write_text("seed: 0\n", encoding="utf-8")
    assert status_of(tmp_path) == ("stopped", "killed, or it still runs")
    log = "[2026-01-01][INFO] step 3\n[2026-01-01][INFO] stopped by SIGINT; resume with ckpt=last\n"
    (tmp_path / names.LOG).write_text(log, encoding="utf-8")
    assert status_of(tmp_path) == ("stopped", "stopped by SIGINT; resume with ckpt=last")
    mark_finished(tmp_path, {"seed": 0}, step=4)
    assert status_of(tmp_path) == ("finished", "")


def test_a_pruned_job_is_pruned_and_not_stopped(tmp_path: Path) -> None:
    (tmp_path / names.CONFIG).write_text("seed: 0\n", encoding="utf-8")
    mark_finished(tmp_path, {"seed": 0}, step=2, pruned=True)
    assert status_of(tmp_path).kind == "pruned"


def test_a_failure_says_why_until_the_job_is_tried_again(tmp_path: Path) -> None:
    mark_failed(tmp_path, "data.root: there is no such folder")
    assert status_of(tmp_path) == ("failed", "data.root: there is no such folder")
    forget_failure(tmp_path)
    assert status_of(tmp_path).kind == "not begun"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"reason": 1}', "null"])
def test_a_damaged_mark_of_failure_is_still_a_failure(tmp_path: Path, content: str) -> None:
    (tmp_path / names.FAILED).write_text(content, encoding="utf-8")
    assert status_of(tmp_path) == ("failed", "failed.json cannot be read")


def test_the_best_checkpoint_or_else_the_last(tmp_path: Path) -> None:
    assert names.best_checkpoint(tmp_path) is None
    (tmp_path / names.CHECKPOINTS).mkdir()
    (tmp_path / names.LAST).touch()
    assert names.best_checkpoint(tmp_path) == tmp_path / names.LAST
    (tmp_path / names.BEST).touch()
    assert names.best_checkpoint(tmp_path) == tmp_path / names.BEST
