"""SinGAN's checkpoint file: the pyramid of scales as plain data, coarsest first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor

from asap_lightning import __version__
from asap_lightning.checkpoint import read_checkpoint
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write

ENTRY = "asap_lightning_singan"
FORMAT = 1


class Scale(TypedDict):
    """One scale of the pyramid.

    Attributes:
        arguments: of its `ScaleGenerator`.
        state_dict: of that generator.
        fixed_noise: the noise that reconstructs the image, (1, C, h, w).
        noise_amp: standard deviation of the noise at this scale.
        real: the image at this scale, (1, 3, h, w) in [-1, 1].
    """

    arguments: dict[str, Any]
    state_dict: dict[str, Tensor]
    fixed_noise: Tensor
    noise_amp: float
    real: Tensor


def write_pyramid(scales: Sequence[Scale], path: str | os.PathLike[str]) -> None:
    """Writes the scales atomically."""
    with atomic_write(path) as file:
        torch.save({ENTRY: {"format": FORMAT, "version": __version__, "scales": list(scales)}}, file)


def read_pyramid(path: str | os.PathLike[str]) -> list[Scale]:
    """The scales of a file that `write_pyramid` wrote.

    Raises:
        UserError: not such a file, damaged, of a newer format, or a scale that is not complete.
    """
    entry = read_checkpoint(path).get(ENTRY)
    if not isinstance(entry, dict) or not isinstance(entry.get("scales"), list):
        raise UserError(f"{path} is no checkpoint of SinGAN: it has no '{ENTRY}' entry with scales")
    if entry.get("format") != FORMAT:
        raise UserError(
            f"{path} is of SinGAN's checkpoint format {entry.get('format')}; this version reads {FORMAT}"
        )
    for number, scale in enumerate(entry["scales"]):
        missing = Scale.__required_keys__ - (scale.keys() if isinstance(scale, dict) else set())
        if missing:
            raise UserError(
                f"{path}: scale {number} lacks {', '.join(sorted(missing))}; the file is not complete"
            )
    scales: list[Scale] = entry["scales"]
    return scales
