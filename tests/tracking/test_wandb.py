import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.tracking import find_offline_runs, make_wandb_logger, read_offline_run
from asap_lightning.tracking.server import has_api_key
from asap_lightning.tracking.starting import ID_FILE, resolve_mode
from asap_lightning.training import TranslationModule

Track = Callable[..., Any]
CONFIG = {"generator": {"s1": 2, "s2": 2}, "optimizer": {"lr": [1e-3, 4e-3]}, "ckpt": None}


def only_run(folder: Path) -> Any:
    (found,) = find_offline_runs(folder)
    return read_offline_run(found)


def test_a_training_can_be_read_back_without_a_server(track: Track, tmp_path: Path) -> None:
    folder = tmp_path / "facades" / "street"
    logger = make_wandb_logger(
        folder,
        "tests",
        group="sweep 1",
        tags=["small", "cpu"],
        notes="two\nlines",
        entity="us",
        config=CONFIG,
    )
    track(logger, folder)
    run = only_run(folder)
    assert (run.project, run.entity, run.group, run.job_type) == ("tests", "us", "sweep 1", "train")
    assert (run.name, run.tags, run.notes) == ("facades/street", ["small", "cpu"], "two\nlines")
    assert run.finished and run.exit_code == 0
    assert {key: run.config[key] for key in CONFIG} == CONFIG

    for key in (
        "loss_g/adversarial",
        "loss_g/feature_matching",
        "loss_g/total",
        "loss_d/real",
        "loss_d/fake",
    ):
        assert [step for step, _ in run.series(key)] == [2, 4, 6, 8], key
    for key in ("lr/generator", "lr/discriminator", "speed/images_per_second"):
        assert [step for step, value in run.series(key) if value > 0] == [2, 4, 6, 8], key
    for key in ("val/psnr", "val/ssim", "val/l1"):
        assert [step for step, _ in run.series(key)] == [4, 8], key
    assert run.step_metrics["*"] == run.step_metrics["val/psnr"] == "trainer/global_step"


def test_the_summary_holds_best_and_last(track: Track, tmp_path: Path) -> None:
    track(make_wandb_logger(tmp_path), tmp_path)
    run = only_run(tmp_path)
    psnr = [value for _, value in run.series("val/psnr")]
    error = [value for _, value in run.series("val/l1")]
    assert run.summary["val/psnr"] == {"max": max(psnr), "last": psnr[-1]}
    assert run.summary["val/l1"] == {"min": min(error), "last": error[-1]}


def test_images_are_those_of_the_sample_grid(track: Track, tmp_path: Path) -> None:
    track(make_wandb_logger(tmp_path), tmp_path)
    run = only_run(tmp_path)
    images = run.images("val/samples")
    assert list(images) == [4, 8]
    assert [len(files) for files in images.values()] == [2, 2]
    grid = np.asarray(Image.open(tmp_path / "samples" / "step_00000008.png"))
    strip = np.asarray(Image.open(images[8][0]))
    assert strip.shape == (24, 64, 3)  # three cells of 16 and gaps of 4
    np.testing.assert_array_equal(strip[4:20], grid[18:34])
    row = next(row for row in run.history if "val/samples" in row)
    assert row["val/samples"]["captions"] == ["b0_0", "b1_0"]


def test_two_trainings_in_one_process_are_two_finished_runs(track: Track, tmp_path: Path) -> None:
    for name in ("a", "b"):
        track(make_wandb_logger(tmp_path / name, config={"job": name}), tmp_path / name, max_steps=4)
    runs = [only_run(tmp_path / name) for name in ("a", "b")]
    assert [run.exit_code for run in runs] == [0, 0]
    assert [run.config["job"] for run in runs] == ["a", "b"]
    assert len({run.run_id for run in runs}) == 2
    assert [len(run.series("loss_g/total")) for run in runs] == [2, 2]
    assert wandb.run is None


