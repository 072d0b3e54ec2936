"""What a file that is read by strips is, and the bounds of what one may ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from PIL import Image

from asap_lightning.errors import UserError

MOST_PIXELS = 1 << 34
"""Of a file that is read by strips: 131,072 x 131,072."""
LARGEST_PIECE = 1 << 28
"""Bytes of pixels that a file may store as one indivisible piece: a tile, a strip, a chunk."""


class NotInStrips(Exception):
    """A file that can only be read whole; the message says why, as part of a sentence."""


class Strips(ABC):
    """A picture file, read from top to bottom.

    What is read is what `data.reading.open_image` would give, cut to the rows: of the same mode and palette.

    Attributes:
        path: the file.
        width, height: in pixels.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        self.path, self.width, self.height = path, width, height
        if width < 1 or height < 1:
            raise UserError(f"{path} has {width} x {height} pixels; a picture has at least one")
        if width * height > MOST_PIXELS:
            raise UserError(
                f"{path} says that it has {width} x {height} pixels; at most {MOST_PIXELS:,} are read. Cut "
                "it into parts"
            )

    @abstractmethod
    def read(self, top: int, bottom: int) -> Image.Image:
        """Rows ``top`` to ``bottom``. Going down is cheap; some formats begin anew when going up.

        Raises:
            UserError: damaged or truncated.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Closes the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def damaged(self, found: object) -> UserError:
        """The error for a file that cannot be decoded."""
        return UserError(
            f"{self.path} cannot be decoded, it is truncated or damaged ({found}): copy or download it again"
        )

    def too_coarse(self, piece: str, size: int) -> UserError:
        """The error for a file whose pieces do not fit into memory."""
        return UserError(
            f"{self.path} stores its pixels in {piece} of {size / 2**20:,.0f} MiB, too much to be read at a "
            f"time (at most {LARGEST_PIECE >> 20} MiB). Save it anew with tiles of 512 x 512"
        )
