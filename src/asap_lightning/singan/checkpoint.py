"""SinGAN's checkpoint file: the pyramid of scales as plain data, coarsest first.

The entry ``asap_lightning_singan`` stands alone in a converted file, and beside the trainer's state in the
checkpoints of a training run, which is how both are read in one way.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from asap_lightning import __version__
from asap_lightning.building import check, shown
from asap_lightning.checkpoint import read_checkpoint
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.models.described import sketch
from asap_lightning.run_folder.names import LAST
from asap_lightning.singan.networks import ScaleGenerator
from asap_lightning.singan.pyramid import factor_of

ENTRY = "asap_lightning_singan"
FORMAT = 2
TASKS = ("generate", "super_resolution", "animation")
MOST_SCALES, LARGEST_IMAGE = 64, 8_192
_LIMITS = {"width": 4_096, "min_width": 4_096, "layers": 64, "kernel": 15, "padding": 7, "channels": 3}


class Scale(TypedDict):
    """One scale of the pyramid.

    Attributes:
        arguments: of its `ScaleGenerator`.
        state_dict: of that generator.
        fixed_noise: the noise that reconstructs the image, as it enters the generator: padded, (1, 3,
            h + lost, w + lost) where ``lost`` is what the network's convolutions lose (10).
        noise_amp: standard deviation of the noise at this scale.
        real: the image at this scale, (1, 3, h, w) in [-1, 1].
    """

    arguments: dict[str, Any]
    state_dict: dict[str, Tensor]
    fixed_noise: Tensor
    noise_amp: float
    real: Tensor


@dataclass(frozen=True)
class Pyramid:
    """What was learned from one image.

    Attributes:
        scales: those that are finished, the coarsest first.
        factor: r < 1: level i is imresize(finest, r ** (count - 1 - i)).
        count: number of scales that the image has; there are fewer ``scales`` where training was stopped.
        task: what it was trained for: generate, super_resolution (reconstruction weighs more, and the factor
            is the enlargement's) or animation (noise instead of zeros in the padding).
    """

    scales: tuple[Scale, ...]
    factor: float
    count: int
    task: str = "generate"
    _built: dict[int, ScaleGenerator] = field(default_factory=dict, repr=False, compare=False)

    @property
    def finished(self) -> bool:
        return len(self.scales) == self.count

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of the image at every finished scale."""
        return [_size(scale) for scale in self.scales]

    def generator(self, index: int) -> ScaleGenerator:
        """The generator of a finished scale, with its weights, in evaluation mode; built once."""
        if index not in self._built:
            self._built[index] = generator_of(self.scales[index])
        return self._built[index]

    def as_dict(self) -> dict[str, Any]:
        """The entry that goes into a file."""
        return {
            "format": FORMAT,
            "version": __version__,
            "scales": [dict(scale) for scale in self.scales],
            "factor": self.factor,
            "count": self.count,
            "task": self.task,
        }


def generator_of(scale: Scale) -> ScaleGenerator:
    """A finished scale's generator with its weights, in evaluation mode and without gradients."""
    generator = ScaleGenerator(**scale["arguments"])
    generator.load_state_dict(scale["state_dict"])
    return generator.requires_grad_(False).eval()


def write_pyramid(pyramid: Pyramid, path: str | os.PathLike[str]) -> None:
    """Writes the pyramid atomically, as a file that holds nothing else."""
    with atomic_write(path) as file:
        torch.save({ENTRY: pyramid.as_dict()}, file)


def read_pyramid(path: str | os.PathLike[str]) -> Pyramid:
    """The pyramid in a file that `write_pyramid` or a training run wrote, checked throughout.

    Files of format 1 hold the scales alone: they count as finished, and the factor follows from the sizes.

    Raises:
        UserError: not such a file, damaged, of a newer format, or a scale that is not complete.
    """
    return pyramid_in(read_checkpoint(path), path)


def pyramid_in(checkpoint: Mapping[str, Any], source: str | os.PathLike[str]) -> Pyramid:
    """As `read_pyramid`, of a file that has been read."""
    entry = checkpoint.get(ENTRY)
    if not isinstance(entry, dict) or not isinstance(entry.get("scales"), list):
        raise UserError(
            f"{source} is no checkpoint of SinGAN: it has no '{ENTRY}' entry with scales; expected a file of "
            "'asap singan train' or of 'asap import convert --system singan'"
        )
    stored = entry.get("format")
    if type(stored) is not int or stored not in (1, FORMAT):
        raise UserError(
            f"{source} is of SinGAN's checkpoint format {shown(stored)}; this version reads 1 and {FORMAT}: "
            "upgrade asap-lightning"
        )
    scales = entry["scales"]
    if len(scales) > MOST_SCALES:
        raise UserError(f"{source} holds {len(scales)} scales; at most {MOST_SCALES} were expected")
    for number, scale in enumerate(scales):
        _check_scale(scale, f"{source}: scale {number}")
    sizes = [_size(scale) for scale in scales]
    if any(high[axis] < low[axis] for low, high in itertools.pairwise(sizes) for axis in (0, 1)):
        raise UserError(f"{source}: the scales do not grow; the coarsest was expected first")
    if stored == 1:
        return Pyramid(tuple(scales), _factor_of(sizes, source), len(scales))
    return _described(entry, tuple(scales), source)


def find(ckpt: str | os.PathLike[str]) -> Path:
    """The file that ``ckpt=`` means: a run's folder stands for its last checkpoint.

    Raises:
        UserError: there is none.
    """
    path = Path(ckpt)
    if path.is_dir():
        path = path / LAST
        if not path.is_file():
            raise UserError(
                f"{ckpt} holds no {LAST}; expected the folder of a run of 'asap singan train', or a file"
            )
    elif not path.is_file():
        raise UserError(f"there is no checkpoint {ckpt}; expected a run's folder, or a file")
    return path


def factor_of_sizes(scales: Sequence[Tensor], source: str | os.PathLike[str]) -> float:
    """The factor of a pyramid whose images are known, for files that do not state it.

    Raises:
        UserError: these are no images of one pyramid.
    """
    return _factor_of([(real.shape[-2], real.shape[-1]) for real in scales], source)


def _factor_of(sizes: list[tuple[int, int]], source: str | os.PathLike[str]) -> float:
    if not sizes:
        raise UserError(f"{source} holds no scale")
    try:
        return factor_of(sizes)
    except ValueError as error:
        raise UserError(f"{source} holds no pyramid of one image: {error}") from error


def _described(entry: Mapping[str, Any], scales: tuple[Scale, ...], source: Any) -> Pyramid:
    factor, count, task = entry.get("factor"), entry.get("count"), entry.get("task")
    if type(factor) is not float or not 0 < factor < 1:
        raise UserError(f"{source}: factor is {shown(factor)}; a number between 0 and 1 was expected")
    if type(count) is not int or not max(1, len(scales)) <= count <= MOST_SCALES:
        raise UserError(
            f"{source}: count is {shown(count)} with {len(scales)} scales; a number from "
            f"{max(1, len(scales))} to {MOST_SCALES} was expected"
        )
    if type(task) is not str or task not in TASKS:
        raise UserError(f"{source}: task is {shown(task)}; one of {', '.join(TASKS)} was expected")
    return Pyramid(scales, factor, count, task)


def _check_scale(scale: Any, place: str) -> None:
    missing = Scale.__required_keys__ - (scale.keys() if isinstance(scale, dict) else set())
    if missing:
        raise UserError(f"{place} lacks {', '.join(sorted(missing))}; the file is not complete")
    lost = _check_generator(scale, place)
    amplitude = scale["noise_amp"]
    if type(amplitude) not in (int, float) or not math.isfinite(amplitude) or amplitude < 0:
        raise UserError(f"{place}: noise_amp is {shown(amplitude)}; a number from 0 was expected")
    _check_image(scale["real"], f"{place}: real", (1, 3, None, None))
    height, width = _size(scale)
    _check_image(scale["fixed_noise"], f"{place}: fixed_noise", (1, 3, height + lost, width + lost))


def _check_generator(scale: Mapping[str, Any], place: str) -> int:
    """Compares arguments and weights before anything of their size is made; returns the network's loss."""
    arguments, state = scale["arguments"], scale["state_dict"]
    if type(arguments) is not dict or not isinstance(state, dict):
        raise UserError(f"{place}: arguments and state_dict are not two mappings; the file is damaged")
    node = {"_target_": "asap_lightning.singan.networks.ScaleGenerator", **arguments}
    check(node, "singan", f"{place}: arguments")
    for name, value in arguments.items():
        if not (value is None and name == "min_width") and (
            type(value) is not int or not 0 <= value <= _LIMITS.get(name, 0)
        ):
            raise UserError(f"{place}: arguments.{name} is {shown(value)}, which no generator here has")
    generator = sketch(node, "singan", f"{place}: arguments", len(state))
    if not isinstance(generator, ScaleGenerator) or arguments.get("channels", 3) != 3:
        raise UserError(f"{place}: arguments are not those of a generator of colour images")
    expected = generator.state_dict()
    if state.keys() != expected.keys():
        wrong = sorted(map(str, state.keys() ^ expected.keys()))[:3]
        raise UserError(f"{place}: state_dict does not fit the arguments: {', '.join(map(shown, wrong))}")
    for name, tensor in expected.items():
        found = state[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise UserError(
                f"{place}: {name} is {_what(found)}; {_what(tensor)} was expected: the file is damaged"
            )
        if not found.isfinite().all():
            raise UserError(f"{place}: {name} holds NaN or infinite values; the file is damaged")
    return generator.network.lost


def _check_image(found: Any, place: str, shape: tuple[int | None, ...]) -> None:
    fits = (
        isinstance(found, Tensor)
        and found.dtype == torch.float32
        and found.dim() == len(shape)
        and all(wanted in (None, side) for side, wanted in zip(found.shape, shape, strict=True))
        and all(0 < side <= LARGEST_IMAGE for side in found.shape)
    )
    if not fits:
        wanted = " x ".join("any" if side is None else str(side) for side in shape)
        raise UserError(
            f"{place} is {_what(found)}; float32 of {wanted} was expected, sides up to {LARGEST_IMAGE}"
        )
    if not found.isfinite().all():
        raise UserError(f"{place} holds NaN or infinite values; the file is damaged")


def _what(found: Any) -> str:
    if isinstance(found, Tensor):
        return (
            f"{str(found.dtype).removeprefix('torch.')} of {' x '.join(map(str, found.shape)) or 'one value'}"
        )
    return shown(found)


def _size(scale: Scale) -> tuple[int, int]:
    return scale["real"].shape[-2], scale["real"].shape[-1]