def test_a_run_that_was_left_open_is_not_written_into(track: Track, tmp_path: Path) -> None:
    left_open = make_wandb_logger(tmp_path / "open", config={"job": "open"})
    assert left_open.experiment is wandb.run
    track(make_wandb_logger(tmp_path / "own", config={"job": "own"}), tmp_path / "own", max_steps=4)
    assert wandb.run is left_open.experiment
    left_open.finish()
    left_open.finish()  # a second time does no harm
    opened, own = only_run(tmp_path / "open"), only_run(tmp_path / "own")
    assert opened.keys == set() and opened.config["job"] == "open" and opened.exit_code == 0
    assert "loss_g/total" in own.keys and own.config["job"] == "own" and own.exit_code == 0


@pytest.mark.parametrize(("error", "code"), [(RuntimeError("broken"), 1), (UserError("your mistake"), 2)])
def test_a_failed_training_is_a_finished_run_with_its_exit_code(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(self: Any, batch: Any, batch_idx: int) -> None:
        if self.global_step == 3:
            raise error

    monkeypatch.setattr(TranslationModule, "on_train_batch_start", fail)
    with pytest.raises(type(error), match=str(error)):
        track(make_wandb_logger(tmp_path), tmp_path)
    run = only_run(tmp_path)
    assert run.exit_code == code
    assert [step for step, _ in run.series("loss_g/total")] == [2]


def test_a_resumed_training_goes_on_in_the_same_run(track: Track, tmp_path: Path) -> None:
    track(make_wandb_logger(tmp_path), tmp_path, max_steps=4)
    track(
        make_wandb_logger(tmp_path), tmp_path, max_steps=8, ckpt_path=tmp_path / "checkpoints" / "last.ckpt"
    )
    first, second = (read_offline_run(path) for path in find_offline_runs(tmp_path))
    assert first.run_id == second.run_id == (tmp_path / ID_FILE).read_text().strip()
    assert [step for step, _ in first.series("loss_g/total")] == [2, 4]
    assert [step for step, _ in second.series("loss_g/total")] == [6, 8]


def test_a_given_id_is_kept(tmp_path: Path) -> None:
    logger = make_wandb_logger(tmp_path, run_id="mine1234")
    assert logger.experiment.id == logger.version == "mine1234"
    logger.finish()
    assert only_run(tmp_path).run_id == "mine1234"
    assert not (tmp_path / ID_FILE).exists()


def test_without_a_key_it_is_offline_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert resolve_mode("auto", tmp_path) == "offline"
    assert [record.getMessage() for record in caplog.records] == [
        f"W&B: no API key found, so the run is logged offline to {tmp_path / 'wandb'}; "
        "`asap tracking sync` uploads it later"
    ]


def test_a_key_in_the_environment_or_in_netrc_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not has_api_key()
    netrc = tmp_path / "no_netrc"
    netrc.write_text(f"machine api.wandb.ai login user password {'a' * 40}\n")
    netrc.chmod(0o600)
    assert has_api_key() and resolve_mode("auto", tmp_path) == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_api_key()
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    assert resolve_mode("online", tmp_path) == "online"


def test_the_environment_can_switch_it_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert resolve_mode("auto", tmp_path) == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolve_mode("auto", tmp_path) == "disabled"


def test_online_without_a_key_is_refused_rather_than_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mode=online, but there is no W&B API key"):
        make_wandb_logger(tmp_path, mode="online")
    with pytest.raises(UserError, match="mode=always: auto, online, offline or"):
        make_wandb_logger(tmp_path, mode="always")  # type: ignore[arg-type]


def test_an_unreachable_server_costs_the_online_run_but_not_the_training(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    original, asked = wandb.init, []

    def unreachable(**arguments: Any) -> Any:
        asked.append(arguments["mode"])
        if arguments["mode"] == "online":
            raise wandb.errors.CommError("no route to host")
        return original(**arguments)

    monkeypatch.setattr(wandb, "init", unreachable)
    track(make_wandb_logger(tmp_path), tmp_path, max_steps=4)
    assert asked == ["online", "offline"]
    assert "cannot start the run on" in caplog.text
    assert only_run(tmp_path).exit_code == 0
