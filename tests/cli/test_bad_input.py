"""Bad input through the program: exit code 2 and a message that names file or key, finding and remedy.

The messages that users look up stand in ``docs/troubleshooting.md``.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import small

PAIRS = 4


def write_label(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids).save(path)


def ids_of(size: int = 64, classes: int = 3, dtype: type = np.uint8) -> np.ndarray:
    return (np.arange(size * size).reshape(size, size) // 7 % classes).astype(dtype)


def noise(size: int = 64, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (size, size, channels), dtype=np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A data set in SPADE's folders with three classes that is right in every respect."""
    root = tmp_path / "set"
    for split in ("train", "val"):
        for number in range(PAIRS):
            write_label(root / f"{split}_label" / f"{number}.png", ids_of())
            write_label(root / f"{split}_img" / f"{number}.png", noise())
    return root


@pytest.fixture
def run(asap, folders: Path):
    """Trains the small model on `folders` for one step."""
    data = ("data=spade_folders", f"data.root={folders}", "data.layout.num_classes=3")

    def call(*overrides: object):
        return asap("train", *small.TRAIN, *data, "trainer.max_steps=2", "hydra.run.dir=run", *overrides)

    return call


def refused(shown, *expected: str) -> None:
    assert shown.code == 2, shown.err
    for text in expected:
        assert text in shown.err
    assert "Traceback" not in shown.err


def test_good_data_trains(run) -> None:
    shown = run()
    assert shown.code == 0, shown.err


@pytest.mark.parametrize("workers", [0, 1])
def test_label_id_outside_the_classes(run, folders: Path, workers: int) -> None:
    for number in range(PAIRS):
        write_label(folders / f"train_label/{number}.png", ids_of(classes=4))
    shown = run(f"data.num_workers={workers}")
    refused(shown, "train_label/", "label id 3", "0..2 (num_classes=3)", "data.layout.num_classes=4")


def test_255_without_an_unknown_class(run, folders: Path) -> None:
    for number in range(PAIRS):
        ids = ids_of()
        ids[0] = 255
        write_label(folders / f"train_label/{number}.png", ids)
    refused(run(), "label id 255", "data.layout.has_unknown=true")
    assert run("data.layout.has_unknown=true").code == 0


def test_binary_mask_of_0_and_255(run, folders: Path) -> None:
    for path in folders.glob("*_label/*.png"):
        write_label(path, ids_of(classes=2) * 255)
    refused(run("data.layout.num_classes=2"), "only 0 and 255", "data.layout.label_values={0:0,255:1}")
    assert run("data.layout.num_classes=2", "data.layout.label_values={0:0,255:1}").code == 0


@pytest.mark.parametrize("folder", ["train_label", "train_img"])
def test_zero_byte_image(run, folders: Path, folder: str) -> None:
    for number in range(PAIRS):
        (folders / folder / f"{number}.png").write_bytes(b"")
    refused(run(), f"{folder}/", "is empty (0 bytes)")


