"""``asap data segments bank=BANK --fit``: networks of pieces, fitted, and used in everything that follows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import small
from asap_lightning.composing.networks import read_network
from asap_lightning.segments import Bank
from trees import Trees

QUICK = ("--steps", 3, "--batch", 2, "--side", 16, "--width", 1, "--held-out", 4, "--device", "cpu")


@pytest.fixture(scope="session")
def fitted(bank: Path, facades: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank with both networks, after three updates each."""
    from asap_lightning import cli

    folder = shutil.copytree(bank, tmp_path_factory.mktemp("fitted") / "bank")
    words = (*small.FACADES, f"data.root={facades}", f"bank={folder}", "--fit", "align", "order", *QUICK)
    assert cli.main(["data", "segments", *map(str, words)]) == 0
    return Path(folder)


def test_networks_are_fitted_measured_and_told(asap, bank: Path, facades: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bank, tmp_path / "bank"))
    where = (*small.FACADES, f"data.root={facades}", f"bank={folder}")
    shown = asap("data", "segments", *where, "--fit", "align", *QUICK, "--seed", 5)
    assert shown.code == 0, shown.err
    assert "displaced segments of val, |piece - photo| is" in shown.out
    assert "data.canvas_options.align=true" in shown.out and "order" not in shown.out
    once = (folder / "align.safetensors").read_bytes()
    made = read_network(Bank(folder), "align")
    assert made.fit["settings"]["seed"] == 5 and made.fit["measured"]["segments"] == 4
    assert asap("data", "segments", *where, "--fit", "align", *QUICK, "--seed", 5).code == 0
    assert (folder / "align.safetensors").read_bytes() == once, "the same seed, the same network"
    shown = asap("data", "segments", *where, "--fit", "order", *QUICK)
    assert shown.code == 0 and "order by outlines: of" in shown.out, shown.err
    assert read_network(Bank(folder), "order").fit["measured"]["truth"] == "outlines"
    assert {path.name for path in folder.iterdir()} - {path.name for path in bank.iterdir()} == {
        "align.safetensors",
        "order.safetensors",
    }
    assert asap("data", "segments", f"bank={folder}", "--verify").code == 0


def test_training_evaluation_and_prediction_take_them(
    asap, fitted: Path, facades: Path, tmp_path: Path
) -> None:
    both = ("data.canvas_options.align=true", "data.canvas_options.order=true", "data.num_workers=1")
    words = (*small.SIMS, f"data.root={facades}", f"data.bank={fitted}", "data.canvas=retrieved", *both)
    shown = asap("train", *words, "trainer.max_steps=1", "hydra.run.dir=run")
    assert shown.code == 0, shown.err
    shown = asap("train", *words, "ckpt=run", "trainer.max_steps=2", "data.canvas_options.align=false")
    assert shown.code == 0 and "-> None" in shown.err, shown.err
    shown = asap("train", *words, "ckpt=run", "trainer.max_steps=3")
    assert shown.code == 0 and "align None -> " in shown.err, shown.err
    shown = asap("evaluate", "ckpt=run", "device=cpu", "output=measured")
    assert shown.code == 0, shown.err
    assert json.loads((tmp_path / "measured/metrics.json").read_text())["metrics"]
    (tmp_path / "in").mkdir()
    shutil.copy(facades / "base/cmp_b0001.png", tmp_path / "in")
    call = ("predict", "ckpt=run", "input=in", "device=cpu", f"bank={fitted}")
    shown = asap(*call, "output=out")
    assert shown.code == 0, shown.err
    shown = asap(*call, "output=out", "canvas_options.order=false")
    assert shown.code == 2 and "was not made with this checkpoint, these options" in shown.err
    plain = shutil.copytree(fitted, tmp_path / "plain", ignore=shutil.ignore_patterns("*.safetensors"))
    shown = asap(*call, "output=other", f"bank={plain}")
    assert shown.code == 2 and "there is no" in shown.err and "--fit align" in shown.err
    options = ("canvas_options.align=false", "canvas_options.order=false")
    assert asap(*call, "output=other", f"bank={plain}", *options).code == 0


