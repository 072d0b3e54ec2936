"""The same drawn facades on disk in every layout."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades, Layout, Photos, SideBySide, SpadeFolders, TwoFolders

PAIRS = 24
CLASSES = 13

Tree = tuple[Callable[..., Layout], Path]


def draw_trees(folder: Path, size: int) -> dict[str, Tree]:
    """Layout by name, the one with the original files first.

    Args:
        folder: receives them.
        size: side of the pictures.
    """
    facades = folder / "facades"
    write_demo_dataset(facades, count=PAIRS, size=size, workers=1, progress=False)
    for label in sorted((facades / "base").glob("*.png")):
        photo = label.with_suffix(".jpg")
        for split in ("train", "val"):
            _link(label, folder / f"spade/{split}_label/{label.name}")
            _link(photo, folder / f"spade/{split}_img/{photo.name}")
        _link(photo, folder / f"folders/B/{photo.name}")
        _link(photo, folder / f"photos/{photo.name}")
        _draw_pictures(label, photo, folder)
    return {
        "facades": (partial(CmpFacades, split="ratio", test_share=0.1), facades),
        "spade_folders": (partial(SpadeFolders, num_classes=CLASSES), folder / "spade"),
        "folders": (partial(TwoFolders, condition="image"), folder / "folders"),
        "pairs": (SideBySide, folder / "pairs"),
        "photos, canny": (partial(Photos, make="canny"), folder / "photos"),
    }


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def _draw_pictures(label: Path, photo: Path, folder: Path) -> None:
    """The label map in its colours as a picture, alone and beside the photo."""
    with Image.open(label) as ids, Image.open(photo) as pixels:
        colours, picture = np.asarray(ids.convert("RGB")), np.asarray(pixels.convert("RGB"))
    target = folder / f"folders/A/{label.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours).save(target)
    for split in ("train", "val"):
        pair = folder / f"pairs/{split}/{photo.name}"
        pair.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([colours, picture], axis=1)).save(pair, quality=95)
