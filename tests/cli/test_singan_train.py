"""``asap singan train``: a run of three small scales, its files, its resume, and what is refused."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import killing
from asap_lightning.run_folder.marks import FINISHED
from asap_lightning.run_folder.names import LAST
from asap_lightning.singan.checkpoint import read_pyramid
from asap_lightning.training import read_checkpoint
from equal import same

SMALL = (
    *("iterations=4", "network.width=2", "network.max_width=4", "trainer.accelerator=cpu"),
    *("checkpoint.every_n_steps=2", "trainer.log_every_n_steps=2"),
)
SCALES = 3
STEPS = 4 * SCALES


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A picture of 30 x 34 pixels."""
    return picture(tmp_path / "stones.png")


def picture(path: Path, mode: str = "RGB", size: tuple[int, int] = (34, 30)) -> Path:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    Image.fromarray(values, "RGBA").convert(mode).save(path)
    return path


def only_run(root: Path, name: str = "stones") -> Path:
    (run,) = (root / "runs" / name).iterdir()
    return run


def test_a_run_leaves_a_finished_pyramid_and_its_pictures(asap, image, tmp_path):
    ended = asap("singan", "train", f"image={image}", *SMALL)
    assert ended.code == 0, ended.err
    run = only_run(tmp_path)
    pyramid = read_pyramid(run / LAST)
    assert pyramid.finished and pyramid.count == SCALES and pyramid.task == "generate"
    assert [tuple(scale["real"].shape[-2:]) for scale in pyramid.scales] == [(25, 29), (28, 32), (30, 34)]
    assert pyramid.scales[0]["noise_amp"] == 1.0 and pyramid.scales[1]["noise_amp"] < 0.2
    assert pyramid.scales[0]["fixed_noise"].any() and not pyramid.scales[1]["fixed_noise"].any()
    files = {path.name for path in (run / "samples").iterdir()} | {path.name for path in run.iterdir()}
    assert {"scale_01.png", "scale_03.png", "metrics.csv", "config.yaml", "train.log", FINISHED} <= files
    assert "3 scales of 4 iterations" in ended.out and "scale 3 of 3  4/4" in ended.out
    assert "left 0:00" in ended.out and "it/s" in ended.out


def test_several_images_are_several_runs(asap, image, tmp_path):
    other = picture(tmp_path / "sand.png")
    ended = asap("singan", "train", f"image=[{image},{tmp_path / 'none.png'},{other}]", *SMALL)
    assert ended.code == 2 and "none.png: there is no such file" in ended.err
    assert "not all of 3 runs" in ended.err  # and the others are trained
    assert read_pyramid(only_run(tmp_path) / LAST).finished
    assert read_pyramid(only_run(tmp_path, "sand") / LAST).finished


def test_a_folder_that_holds_a_run_is_named_and_resumed_only_if_asked(asap, image, tmp_path):
    folder = f"hydra.run.dir={tmp_path / 'here'}"
    assert asap("singan", "train", f"image={image}", *SMALL, folder).code == 0
    again = asap("singan", "train", f"image={image}", *SMALL, folder)
    assert again.code == 2 and "holds a run: finished, 3 scales; ckpt=auto goes on" in again.err
    done = asap("singan", "train", f"image={image}", *SMALL, folder, "ckpt=auto")
    assert done.code == 0 and "nothing is left to train" in done.err
    other = asap("singan", "train", f"image={image}", *SMALL, folder, "ckpt=auto", "iterations=5")
    assert other.code == 2 and "iterations: 4 in the checkpoint, 5 here" in other.err
    changed = picture(tmp_path / "other.png", "L")
    other = asap("singan", "train", f"image={changed}", *SMALL, folder, "ckpt=auto")
    assert other.code == 2 and "image or mask: another one in the checkpoint" in other.err


def test_tasks_change_the_scales_and_the_noise(asap, image, tmp_path):
    assert asap("singan", "train", f"image={image}", *SMALL, "iterations=1", "task=animation").code == 0
    animation = read_pyramid(only_run(tmp_path) / LAST)
    assert animation.task == "animation" and animation.scales[0]["fixed_noise"].abs().min() > 0
    words = (f"image={image}", *SMALL, "iterations=1", "task=super_resolution", "factor=2", "name=sr")
    assert asap("singan", "train", *words).code == 0
    larger = read_pyramid(only_run(tmp_path, "sr") / LAST)
    assert larger.task == "super_resolution" and larger.scales[0]["real"].shape[-2] == 18


