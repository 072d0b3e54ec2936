"""What an image was made from, written into its file: so a repeated call knows which images are finished."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from asap_lightning.data.formats import TIFF_SIGNATURES, open_tiff
from asap_lightning.data.strips import is_zarr, read_described
from asap_lightning.data.strips.png_chunks import read_header
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.inference.conditions import Job

KEY = "asap-lightning"
END = b"IEND\xaeB`\x82"
"""The last bytes of every whole PNG file."""


_DESCRIPTION = 270  # TIFF's ImageDescription


class WritesItself(Protocol):
    """An image that is made while it is written."""

    def write(self, path: Path, about: str) -> None:
        """Writes a file that holds ``about``, atomically."""


class Recipe:
    """What decides an image beside its condition file: the checkpoint and the options.

    Args:
        checkpoint: the file; its content counts, not its name.
        options: everything else that changes images, as plain containers.
    """

    def __init__(self, checkpoint: Path, options: Mapping[str, Any]) -> None:
        self.checkpoint = digest(checkpoint)
        text = json.dumps([self.checkpoint, options], sort_keys=True, default=str)
        self._prefix = text.encode()

    def origin(self, job: Job) -> str:
        """A digest of recipe, condition file and instance map, by content."""
        parts = [self._prefix, digest(job.source).encode()]
        if job.instance is not None:
            parts.append(digest(job.instance).encode())
        return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]

    def write(self, path: Path, image: NDArray[np.uint8] | WritesItself, job: Job, origin: str) -> None:
        """Writes a file that says what it was made from, atomically; ``origin`` is that of `origin`.

        An array becomes a PNG file.
        """
        about = json.dumps({"origin": origin, "checkpoint": self.checkpoint[:16], "file": job.source.name})
        if not isinstance(image, np.ndarray):
            image.write(path, about)
            return
        text = PngInfo()
        text.add_text(KEY, about)
        with atomic_write(path) as file:
            Image.fromarray(image).save(file, format="PNG", pnginfo=text)

    def made(self, job: Job) -> bool | None:
        """Whether the image of a job is there: None if there is none, False if it is of another origin."""
        if not job.target.exists():
            return None
        return origin_of(job.target) == self.origin(job)


def origin_of(path: Path) -> str | None:
    """What `Recipe.write` has written into a file; None for other files and for one that was cut off."""
    try:
        if is_zarr(path):
            return json.loads(json.loads(read_described(path))["attributes"][KEY])["origin"]
        with path.open("rb") as file:
            beginning = file.read(4)
            if beginning in TIFF_SIGNATURES:
                with open_tiff(path) as image:
                    return json.loads(image.tag_v2[_DESCRIPTION])["origin"]
            file.seek(-len(END), os.SEEK_END)
            if file.read() != END:
                return None
            file.seek(0)
            return json.loads(read_header(file).texts[KEY])["origin"]
    except Exception:  # whatever a stranger's file makes of a reader: it is not ours
        return None


def digest(path: Path) -> str:
    """SHA-256 of a file's content; of a folder (a zarr array), of its files' names and contents."""
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            text = "\n".join(f"{file.relative_to(path).as_posix()} {sha256_of(file)}" for file in files)
            return hashlib.sha256(text.encode()).hexdigest()
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
