"""Sample grids inside a page: made smaller, and cut into their cells."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from asap_lightning.data.panels import Picture, untile
from asap_lightning.data.reading import read_photo
from asap_lightning.errors import UserError
from asap_lightning.reports.runs import Run

COLUMNS = ("condition", "generated", "photo")
WITH_EXEMPLAR = ("condition", "exemplar", "generated", "photo")


def read_picture(path: Path) -> Picture:
    """A picture as (H, W, 3) uint8.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return read_photo(path)
    except UserError as error:
        raise UserError(f"{path} is not a whole picture ({error}); remove it, or mend it") from error


def embedded(picture: Picture, widest: int) -> str:
    """A picture as a ``data:`` address: WebP, at most ``widest`` pixels wide."""
    image = Image.fromarray(picture)
    if image.width > widest:
        height = max(1, round(image.height * widest / image.width))
        image = image.resize((widest, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=88, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def spread_over(grids: Mapping[int, Path], most: int) -> dict[int, Path]:
    """At most ``most`` of the grids, evenly over time, the first and the last included."""
    steps = list(grids)
    if len(steps) <= most:
        return dict(grids)
    if most == 1:
        return {steps[-1]: grids[steps[-1]]}
    chosen = [steps[round(index * (len(steps) - 1) / (most - 1))] for index in range(most)] if most else []
    return {step: grids[step] for step in chosen}


def cells_of(run: Run, grid: Picture) -> list[dict[str, Picture]] | None:
    """The grid's rows of ``condition``, ``exemplar`` where the run's data lend one, ``generated``, ``photo``.

    None if its layout is not what the run's settings say.

    How many rows there are is not written anywhere: of the numbers that fit the picture's height, the one
    whose cells have the shape of the run's images is taken.
    """
    count = run.number("callbacks.sample_grid.count") or 4
    tall, wide = run.number("data.height"), run.number("data.width")
    if tall is None or wide is None:
        return None
    columns = COLUMNS if run.at("data.exemplar") is None else WITH_EXEMPLAR
    found = []
    for rows in range(1, min(count, len(grid)) + 1):
        try:
            cells = untile(grid, rows, len(columns))
        except ValueError:
            continue
        height, width = cells[0][0].shape[:2]
        found.append((abs(height * wide / (width * tall) - 1), rows, cells))
    if not found:
        return None
    off, _, best = min(found, key=lambda entry: entry[:2])
    return [dict(zip(columns, row, strict=True)) for row in best] if off < 0.5 else None
