"""Pictures that another program made of a data set's conditions, measured in place of a generator's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.data.batch import Batch, to_signed
from asap_lightning.data.finding import image_files
from asap_lightning.errors import UserError
from asap_lightning.evaluation.folders import PictureFolder, open_folder
from asap_lightning.run_folder.names import CHECKPOINTS
from asap_lightning.wording import counted, listed

ENDINGS = ("", "_fake_B", "_synthesized_image", "_fake", "_generated")
"""What programs append to the name of a pair: pix2pix, pix2pixHD and others."""


def is_picture_folder(path: Path) -> bool:
    """Whether a path is a folder of pictures, and not that of a run, whose samples are pictures too."""
    return path.is_dir() and not (path / CHECKPOINTS).exists() and bool(image_files(path))


class GivenPictures:
    """For each pair of a data set the picture that a folder holds of it.

    A picture belongs to the pair of its name: the path below the folder, or its last part alone, without
    suffix and without one of `ENDINGS`, the same for all.

    Args:
        path: the folder.
        names: of the pairs.
        device: where the pictures go.

    Raises:
        UserError: a pair without a picture, or with several.
    """

    def __init__(self, path: Path, names: Sequence[str], device: torch.device | str = "cpu") -> None:
        self.folder = open_folder(path, "models")
        self.device = device
        self._keys = _matched(self.folder, names)

    def of(self, batch: Batch) -> Tensor:
        """The pictures of a batch's pairs, (B, 3, H, W) in [-1, 1].

        Raises:
            UserError: a picture of another size than its photo.
        """
        height, width = batch.condition.height, batch.condition.width
        pixels = torch.zeros(len(batch), height, width, 3, dtype=torch.uint8)
        for index, (name, valid) in enumerate(zip(batch.names, batch.valid, strict=True)):
            picture = self.folder.read(self._keys[name])
            if picture.shape[:2] != tuple(valid):
                raise UserError(
                    f"{self.folder.files[self._keys[name]]} is {picture.shape[1]} x {picture.shape[0]}, and "
                    f"the photo of '{name}' is measured at {valid[1]} x {valid[0]} (width x height): measure "
                    "at the pictures' size, data.height=H data.width=W, or write them in that size"
                )
            pixels[index, : valid[0], : valid[1]] = torch.from_numpy(np.array(picture))
        return to_signed(pixels).to(self.device)


Source = Callable[[Condition], Tensor] | GivenPictures
"""What makes images: a translation of conditions, or the pictures of a folder."""


def images_from(source: Source, batch: Batch) -> Tensor:
    """The images of a batch's pairs, (B, 3, H, W) in [-1, 1]."""
    return source.of(batch) if isinstance(source, GivenPictures) else source(batch.condition)


def _matched(folder: PictureFolder, names: Sequence[str]) -> dict[str, str]:
    """Name of a pair -> key of its picture."""
    last: dict[str, list[str]] = {}
    for key in folder.files:
        last.setdefault(key.rpartition("/")[2], []).append(key)
    best: list[str] = list(names)
    for ending in ENDINGS:
        found = {name: _keys(folder, last, name + ending) for name in names}
        missing = [name for name, keys in found.items() if not keys]
        several = [name for name, keys in found.items() if len(keys) > 1]
        if not missing and several:
            raise UserError(
                f"{folder.path}: {counted(len(several), 'pair')} with several pictures: '{several[0]}' may "
                f"be {listed(found[several[0]])}"
            )
        if not missing:
            return {name: keys[0] for name, keys in found.items()}
        best = min(best, missing, key=len)
    raise UserError(
        f"{folder.path} holds {counted(len(folder.files), 'picture')}, and none of {len(best)} of the "
        f"{counted(len(names), 'pair')} of the split: {listed(best, 3)}; a picture is called like its pair, "
        f"with or without {', '.join(ending for ending in ENDINGS if ending)}"
    )


def _keys(folder: PictureFolder, last: dict[str, list[str]], name: str) -> list[str]:
    return [name] if name in folder.files else last.get(name.rpartition("/")[2], [])
