"""Pictures of conditions and photos, and grids of them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.palettes import colorize_label
from asap_lightning.data.sample import Sample
from asap_lightning.files import atomic_write

Picture = NDArray[np.uint8]
_BACKGROUND, _INK, _GAP, _TITLE_HEIGHT = 255, 40, 4, 18


def photo_to_image(photo: Tensor) -> Picture:
    """A photo or generated image (3, H, W) in [-1, 1] as (H, W, 3) uint8: round((x + 1) * 127.5)."""
    scaled = (photo.detach().to("cpu", torch.float32) + 1.0) * 127.5
    return scaled.clamp(0.0, 255.0).round().to(torch.uint8).permute(1, 2, 0).numpy()


def condition_to_image(condition: Condition, spec: ConditionSpec, index: int = 0) -> Picture:
    """One condition of a batch as (H, W, 3) uint8: coloured classes, the picture itself, or grey depth.

    Of more than three planes the first three are shown: a pose in colours. The pieces of a canvas lie over
    that.
    """
    if condition.label is not None:
        picture = colorize_label(condition.label[index].cpu().numpy(), spec)
    else:
        assert condition.image is not None
        picture = photo_to_image(condition.image[index][:3])
    if picture.shape[2] == 1:
        picture = np.repeat(picture, 3, axis=2)
    if condition.canvas is None:
        return picture
    canvas = condition.canvas[index]
    filled = (canvas[3] > 0).cpu().numpy()[..., None]
    return np.where(filled, photo_to_image(canvas[:3]), picture)


def sample_to_image(sample: Sample, spec: ConditionSpec) -> Picture:
    """The condition of a sample as (H, W, 3) uint8."""
    if sample.label is not None:
        return colorize_label(sample.label, spec)
    if sample.depth is not None:
        grey = np.round((sample.depth + 1.0) * 127.5).astype(np.uint8)[..., None]
    else:
        assert sample.image is not None
        grey = sample.image[..., :3]
    return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey


def tile(rows: Sequence[Sequence[Picture]], titles: Sequence[str] = ()) -> Picture:
    """A grid of pictures: cells as large as the largest picture, pictures centred, titles above columns."""
    if not rows or not any(rows):
        raise ValueError("a grid needs at least one picture")
    height = max(picture.shape[0] for row in rows for picture in row)
    width = max(picture.shape[1] for row in rows for picture in row)
    columns = max(len(row) for row in rows)
    top = _TITLE_HEIGHT if titles else _GAP
    shape = (top + len(rows) * (height + _GAP), _GAP + columns * (width + _GAP), 3)
    canvas = np.full(shape, _BACKGROUND, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            y = top + i * (height + _GAP) + (height - picture.shape[0]) // 2
            x = _GAP + j * (width + _GAP) + (width - picture.shape[1]) // 2
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return _with_titles(canvas, titles, width) if titles else canvas


def untile(grid: Picture, rows: int, columns: int) -> list[list[Picture]]:
    """The cells of a grid that `tile` has made with titles.

    Raises:
        ValueError: a grid of this size has not that many rows and columns.
    """
    height, rest_down = divmod(grid.shape[0] - _TITLE_HEIGHT, rows)
    width, rest_across = divmod(grid.shape[1] - _GAP, columns)
    if rest_down or rest_across or min(height, width) <= _GAP:
        raise ValueError(f"{grid.shape[0]} x {grid.shape[1]} is no grid of {rows} x {columns} pictures")
    tops = [_TITLE_HEIGHT + row * height for row in range(rows)]
    lefts = [_GAP + column * width for column in range(columns)]
    return [[grid[y : y + height - _GAP, x : x + width - _GAP] for x in lefts] for y in tops]


def _with_titles(canvas: Picture, titles: Sequence[str], width: int) -> Picture:
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=12)
    for j, title in enumerate(titles):
        middle = _GAP + j * (width + _GAP) + width // 2
        draw.text((middle, _TITLE_HEIGHT // 2), title, fill=(_INK,) * 3, font=font, anchor="mm")
    return np.asarray(image)


def fit(picture: Picture, longest: int) -> Picture:
    """The picture, made smaller if its longer side is longer than ``longest``."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def save_png(path: str | os.PathLike[str], picture: Picture) -> None:
    """Writes a PNG atomically."""
    with atomic_write(path) as file:
        Image.fromarray(picture).save(file, format="PNG")