def test_only_the_region_counts(asap, image, tmp_path):
    mask = np.zeros((30, 34), np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    words = (f"image={image}", *SMALL, f"mask={tmp_path / 'mask.png'}")
    assert asap("singan", "train", *words).code == 0
    # the noise follows from the error inside the region alone
    assert asap("singan", "train", f"image={image}", *SMALL, "name=all").code == 0
    first, second = (read_pyramid(only_run(tmp_path, name) / LAST) for name in ("stones", "all"))
    assert first.scales[1]["noise_amp"] != second.scales[1]["noise_amp"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["image=absent.png"], "image=absent.png: there is no such file"),
        (["image=."], "is a folder; a picture was expected"),
        (["image=tiny.png"], "its shorter side must be above 25"),
        (["image=flat.png"], "one colour only, (9, 9, 9)"),
        (["image=stones.png", "mask=tiny.png"], "is 20 x 20 pixels, the image 30 x 34"),
        (["image=stones.png", "mask=black.png"], "black everywhere"),
        (["image=stones.png", "max_size=20"], "max_size=20: a whole number from 26"),
        (["image=stones.png", "iterations=0"], "iterations=0"),
        (["image=stones.png", "task=sing"], "task=sing: generate"),
        (["image=stones.png", "background=pink"], "background=pink: white"),
        (["image=stones.png", "preset=slow"], "preset"),
        (["image=stones.png", "ckpt=absent"], "ckpt=absent: there is no such file"),
        ([], "image"),
    ],
)
def test_mistakes_are_named_and_leave_no_run(asap, image, tmp_path, words, message):
    picture(tmp_path / "tiny.png", size=(20, 20))
    Image.new("RGB", (34, 30), (9, 9, 9)).save(tmp_path / "flat.png")
    Image.new("L", (34, 30), 0).save(tmp_path / "black.png")
    ended = asap("singan", "train", *words, *(word for word in SMALL if word.split("=")[0] not in str(words)))
    assert ended.code == 2 and message in ended.err, ended.err
    assert not (tmp_path / "runs").exists()


def test_what_is_transparent_is_laid_over_a_background(asap, tmp_path):
    path = picture(tmp_path / "alpha.png", "RGBA")
    ended = asap("singan", "train", f"image={path}", *SMALL, "iterations=1", "background=black")
    assert ended.code == 0 and "are transparent; they are laid over background=black" in ended.err


@pytest.fixture(scope="module")
def server() -> Any:
    """Starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["asap_lightning.commands.singan_train"])
    return context


def in_process(server: Any, arguments: list[str], step: int | None = None) -> int | None:
    process = server.Process(target=killing.train_until, args=(arguments, step), daemon=True)
    process.start()
    process.join(timeout=200)
    return process.exitcode


@pytest.mark.slow
@pytest.mark.timeout(900)  # five processes in turn
def test_kill_9_inside_and_between_scales_changes_nothing(server, image, tmp_path):
    words = ["singan", "train", f"image={image}", *SMALL, "ahead=5", "ckpt=auto"]
    assert in_process(server, [*words, f"hydra.run.dir={tmp_path / 'whole'}"]) == 0
    killed = [*words, f"hydra.run.dir={tmp_path / 'killed'}"]
    # with a checkpoint every second step: inside the first scale, at the second one's first step (the
    # checkpoint is of the moment between the scales), and inside the second, a step after a checkpoint
    for step in (3, 4, 7):
        assert in_process(server, killed, step) == -signal.SIGKILL
        assert read_checkpoint(tmp_path / "killed" / LAST)["global_step"] == step - step % 2
    assert in_process(server, killed) == 0
    mine, theirs = (read_checkpoint(tmp_path / name / LAST) for name in ("killed", "whole"))
    for part in ("state_dict", "optimizer_states", "random_states", "global_step", "asap_lightning_singan"):
        assert same(mine[part], theirs[part]), part
    mine, theirs = mine["singan_training"], theirs["singan_training"]
    assert same(mine["draws"], theirs["draws"]) and mine["iteration"] == theirs["iteration"] == 4
    tables = [(tmp_path / name / "metrics.csv").read_text() for name in ("killed", "whole")]
    assert tables[0] == tables[1]
    assert len(list((tmp_path / "killed" / "samples").iterdir())) == SCALES
