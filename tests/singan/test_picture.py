"""The training image from every kind of file, with values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.singan.picture import background_colour, read_image, read_region


def values(picture: torch.Tensor) -> list[int]:
    """The first pixel in 0..255."""
    return [round((float(x) + 1) * 127.5) for x in picture[0, :, 0, 0]]


def test_transparent_pixels_are_laid_over_the_background(tmp_path):
    pixels = np.full((4, 5, 4), (200, 100, 0, 255), np.uint8)
    pixels[0, 0, 3] = 0
    pixels[0, 1, 3] = 127
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image, notes = read_image(tmp_path / "a.png", "white")
    assert values(image) == [255, 255, 255] and values(image[..., 4:]) == [200, 100, 0]
    assert "10.0% of its pixels are transparent; they are laid over background=white" in notes[0]
    assert abs(values(image[..., 1:])[0] - 228) <= 1  # 200 * 127 / 255 + 255 * 128 / 255
    black, notes = read_image(tmp_path / "a.png", [1, 2, 3])
    assert values(black) == [1, 2, 3] and "background=[1, 2, 3]" in notes[0]


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[..., :3].copy()).save(tmp_path / "b.png")
    image, notes = read_image(tmp_path / "a.png")
    assert torch.equal(image, read_image(tmp_path / "b.png")[0]) and not notes


def test_grey_and_16_bit_files_are_three_equal_channels(tmp_path):
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(tmp_path / "grey.png")
    image, notes = read_image(tmp_path / "grey.png")
    assert torch.equal(image[:, 0], image[:, 2]) and "grey" in notes[0]
    deep = np.full((4, 5), 257 * 7, np.uint16)
    deep[0, 0] = 257 * 200
    Image.fromarray(deep).save(tmp_path / "deep.png")
    image, notes = read_image(tmp_path / "deep.png")
    assert values(image) == [200] * 3 and values(image[..., 1:]) == [7] * 3
    assert "16-bit values are brought to 8 bits" in notes[0]


def test_the_arithmetic_is_the_published_programs(tmp_path):
    Image.fromarray(np.array([[[127, 0, 255], [1, 2, 3]]], np.uint8)).save(tmp_path / "a.png")
    image, _ = read_image(tmp_path / "a.png")
    expected = (torch.tensor(127 / 255, dtype=torch.float32) - 0.5) * 2
    assert image[0, 0, 0, 0] == expected and image[0, 1, 0, 0] == -1 and image[0, 2, 0, 0] == 1


def test_what_cannot_be_learned_from_is_refused(tmp_path):
    Image.new("RGB", (5, 4), (1, 2, 3)).save(tmp_path / "flat.png")
    with pytest.raises(UserError, match=r"one colour only, \(1, 2, 3\)"):
        read_image(tmp_path / "flat.png")
    for wrong in ("pink", [1, 2], [1, 2, 300], [1, 2, 3.5]):
        with pytest.raises(UserError, match="white, grey, black, or three numbers"):
            background_colour(wrong)


def test_a_region_is_what_is_brighter_than_half(tmp_path):
    Image.fromarray(np.array([[0, 127], [128, 255]], np.uint8)).save(tmp_path / "mask.png")
    assert read_region(tmp_path / "mask.png", (2, 2)).tolist() == [[[[0, 0], [1, 1]]]]
    with pytest.raises(UserError, match="2 x 2 pixels, the image 3 x 2"):
        read_region(tmp_path / "mask.png", (3, 2))
