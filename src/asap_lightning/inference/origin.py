"""What an image was made from, written into its file: so a repeated call knows which images are finished."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.inference.conditions import Job

KEY = "asap-lightning"
END = b"IEND\xaeB`\x82"
"""The last bytes of every whole PNG file."""


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

    def write(self, path: Path, image: NDArray[np.uint8], job: Job, origin: str) -> None:
        """Writes a PNG file that says what it was made from, atomically; ``origin`` is that of `origin`."""
        about = {"origin": origin, "checkpoint": self.checkpoint[:16], "file": job.source.name}
        text = PngInfo()
        text.add_text(KEY, json.dumps(about))
        with atomic_write(path) as file:
            Image.fromarray(image).save(file, format="PNG", pnginfo=text)

    def made(self, job: Job) -> bool | None:
        """Whether the image of a job is there: None if there is none, False if it is of another origin."""
        if not job.target.is_file():
            return None
        return origin_of(job.target) == self.origin(job)


def origin_of(path: Path) -> str | None:
    """What `Recipe.write` has written into a file; None for other files and for one that was cut off."""
    try:
        with path.open("rb") as file:
            file.seek(-len(END), os.SEEK_END)
            if file.read() != END:
                return None
        # reads the texts before the pixels, and no pixels
        with Image.open(path, formats=("PNG",)) as image:
            return json.loads(image.info[KEY])["origin"]
    except Exception:  # whatever a stranger's file makes of Pillow: it is not ours
        return None


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
