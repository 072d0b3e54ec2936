from pathlib import Path

import numpy as np
import pytest

from asap_lightning.errors import UserError
from asap_lightning.reports import read_run, read_runs
from asap_lightning.reports.pictures import cells_of

from .conftest import MakeRun


def test_what_a_folder_says_of_its_run(make_run: MakeRun) -> None:
    run = read_run(make_run())
    assert (run.name, run.steps, run.status) == ("run", 60, "finished at step 60")
    assert run.metrics == ["val/psnr", "val/l1"] and "epoch" not in run.columns
    assert list(run.grids) == [0, 30, 60] and run.overrides[0] == "experiment=demo"
    # 60 updates of 2 images at 10 images a second
    assert run.throughput == 10 and run.training_seconds == pytest.approx(12)
    assert run.checkpoint is None


def test_images_of_all_processes_count_into_the_time(make_run: MakeRun) -> None:
    folder = make_run(config={"training": {"accumulate": 3}})
    (folder / "train_rank1.log").touch()
    assert read_run(folder).training_seconds == pytest.approx(12 * 3 * 2)


def test_a_run_in_progress_is_read_as_far_as_it_is_and_left_alone(make_run: MakeRun) -> None:
    folder = make_run(steps=20, finished=False)
    table = folder / "metrics.csv"
    with table.open("a") as file:
        file.write("21,0,,")  # just being written
    before = table.read_bytes()
    assert read_run(folder).status == "not finished: step 20 of 60"
    assert table.read_bytes() == before


def test_a_run_without_configuration_and_throughput_is_still_one(make_run: MakeRun) -> None:
    folder = make_run(columns={"loss_g/total": float})
    (folder / "config.yaml").unlink()
    run = read_run(folder)
    assert run.config == {} and run.throughput is None and run.training_seconds is None


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (None, "is not a folder"),
        ("notes.txt", "is not the folder of a run: it holds neither metrics.csv nor config.yaml"),
        ("config.yaml", "is a run without metrics.csv"),
        ("3/.hydra/overrides.yaml", "holds one run: asap report training"),
    ],
)
def test_other_folders_are_refused_with_advice(tmp_path: Path, there: str | None, message: str) -> None:
    folder = tmp_path / "folder"
    if there is not None:
        (folder / there).parent.mkdir(parents=True)
        (folder / there).touch()
    with pytest.raises(UserError, match=message):
        read_run(folder)


@pytest.mark.parametrize("content", ["", "step\n", "step,val/psnr\n", "step,val/psnr\n1,"])
def test_a_table_without_rows_is_no_report(make_run: MakeRun, content: str) -> None:
    folder = make_run()
    (folder / "metrics.csv").write_text(content)
    with pytest.raises(UserError, match="has no row of metrics yet"):
        read_run(folder)


def test_a_broken_configuration_is_named(make_run: MakeRun) -> None:
    folder = make_run()
    (folder / "config.yaml").write_text("a: [1")
    with pytest.raises(UserError, match=r"config\.yaml is not YAML"):
        read_run(folder)


@pytest.mark.parametrize("value", [[1], None, "x", 10**30, {"max_steps": "x"}, True])
def test_a_configuration_may_hold_anything(make_run: MakeRun, value: object) -> None:
    """A run's folder may come from somebody else."""
    config = {name: value for name in ("data", "training", "trainer", "callbacks")}
    run = read_run(make_run(config=config, finished=False, samples=1))
    assert (run.status, run.training_seconds) == ("not finished: step 60", None)
    assert cells_of(run, np.zeros((8, 12, 3), np.uint8)) is None


def test_runs_are_named_by_what_tells_them_apart(make_run: MakeRun) -> None:
    folders = [make_run("a/first"), make_run("b/first"), make_run("b/second")]
    assert [run.name for run in read_runs(folders)] == ["a/first", "b/first", "b/second"]
    assert [run.name for run in read_runs(folders[1:])] == ["first", "second"]
    with pytest.raises(UserError, match="is named twice"):
        read_runs([folders[0], folders[0] / "." / "samples" / ".."])


def test_a_folder_of_several_runs_is_no_run(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name / ".hydra").mkdir(parents=True)
    with pytest.raises(UserError, match=r"holds 2 runs: asap report sweep"):
        read_run(tmp_path)
