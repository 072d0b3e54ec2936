"""Label maps of ids and of colours, and what is said of others."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from asap_lightning.app.colours import ClassColours
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts import SpadeFolders
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError

from .conftest import SPEC, layout, png

CLASSES = ClassColours(SPEC)


def ids(content: bytes, classes: ClassColours = CLASSES) -> np.ndarray:
    return classes.ids(Image.open(io.BytesIO(content)), StoredFile("image", content))


def indexed(pixels: np.ndarray, palette: np.ndarray) -> bytes:
    image = Image.fromarray(pixels)
    image.putpalette(palette.reshape(-1).tolist())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_ids_and_colours_are_read() -> None:
    label = layout()
    colours = CLASSES.colours[label]
    as_grey = np.repeat(label[..., None], 3, axis=2)
    for content in (
        png(label),
        png(label.astype(np.uint16)),
        png(label, "LA"),
        png(as_grey),
        png(colours),
        png(colours, "RGBA"),
        png(colours, format="WEBP", lossless=True),
        indexed(label, CLASSES.colours),
    ):
        assert np.array_equal(ids(content), label)


def test_a_palette_that_a_program_has_sorted_is_read_by_its_colours() -> None:
    label, order = layout(), np.roll(np.arange(13), 5)
    places = np.argsort(order).astype(np.uint8)
    assert np.array_equal(ids(indexed(places[label], CLASSES.colours[order])), label)


def test_a_palette_of_other_colours_is_read_by_its_ids() -> None:
    label = layout()
    assert np.array_equal(ids(indexed(label, CLASSES.colours[::-1] // 2 + 7)), label)


def test_wrong_colours_are_told_with_their_pixels() -> None:
    colours = CLASSES.colours[layout(10, 10)]
    colours[0, :3], colours[5, 5] = (1, 2, 3), (200, 0, 0)
    with pytest.raises(UserError) as raised:
        ids(png(colours))
    assert str(raised.value) == (
        "image: 4 of 100 pixels (4.00%) have a colour of none of the model's classes: (1, 2, 3): 3 pixels, "
        "(200, 0, 0): 1 pixel. Expected: class ids 0..12, or exactly the colours of the classes, without "
        "smooth edges"
    )
    with pytest.raises(UserError, match="This is a JPEG, which changes colours: save label maps as PNG"):
        ids(png(CLASSES.colours[layout(16, 16)], format="JPEG"))


def test_wrong_ids_are_told_with_their_pixels() -> None:
    label = layout(10, 10)
    label[0, :2], label[1, 1] = 99, 255
    with pytest.raises(UserError, match=r"ids 99 \(2 pixels\), 255 \(1 pixel\) outside .* expected: 0..12$"):
        ids(png(label))
    with pytest.raises(UserError, match="image is a JPEG, a format that changes class ids"):
        ids(png(layout(16, 16), format="JPEG"))
    with pytest.raises(UserError, match="outside the model's classes"):
        ids(png(np.full((4, 4), 300, np.uint16)))


def test_unknown_is_the_last_channel_or_255() -> None:
    classes = ClassColours(ConditionSpec(num_classes=2, has_unknown=True))
    assert classes.names == ["class 0", "class 1", "unknown"]
    assert ids(png(np.array([[0, 1, 2, 255]], np.uint8)), classes).tolist() == [[0, 1, 2, 255]]
    assert ids(png(classes.colours[None]), classes).tolist() == [[0, 1, 2]]


def test_the_colours_of_the_training_count() -> None:
    palette = [[250, 0, 0], [0, 250, 0]]
    made = SpadeFolders(".", num_classes=2, palette=palette, palette_tolerance=20)
    classes = ClassColours(ConditionSpec(num_classes=2), made)
    assert classes.colours.tolist() == palette
    near = np.array([[[240, 5, 5], [3, 255, 0]]], np.uint8)
    assert ids(png(near), classes).tolist() == [[0, 1]]
