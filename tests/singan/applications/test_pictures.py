"""Pictures and masks that people give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.singan.applications.pictures import (
    read_mask,
    read_picture,
    require_aspect,
    resized_mask,
)
from asap_lightning.singan.checkpoint import Pyramid


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(pixels, mode).save(path)
    return path


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    grey = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)
    expected = torch.from_numpy(grey / 127.5 - 1).float().expand(1, 3, -1, -1)
    for name, pixels in (
        ("8.png", grey),
        ("16.png", grey.astype(np.uint16) * 257),
        ("3.png", np.dstack([grey] * 3)),
    ):
        torch.testing.assert_close(read_picture(saved(tmp_path / name, pixels)), expected, atol=1e-6, rtol=0)
    clear = np.dstack([grey] * 3 + [np.where(grey > 100, 255, 0).astype(np.uint8)])
    found = read_picture(saved(tmp_path / "alpha.png", clear))[0, 0]
    assert bool((found[torch.from_numpy(grey <= 100)] == 1).all())  # white shows behind
    assert torch.equal(
        found[torch.from_numpy(grey > 100)], read_picture(tmp_path / "8.png")[0, 0][grey > 100]
    )


def test_a_mask_is_what_is_half_white_or_more(tmp_path: Path) -> None:
    values = np.array([[0, 1, 127], [128, 200, 255]], np.uint8)
    for name, pixels in (("l.png", values), ("rgb.png", np.dstack([values] * 3))):
        assert read_mask(saved(tmp_path / name, pixels), (2, 3)).int().tolist() == [[0, 0, 0], [1, 1, 1]]
    opaque = np.dstack([values] * 3 + [np.full_like(values, 255)])
    assert read_mask(saved(tmp_path / "opaque.png", opaque), (2, 3)).sum() == 3


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((4, 5), 255, np.uint8), "has 5 x 4 pixels, and the picture that it belongs to 30 x 20"),
        (np.zeros((20, 30), np.uint8), "marks nothing"),
        (np.zeros((20, 30, 4), np.uint8), "partly transparent.*without an alpha channel"),
    ],
)
def test_masks_that_are_refused(tmp_path: Path, pixels: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_mask(saved(tmp_path / "mask.png", pixels), (20, 30))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for read in (read_picture, lambda path: read_mask(path, (2, 2))):
        with pytest.raises(UserError, match="there is no such file"):
            read(tmp_path / "missing.png")
        with pytest.raises(UserError, match="is not an image"):
            read(tmp_path / "text.png")


def test_a_picture_of_another_aspect_is_no_edit(pyramid: Pyramid) -> None:
    require_aspect(torch.zeros(1, 3, 60, 74), pyramid, "a.png")
    with pytest.raises(
        UserError, match=r"a.png: the picture has 74 x 40 .* on an image of 37 x 30: their aspects"
    ):
        require_aspect(torch.zeros(1, 3, 40, 74), pyramid, "a.png")


def test_a_mask_at_another_size_keeps_its_shape() -> None:
    mask = torch.zeros(40, 60, dtype=torch.bool)
    mask[10:30, 20:40] = True
    small = resized_mask(mask, 20, 30)
    assert small.shape == (20, 30) and small[5:15, 10:20].all() and small.sum() <= 120
    assert resized_mask(mask, 40, 60) is mask
