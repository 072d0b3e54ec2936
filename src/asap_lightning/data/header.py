"""What a picture file says of itself before its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ExifTags, Image

from asap_lightning.data.formats import open_picture
from asap_lightning.data.source import Source

UPRIGHT = 1
_TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 90 degrees",
    8: "turned by 90 degrees",
}


@dataclass(frozen=True)
class Header:
    """Of a picture file.

    Attributes:
        width, height: as the pixels are stored.
        orientation: EXIF's number, 1 for upright.
        wide: whether channels have 16 bits or more.
    """

    width: int
    height: int
    orientation: int = UPRIGHT
    wide: bool = False

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as every viewer, and every reader here, shows it."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    @property
    def turn(self) -> str:
        """What the orientation does to the stored pixels, in words; empty for upright."""
        return _TURNS.get(self.orientation, "")


def read_header(path: Source) -> Header | None:
    """The header; None for what is no picture or cannot be opened, which reading reports."""
    try:
        with open_picture(path) as file:
            # Image's own method: that of PNG files would decode all pixels in search of a late chunk.
            orientation = Image.Image.getexif(file).get(ExifTags.Base.Orientation, UPRIGHT)
            wide = file.mode.startswith(("I", "F")) or any(";16" in str(tile.args) for tile in file.tile)
            return Header(*file.size, orientation if orientation in _TURNS else UPRIGHT, wide)
    except Exception:  # whatever a damaged file makes of Pillow
        return None
