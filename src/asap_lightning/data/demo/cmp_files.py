"""The three files of a facade as the CMP database has them: JPEG photo, palette PNG, XML of boxes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.data.demo.classes import CLASS_NAMES, PALETTE
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.paint import Facade
from asap_lightning.files import atomic_write

SUFFIXES = (".jpg", ".png", ".xml")


def stem_of(index: int) -> str:
    """File stem of facade ``index`` (from 0): the database counts from ``cmp_b0001``."""
    return f"cmp_b{index + 1:04d}"


def write_facade(folder: Path, index: int, facade: Facade) -> None:
    """Writes photo, label map and boxes into ``folder``, each file atomically."""
    contents = (jpeg(facade.photo), palette_png(facade.label), boxes_xml(facade.objects).encode())
    for suffix, content in zip(SUFFIXES, contents, strict=True):
        with atomic_write(folder / f"{stem_of(index)}{suffix}") as file:
            file.write(content)


def jpeg(photo: NDArray[np.uint8]) -> bytes:
    """The photo (H, W, 3) as JPEG, quality 95, full colour resolution."""
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def palette_png(label: NDArray[np.uint8]) -> bytes:
    """The label map (H, W) as a palette PNG whose indices are the class ids."""
    image = Image.fromarray(label)
    image.putpalette([channel for colour in PALETTE for channel in colour])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", bits=8)
    return buffer.getvalue()


def boxes_xml(objects: Iterable[tuple[int, Rect]]) -> str:
    """The boxes as the database writes them.

    There is no root element; ``x`` runs down the image and ``y`` to the right, both in [0, 1]; boxes that
    reach over the image's border are cut there.
    """
    lines: list[str] = []
    for class_id, box in objects:
        x0, x1, y0, y1 = (min(1.0, max(0.0, edge)) for edge in (box.y0, box.y1, box.x0, box.x1))
        if x1 <= x0 or y1 <= y0:
            continue
        points = [
            f"    <x>{x0:.6f}</x>",
            f"    <x>{x1:.6f}</x>",
            f"    <y>{y0:.6f}</y>",
            f"    <y>{y1:.6f}</y>",
        ]
        lines += ["<object>", "  <points>", *points, "  </points>"]
        lines += [f"  <label>{class_id}</label>", f"  <labelname>{CLASS_NAMES[class_id]}</labelname>"]
        lines += ["  <flag>0</flag>", "</object>"]
    return "\n".join(lines) + "\n"
