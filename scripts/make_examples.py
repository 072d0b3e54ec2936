"""Draws the layouts that the painter offers: python scripts/make_examples.py

They are procedural facades (`asap data demo`), so they carry nobody's licence.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

from PIL import Image

from asap_lightning.data.demo.classes import PALETTE
from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.data.layouts.classes import CMP, names
from asap_lightning.files import atomic_write

FOLDER = Path(__file__).parent.parent / "src" / "asap_lightning" / "app" / "static" / "examples"
SEED, INDICES, SIZE = 2026, (0, 1, 2, 3, 4, 5, 6, 7), 512


def main() -> None:
    """Writes the PNG files and the list of them."""
    files = []
    for number, index in enumerate(INDICES, 1):
        image = Image.fromarray(draw_facade(SEED, index, SIZE).label)
        image.putpalette([channel for colour in PALETTE for channel in colour])
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        files.append(f"facade{number}.png")
        with atomic_write(FOLDER / files[-1]) as file:
            file.write(buffer.getvalue())
    with atomic_write(FOLDER / "examples.json", "w") as file:
        json.dump({"names": names(CMP), "files": files}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