def test_findings_are_shown_as_the_networks_lay_them(
    asap, fitted: Path, facades: Path, tmp_path: Path
) -> None:
    where = (*small.FACADES, f"data.root={facades}", f"bank={fitted}")
    shown = asap(
        "data", "segments", *where, "--sheet", "found.png", "canvas_options.align=true", "--count", 1
    )
    assert shown.code == 0 and (tmp_path / "found.png").is_file(), shown.err
    shutil.copytree(fitted, tmp_path / "bank")
    (tmp_path / "bank/align.safetensors").write_bytes(b"nothing")
    where = (*small.FACADES, f"data.root={facades}", "bank=bank")
    shown = asap("data", "segments", *where, "--sheet", "found.png", "canvas_options.align=true")
    assert shown.code == 2 and "align.safetensors is damaged or no safetensors file" in shown.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", 3), "--steps 3: it is of --fit align, order, which is not given"),
        (("--truth", "depth"), "--truth depth: it is of --fit"),
        (("--fit", "align", "--steps", 0), "--steps 0: a number from 1 on was expected"),
        (("--fit", "align", "--rate", 2), "--rate 2.0: a number between 0 and 1 was expected"),
        (("--fit", "align", "--splits", "train", "val"), "--splits: one split was expected"),
        (("--fit", "align", "--device", "tpu9"), "device=tpu9"),
        (("--fit", "order", "--truth", "depth"), "has no disparities"),
        (("--fit", "align", "out=new"), "give either out=BANK"),
    ],
)
def test_mistakes_are_one_line(asap, bank: Path, facades: Path, words, said: str) -> None:
    shown = asap("data", "segments", *small.FACADES, f"data.root={facades}", f"bank={bank}", *words)
    assert shown.code == 2 and said in shown.err and "Traceback" not in shown.err
    assert not list(bank.glob("*.safetensors"))


def draw_streets(root: Path, disparities: tuple[str, ...] = ("train", "val")) -> Path:
    """Houses behind a road with two cars on it, the nearer one lower, in Cityscapes' tree."""
    trees = Trees(root)
    for number in range(4):
        split = "train" if number < 3 else "val"
        stem = f"{split}/town/town_{number:06d}_000019"
        ids, disparity = np.full((64, 128), 11, np.uint8), np.full((64, 128), 4.0)
        ids[40:], disparity[40:] = 7, np.linspace(5, 60, 24)[:, None]
        for top, left, depth in ((30, 12 + 8 * number, 20.0), (38, 70 - 6 * number, 45.0)):
            ids[top : top + 20, left : left + 30], disparity[top : top + 20, left : left + 30] = 26, depth
        disparity[:2] = np.nan
        trees.save(root / f"gtFine/{stem}_gtFine_labelIds.png", ids)
        trees.photo(root / f"leftImg8bit/{stem}_leftImg8bit.png", (64, 128))
        if split in disparities:
            values = np.where(np.isfinite(disparity), disparity * 256 + 1, 0)
            trees.save(root / f"disparity/{stem}_disparity.png", values.astype(np.uint16))
    return root


def test_cityscapes_disparities_say_the_order(asap, tmp_path: Path) -> None:
    where = (
        "data=cityscapes",
        f"data.root={draw_streets(tmp_path / 'streets')}",
        "data.instance_edges=false",
    )
    size = ("data.height=64", "data.width=128")
    shown = asap("data", "segments", *where, *size, "out=bank", "--min-area", 20)
    assert shown.code == 0, shown.err
    quick = ("--steps", 40, "--batch", 4, "--side", 16, "--width", 1, "--rate", 0.01, "--device", "cpu")
    shown = asap("data", "segments", *where, "bank=bank", "--fit", "order", *quick)
    assert shown.code == 0, shown.err
    assert "order by depth: of " in shown.out
    measured = read_network(Bank("bank"), "order").fit["measured"]
    assert measured["truth"] == "depth" and measured["pairs"] >= 3 and measured["right"] == 1.0
