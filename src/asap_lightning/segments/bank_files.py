"""What the files of a bank are and how its index is checked; see `bank` for the folder.

A bank may come from a stranger: its index is data, and every number in it is checked before it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.segments.descriptors import CELLS, LEAST_SIDE, SHAPE_BYTES, context_type
from asap_lightning.untrusted import read_json
from asap_lightning.untrusted.text import printable

FORMAT, VERSION = "asap_lightning_segments", 1
INDEX, IMAGES = "bank.json", "images.json"
TABLE, COVERAGE, CONTEXT, MASKS, COLOURS = (
    "segments.bin",
    "coverage.bin",
    "context.bin",
    "masks.bin",
    "colours.bin",
)
FILES = (IMAGES, TABLE, COVERAGE, CONTEXT, MASKS, COLOURS)
MAX_IMAGES = 256 * 2**20
"""Bytes of the list of the images' names."""
MAX_SIDE = 65_535
_SHA256 = re.compile(r"[0-9a-f]{64}")

ROW = np.dtype(
    [
        ("class_id", "<u2"),
        ("image", "<u4"),
        ("top", "<u2"),
        ("left", "<u2"),
        ("bottom", "<u2"),
        ("right", "<u2"),
        ("area", "<u4"),
        ("mask_at", "<u8"),
        ("colour_at", "<u8"),
        ("shape", "u1", (SHAPE_BYTES,)),
    ]
)
"""A segment in the table: its class, the number of its image, box and area; where its mask (packed bits of
the box, row by row) and its colours (RGB of the mask's pixels, row by row) begin; its shape."""


@dataclass(frozen=True)
class BankIndex:
    """What ``bank.json`` says.

    Attributes:
        spec: of the layouts that the segments were cut by.
        height, width: of the frame: every image was brought to this size before it was cut.
        min_area: pixels of the smallest segment.
        min_thickness: a square of so many pixels a side fits into every segment.
        join: classes that were joined to others before regions were found.
        segments, images: how many.
        source: the data set's title, for people.
        palette: (R, G, B) of every class, for pictures.
        sizes: bytes of every file, by name.
        digests: SHA-256 of every file, by name.
    """

    spec: ConditionSpec
    height: int
    width: int
    min_area: int
    min_thickness: int
    join: tuple[int, ...]
    segments: int
    images: int
    source: str
    palette: tuple[tuple[int, int, int], ...]
    sizes: dict[str, int]
    digests: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain containers."""
        files = {name: {"bytes": self.sizes[name], "sha256": self.digests[name]} for name in FILES}
        return {
            "format": FORMAT,
            "version": VERSION,
            "spec": self.spec.as_dict(),
            "height": self.height,
            "width": self.width,
            "min_area": self.min_area,
            "min_thickness": self.min_thickness,
            "join": list(self.join),
            "segments": self.segments,
            "images": self.images,
            "source": self.source,
            "palette": [list(colour) for colour in self.palette],
            "files": files,
        }


def read_index(folder: Path) -> BankIndex:
    """The index of a bank, checked.

    Raises:
        UserError: no bank, one of another version, or a damaged one.
    """
    path = folder / INDEX
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; asap data segments makes a memory bank")
    if not path.is_file():
        raise UserError(f"{folder} is no memory bank: there is no {INDEX}. asap data segments makes one")
    node = read_json(path)
    if not isinstance(node, dict) or node.get("format") != FORMAT:
        raise UserError(
            f'{path} is no index of a memory bank: "format": "{FORMAT}" was expected in it. '
            "asap data segments makes one"
        )
    if node.get("version") != VERSION:
        raise UserError(
            f"{path} has version {printable(str(node.get('version')), 40)}; this program reads version "
            f"{VERSION}. Make the bank again with asap data segments, or use the version of asap-lightning "
            "that made it"
        )
    try:
        return _parsed(node)
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from error


def damaged(path: Path, found: str) -> UserError:
    """The error about a file that does not hold what it should."""
    return UserError(
        f"{path} is damaged: {printable(found, 300)}. Copy the bank again, or repeat asap data segments"
    )


def _parsed(node: dict[str, Any]) -> BankIndex:
    spec = ConditionSpec.from_dict(node["spec"])
    if spec.kind != "label":
        raise ValueError(f"spec.kind is {spec.kind}, where label was expected")
    height, width = (_natural(node, key, LEAST_SIDE, MAX_SIDE) for key in ("height", "width"))
    join = tuple(node["join"])
    if not all(type(one) is int and 0 <= one < spec.num_classes for one in join):
        raise ValueError("join names what is no class")
    palette = tuple(tuple(colour) for colour in node["palette"])
    if len(palette) != spec.label_channels or not all(map(_is_colour, palette)):
        raise ValueError(f"palette: {spec.label_channels} colours of three numbers were expected")
    source = node["source"]
    if type(source) is not str or len(source) > 1000:
        raise ValueError("source: a short text was expected")
    files = {name: node["files"][name] for name in FILES}
    for name, file in files.items():
        if type(file["sha256"]) is not str or _SHA256.fullmatch(file["sha256"]) is None:
            raise ValueError(f"{name}: sha256 is not 64 hexadecimal digits")
    index = BankIndex(
        spec,
        height,
        width,
        _natural(node, "min_area", 1, height * width),
        _natural(node, "min_thickness", 1, min(height, width)),
        join,
        _natural(node, "segments", 1, 2**32),
        _natural(node, "images", 1, 2**32),
        source,
        palette,
        {name: _natural(file, "bytes", 0, 2**50) for name, file in files.items()},
        {name: file["sha256"] for name, file in files.items()},
    )
    around = CELLS * context_type(spec.label_channels).itemsize
    for name, each in ((TABLE, ROW.itemsize), (COVERAGE, CELLS), (CONTEXT, around)):
        if index.sizes[name] != index.segments * each:
            raise ValueError(f"{name}: {index.segments} segments do not have {index.sizes[name]} bytes")
    return index


def _natural(node: dict[str, Any], key: str, least: int, most: int) -> int:
    value = node[key]
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{key} is not a whole number from {least} to {most}")
    return value


def _is_colour(colour: tuple[Any, ...]) -> bool:
    return len(colour) == 3 and all(type(value) is int and 0 <= value <= 255 for value in colour)
