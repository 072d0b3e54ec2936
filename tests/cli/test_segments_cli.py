"""``asap data segments``, and training, evaluation and prediction with a memory bank, from outside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.inference import Translator
from asap_lightning.segments import Canvases

FACADES, SIMS = small.FACADES, small.SIMS


def test_a_bank_is_cut_and_shown(asap, facades: Path, tmp_path: Path) -> None:
    where = (*FACADES, f"data.root={facades}")
    shown = asap("data", "segments", "--min-area", 6, *where, "--out", "bank", "--sheet", "classes.png")
    assert shown.code == 0, shown.err
    assert "segments of 9 images of 64 x 64" in shown.out and "Train with: data.bank=bank" in shown.out
    assert "window" in shown.out and "joined" not in shown.out and "scaled" not in shown.out
    with Image.open(tmp_path / "classes.png") as sheet:
        assert sheet.width > 1000
    shown = asap("data", "segments", "bank=bank", "--verify")
    assert shown.code == 0 and "every checksum fits" in shown.out and "window" in shown.out
    sheet = ("canvas_options.band=0.02", "--sheet", "found.png", "--count", 3)
    shown = asap("data", "segments", "bank=bank", *where, *sheet)
    assert shown.code == 0, shown.err
    with Image.open(tmp_path / "found.png") as found:
        assert found.width == 4 * 64 + 5 * 4  # layout, pieces, canvas, photo
    shown = asap("data", "segments", *where, "output=bank", "--overwrite", "--limit", 2, "data.height=96")
    assert shown.code == 0 and "2 images of 2 had another size and were scaled to 64 x 96" in shown.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data=facades",), "give either out=BANK"),
        (("data=facades", "out=a", "bank=b"), "give either out=BANK"),
        (("bank=nowhere",), "nowhere: there is no such folder"),
        (("out=b", "data=facades", "data.root=nowhere"), "data.root=nowhere: there is no such folder"),
        (("out=b", "data=facades"), "data.root is missing: give the folder"),
        (("out=b", "data=nonsense"), "nonsense"),
        (("out=b", "data=pairs", "data.root=.", "--limit", "0"), "--limit 0"),
    ],
)
def test_mistakes_are_told(asap, words: tuple[str, ...], said: str) -> None:
    shown = asap("data", "segments", *words)
    assert shown.code == 2 and said in shown.err and "Traceback" not in shown.err


def test_other_classes_and_options_are_refused(asap, bank: Path, facades: Path) -> None:
    shown = asap("data", "segments", f"bank={bank}", *FACADES, f"data.root={facades}")
    assert shown.code == 2 and "--sheet PNG" in shown.err
    other = (*FACADES[:1], f"data.root={facades}", "--sheet", "x.png")
    shown = asap("data", "segments", f"bank={bank}", *other, "canvas_options.bend=1")
    assert shown.code == 2 and "canvas_options.bend: there is no such option" in shown.err
    labels = ("data=spade_folders", "data.layout.num_classes=3", f"data.root={facades}", "--sheet", "x.png")
    shown = asap("data", "segments", f"bank={bank}", *labels)
    assert shown.code == 2 and "was cut by 13 label channels" in shown.err


def test_training_needs_a_bank_and_one_of_its_own_classes(asap, facades: Path, bank: Path) -> None:
    shown = asap("train", *SIMS, f"data.root={facades}")
    assert shown.code == 2 and "data.bank is missing" in shown.err and "asap data segments" in shown.err
    shown = asap("train", *SIMS, f"data.root={facades}", "data.bank=nowhere")
    assert shown.code == 2 and "nowhere: there is no such folder" in shown.err
    shown = asap("train", *SIMS, f"data.root={facades}", f"data.bank={bank}", "data.canvas=mine")
    assert shown.code == 2 and "data.canvas=mine: one of own, retrieved" in shown.err
    shown = asap("train", *SIMS, f"data.root={facades}", f"data.bank={bank}", "data.canvas_options.band=2")
    assert shown.code == 2 and "canvas_options.band=2" in shown.err


@pytest.mark.parametrize("spoil", ["version", "truncated", "no index"])
def test_spoiled_banks_stop_a_training_with_a_message(
    asap, facades: Path, bank: Path, tmp_path: Path, spoil: str
) -> None:
    copy = Path(shutil.copytree(bank, tmp_path / "bank"))
    index = copy / "bank.json"
    if spoil == "version":
        index.write_text(json.dumps({**json.loads(index.read_text()), "version": 99}))
    elif spoil == "truncated":
        (copy / "colours.bin").write_bytes((copy / "colours.bin").read_bytes()[:100])
    else:
        index.unlink()
    shown = asap("train", *SIMS, f"data.root={facades}", f"data.bank={copy}")
    said = {"version": "has version 99", "truncated": "colours.bin is damaged", "no index": "no memory bank"}
    assert shown.code == 2 and said[spoil] in shown.err and "Traceback" not in shown.err


def test_retrieving_training_resumes_and_tells_another_bank(asap, facades: Path, bank: Path) -> None:
    words = ("train", *SIMS, f"data.root={facades}", f"data.bank={bank}")
    retrieved = ("data.canvas=retrieved", "data.num_workers=1", "trainer.max_steps=2", "hydra.run.dir=run")
    shown = asap(*words, *retrieved)
    assert shown.code == 0, shown.err
    shown = asap(*words, "ckpt=run", "trainer.max_steps=3")
    assert shown.code == 0 and "canvas retrieved -> own" in shown.err, shown.err


def test_evaluation_retrieves_canvases(asap, sims_run: Path, bank: Path, tmp_path: Path) -> None:
    shown = asap("evaluate", f"ckpt={sims_run}", "device=cpu", "output=one")
    assert shown.code == 0, shown.err
    shown = asap("evaluate", f"ckpt={sims_run}", "device=cpu", "output=train", "split=train")
    assert shown.code == 0, shown.err
    moved = Path(shutil.copytree(bank, tmp_path / "moved"))
    shown = asap("evaluate", f"ckpt={sims_run}", "device=cpu", "output=two", f"data.bank={moved}")
    assert shown.code == 0, shown.err
    figures = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two")]
    assert figures[0]["metrics"] == figures[1]["metrics"]
    shown = asap("evaluate", f"ckpt={sims_run}", "device=cpu", "data.bank=nowhere")
    assert shown.code == 2 and "nowhere: there is no such folder" in shown.err


def test_prediction_composes_canvases_from_the_bank(
    asap, sims_run: Path, bank: Path, facades: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    for number in (1, 2):
        shutil.copy(facades / f"base/cmp_b{number:04d}.png", labels)
    shown = asap("predict", f"ckpt={sims_run}", f"input={labels}", "output=none", "device=cpu")
    assert shown.code == 2 and "bank=BANK" in shown.err
    call = ("predict", f"ckpt={sims_run}", f"input={labels}", "output=out", "device=cpu", f"bank={bank}")
    shown = asap(*call)
    assert shown.code == 0, shown.err
    translator = Translator.load(sims_run, device="cpu")
    label = labels / "cmp_b0001.png"
    canvases = Canvases(bank)
    translator.composer = canvases
    with Image.open(tmp_path / "out/cmp_b0001.png") as image:
        made = np.asarray(image)
    np.testing.assert_array_equal(made, np.asarray(translator(label)))
    with Image.open(label) as picture:
        ids = np.asarray(picture).astype(np.int32) - 1
    given = translator(torch.from_numpy(np.where(ids < 0, 12, ids))[None], canvas=canvases(ids)[0])
    assert given.shape == (1, 3, 64, 64)
    shown = asap(*call)
    assert "there already" in shown.out and not _translated(shown.out)
    shown = asap(*call, "canvas_options.band=0.2", "overwrite=changed")
    assert shown.code == 0 and _translated(shown.out) == 2, "other canvases make other images"


def _translated(table: str) -> int:
    (row,) = [line for line in table.splitlines() if line.startswith("│")]
    return int(row.split("│")[1])


def test_a_bank_is_refused_by_a_model_without_canvas(asap, trained: Path, bank: Path, facades: Path) -> None:
    shown = asap("predict", f"ckpt={trained}", f"input={facades}/base", "output=out", f"bank={bank}")
    assert shown.code == 2 and "completes no canvas: leave bank out" in shown.err
