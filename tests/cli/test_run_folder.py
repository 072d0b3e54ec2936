"""The folder of a run: what a start, a refusal and a resume leave in it."""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path

import pytest

from asap_lightning.configuration.resolvers import run_dir
from asap_lightning.training import read_checkpoint


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run of one epoch (four steps), in a folder whose name needs quotes."""
    return Path(shutil.copytree(trained, tmp_path / "a run, [it's] x=1"))


def step_of(run: Path) -> int:
    return int(read_checkpoint(run / "checkpoints/last.ckpt")["global_step"])


def test_two_starts_in_one_second_get_two_folders(train, tmp_path: Path) -> None:
    for _ in range(2):
        shown = train("trainer.max_steps=1", "hydra.run.dir=runs/${now:%Y}")
        assert shown.code == 0, shown.err
    first, second = sorted((tmp_path / "runs").iterdir())
    assert second.name == f"{first.name}_2"
    for folder in (first, second):
        assert step_of(folder) == 1 and (folder / ".hydra/overrides.yaml").is_file()
        assert "generator 0.0 M parameters" in (folder / "train.log").read_text()


def test_the_log_of_a_run_is_closed_at_its_end(train, tmp_path: Path) -> None:
    """In one process, as a notebook calls commands: what is logged later is of no run."""
    assert train("trainer.max_steps=1", "hydra.run.dir=run").code == 0
    log = tmp_path / "run/train.log"
    before = log.read_text()
    logging.getLogger("asap_lightning").error("after the run")
    assert log.read_text() == before
    assert not [
        handler
        for handler in logging.getLogger().handlers
        if getattr(handler, "baseFilename", "").startswith(str(tmp_path))
    ]


def test_a_refused_resume_changes_nothing_on_disk(train, run: Path, tmp_path: Path) -> None:
    before = content(tmp_path)
    other_network = train(f"hydra.run.dir={run}", "ckpt=last", "generator.mlp_width=16")
    assert other_network.code == 2 and "mlp_width: 16 here, 8 in the file" in other_network.err
    other_data = train(f"ckpt={run}", "data=spade_folders", "data.layout.num_classes=3")
    assert other_data.code == 2
    assert content(tmp_path) == before and {path.name for path in tmp_path.iterdir()} == {run.name}


def test_a_finished_run_says_so(train, run: Path, tmp_path: Path) -> None:
    before = content(run)
    shown = train(f"hydra.run.dir={run}", "ckpt=auto", "trainer.max_steps=4")
    assert shown.code == 0 and "already at step 4 of 4; raise trainer.max_steps" in shown.err
    shown = train(f"ckpt={run}/checkpoints/best.ckpt", "trainer.max_epochs=1")
    assert shown.code == 0 and "already at epoch 1 of 1; raise trainer.max_epochs" in shown.err
    assert content(run) == before and not (tmp_path / "runs").exists()


def test_the_last_checkpoint_of_a_run_continues_it_and_says_what_differs(
    train, run: Path, tmp_path: Path
) -> None:
    shown = train(
        f"ckpt={run}/checkpoints/last.ckpt", "trainer.max_steps=6", "data.batch_size=3", "optimizer=adam",
        "seed=3", "training.ema=0.9",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert step_of(run) == 6 and not (tmp_path / "runs").exists()
    for expected in (
        r"data\.batch_size +│ 2 +│ 3 +│ taken",
        r"optimizer\.generator\.betas +│ \[0\.0, 0\.9\] +│ \[0\.5, 0\.999\] +│ taken",
        r"seed +│ 0 +│ 3 +│ kept",
        r"training\.ema +│ null +│ 0\.9 +│ taken",
    ):
        assert re.search(expected, shown.err), shown.err
    assert shown.err.count("What differs from the checkpoint") == 1
    assert "the run goes on with a new epoch" in shown.err
    assert "What differs" in (run / "train.log").read_text()


def test_another_name_or_another_file_starts_another_run(trained: Path) -> None:
    last = trained / "checkpoints/last.ckpt"
    assert (
        run_dir("runs", "demo", str(last), "NOW")
        == run_dir("runs", "demo", str(trained), "NOW")
        == str(trained)
    )
    assert run_dir("runs", "other", str(last), "NOW") == "runs/other/NOW"
    assert run_dir("runs", "demo", str(trained / "checkpoints/best.ckpt"), "NOW") == "runs/demo/NOW"


def test_the_log_holds_the_mistake_of_a_run_that_had_begun(train, tmp_path: Path) -> None:
    shown = train("hydra.run.dir=run", "trainer.max_steps=50", "optimizer.generator.lr=1e30")
    assert shown.code == 2 and "diverged" in shown.err
    assert re.search(r"\[ERROR\] training diverged", (tmp_path / "run/train.log").read_text())


def test_the_log_of_a_failed_job_holds_its_mistake(train, tmp_path: Path) -> None:
    assert train("-m", "generator.s1=3,5", "trainer.max_steps=1").code == 2
    logs = list(tmp_path.glob("runs/demo/multirun/*/*/train.log"))
    assert len(logs) == 2 and all("S1 must be a power of two" in log.read_text() for log in logs)


def test_the_log_of_a_crash_holds_its_traceback(train, tmp_path: Path, monkeypatch) -> None:
    from asap_lightning.commands import train as command

    def crash(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(command, "fit", crash)
    with pytest.raises(ZeroDivisionError):
        train("hydra.run.dir=run", "trainer.max_steps=1")
    log = (tmp_path / "run/train.log").read_text()
    assert "Traceback" in log and "ZeroDivisionError: of ours" in log


def test_a_folder_that_was_there_is_left_when_a_start_fails(train, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert train("hydra.run.dir=mine", "generator.s1=3").code == 2
    assert os.listdir(tmp_path) == ["mine"] and os.listdir(tmp_path / "mine") == [".lock"]


def test_a_full_disk_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    from asap_lightning.training import resumable_from

    assert "there is no checkpoint to resume from" in resumable_from(tmp_path)