@pytest.mark.parametrize("folder", ["train_label", "train_img"])
def test_truncated_image(run, folders: Path, folder: str) -> None:
    for path in (folders / folder).glob("*.png"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(run(), f"{folder}/", "truncated or damaged")


def test_not_an_image(run, folders: Path) -> None:
    for path in (folders / "train_img").glob("*.png"):
        path.write_text("hello")
    refused(run(), "train_img/", "is not an image that can be read")


@pytest.mark.parametrize(
    ("missing", "expected"), [("train_img/2.png", "label"), ("train_label/2.png", "photo")]
)
def test_half_of_a_pair(run, folders: Path, missing: str, expected: str) -> None:
    (folders / missing).unlink()
    shown = run()
    refused(shown, "without", expected, "2.png")


def test_pair_of_different_sizes(run, folders: Path) -> None:
    for number in range(PAIRS):
        write_label(folders / f"train_img/{number}.png", noise(size=48))
    refused(run(), "64 x 64", "48 x 48")


def test_16_bit_label_where_8_bit_is_meant(run, folders: Path) -> None:
    for number in range(PAIRS):
        write_label(folders / f"train_label/{number}.png", ids_of(dtype=np.uint16) * np.uint16(1000))
    refused(run(), "16-bit file with ids up to 2000", "instance map")


def test_photo_where_a_label_map_is_meant(run, folders: Path) -> None:
    for number in range(PAIRS):
        write_label(folders / f"train_label/{number}.png", noise())
    refused(run(), "colour picture (RGB) where a label map is meant", "data.layout.palette")


@pytest.mark.parametrize("mode", ["P", "RGBA", "RGB", "L", "I;16"])
def test_label_files_of_these_modes_simply_work(run, folders: Path, mode: str) -> None:
    for number in range(PAIRS):
        path = folders / f"train_label/{number}.png"
        if mode == "I;16":
            write_label(path, ids_of(dtype=np.uint16))
            continue
        image = Image.fromarray(ids_of())
        if mode == "P":
            image.putpalette([value for colour in range(256) for value in (colour, 255 - colour, 7)])
        image.convert(mode).save(path)
    shown = run()
    assert shown.code == 0, shown.err


@pytest.mark.parametrize("mode", ["P", "RGBA", "L", "CMYK"])
def test_photo_files_of_these_modes_simply_work(run, folders: Path, mode: str) -> None:
    for number in range(PAIRS):
        path = folders / f"train_img/{number}.png"
        image = Image.fromarray(noise()).convert(mode)
        path.unlink()
        image.save(path if mode != "CMYK" else path.with_suffix(".jpg"))
    shown = run()
    assert shown.code == 0, shown.err


def test_colours_for_classes(run, folders: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    for path in folders.glob("*_label/*.png"):
        write_label(path, colours[ids_of()])
    assert run("data.layout.palette=[[255,0,0],[0,255,0],[0,0,255]]").code == 0
    refused(run("data.layout.palette=[[255,0,0],[0,255,0]]"), "data.layout.palette")


def test_empty_folder(run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(run("data.root=empty"), "data.root=empty is an empty folder", "{train,val}_label/")


def test_missing_folder(run) -> None:
    refused(run("data.root=nowhere"), "data.root=nowhere: there is no such folder")


@pytest.mark.parametrize("wanted", ["facades", "cityscapes"])
def test_folder_of_another_layout_says_which(asap, folders: Path, wanted: str) -> None:
    shown = asap("train", *small.TRAIN, f"data={wanted}", f"data.root={folders}")
    refused(shown, "SPADE", "data=spade_folders")


def test_facades_where_spade_folders_are_meant(run, facades: Path) -> None:
    refused(run(f"data.root={facades}"), "looks like CMP facades", "data=facades")


@pytest.mark.parametrize(("height", "width"), [(72, 64), (64, 72)])
def test_tile_does_not_divide_the_size(run, height: int, width: int) -> None:
    side = "height" if height == 72 else "width"
    shown = run(f"data.height={height}", f"data.width={width}", "generator.s1=2", "generator.s2=8")
    refused(shown, f"data.{side}=72 is not a multiple of 16", "64 or 80")


def test_instance_edges_without_instance_maps(run) -> None:
    refused(run("data.instance_edges=true"), "inst", "data.instance_edges=false")


def test_checkpoint_of_another_model(run, tmp_path: Path) -> None:
    assert run().code == 0
    shown = run("ckpt=last", "generator.mlp_width=16", "trainer.max_steps=4")
    refused(shown, "another model", "generator.mlp_width: 16 here, 8 in the file")


@pytest.mark.parametrize("content", ["empty", "text", "truncated", "foreign"])
def test_file_that_is_no_checkpoint_of_ours(run, asap, tmp_path: Path, content: str) -> None:
    import torch

    path = tmp_path / "some.ckpt"
    if content == "truncated":
        assert run().code == 0
        whole = (tmp_path / "run/checkpoints/last.ckpt").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif content == "foreign":
        torch.save({"state_dict": {"conv.weight": torch.zeros(1)}}, path)
    else:
        path.write_bytes(b"" if content == "empty" else b"hello")
    write_label(tmp_path / "in/a.png", ids_of())
    refused(run(f"ckpt={path}"), "some.ckpt")
    refused(asap("predict", f"ckpt={path}", "input=in", "output=out"), "some.ckpt")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to tell files apart")
def test_disk_full_while_saving_leaves_the_previous_checkpoint(run, tmp_path: Path, monkeypatch) -> None:
    from asap_lightning.training import read_checkpoint

    assert run().code == 0
    last = tmp_path / "run/checkpoints/last.ckpt"
    before = last.read_bytes()

    flush = os.fsync

    def full(descriptor: int) -> None:
        if ".ckpt" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        shown = run("ckpt=last", "trainer.max_steps=4", "logger=none")
    refused(shown, "the disk is full", "previous checkpoint is intact", "ckpt=last")
    assert last.read_bytes() == before
    assert not list(last.parent.glob("*.tmp"))
    assert read_checkpoint(last)["global_step"] == 2


def test_folder_that_cannot_be_written(run, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where the run's folder should be")
    refused(run(), "File exists: run")


def test_disk_full_elsewhere(run, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run/config.yaml")

    monkeypatch.setattr(os, "fsync", full)
    refused(run(), "No space left on device: run/config.yaml")


def test_predict_refuses_ids_the_model_does_not_know(asap, trained: Path, tmp_path: Path) -> None:
    write_label(tmp_path / "in/a.png", ids_of(classes=40))
    refused(asap("predict", f"ckpt={trained}", "input=in", "output=out"), "in/a.png", "outside the classes")


def test_evaluation_without_photos(asap, trained: Path, facades: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(facades, copy)
    for path in (copy / "base").glob("*.jpg"):
        path.unlink()
    refused(asap("evaluate", f"ckpt={trained}", f"data.root={copy}"), "copy")
