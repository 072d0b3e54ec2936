"""What an image was made from, written into its file: so a repeated call knows which images are finished."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
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
"""Under this name a file says what it was made from."""
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

    @property
    def digest(self) -> str:
        """Of the recipe alone."""
        return hashlib.sha256(self._prefix).hexdigest()[:32]

    def origin(self, job: Job) -> str:
        """A digest of recipe, condition file and instance map, by content."""
        files = [job.source] if job.instance is None else [job.source, job.instance]
        return self.origin_of_digests([digest(file) for file in files])

    def origin_of_digests(self, digests: Sequence[str]) -> str:
        """As `origin`, for files whose digests are known."""
        return hashlib.sha256(b"\n".join([self._prefix, *map(str.encode, digests)])).hexdigest()[:32]

    def write(self, path: Path, image: NDArray[np.uint8] | WritesItself, job: Job, origin: str) -> None:
        """Writes a file that says what it was made from, atomically; ``origin`` is that of `origin`.

        An array becomes a PNG file.
        """
        if not isinstance(image, np.ndarray):
            image.write(path, about(job.source.name, origin, self.checkpoint))
            return
        with atomic_write(path) as file:
            file.write(png(image, job.source.name, origin, self.checkpoint))

    def made(self, job: Job) -> bool | None:
        """Whether the image of a job is there: None if there is none, False if it is of another origin."""
        if not job.target.exists():
            return None
        return origin_of(job.target) == self.origin(job)


def png(image: NDArray[np.uint8], source: str, origin: str, checkpoint: str) -> bytes:
    """A PNG file that says what it was made from.

    Args:
        image: (H, W, 3).
        source: of the condition; its last part is noted.
        origin: see `Recipe.origin`.
        checkpoint: its digest.
    """
    text = PngInfo()
    text.add_text(KEY, about(source, origin, checkpoint))
    file = BytesIO()
    Image.fromarray(image).save(file, format="PNG", pnginfo=text)
    return file.getvalue()


def about(source: str, origin: str, checkpoint: str) -> str:
    """What is written into a file, as JSON; see `png` for the arguments."""
    return json.dumps({"origin": origin, "checkpoint": checkpoint[:16], "file": source.rpartition("/")[2]})


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
