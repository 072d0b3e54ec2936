"""Paired resizing and augmentation: one draw for condition, instance map and photo.

The only module that knows albumentations. Resizing is our own (`resizing`): OpenCV's bicubic is not
antialiased and its nearest neighbour is shifted by half a pixel, so both would differ from the
authors' programs.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from asap_lightning.data import resizing
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError

Mode = Literal[
    "fixed",
    "resize_and_crop",
    "crop",
    "scale_width",
    "scale_width_and_crop",
    "scale_shortside",
    "scale_shortside_and_crop",
    "none",
]
MODES: tuple[str, ...] = get_args(Mode)
EVALUATION_MODES = tuple(mode for mode in MODES if "crop" not in mode)
OddSize = Literal["pad", "resize"]

JITTER = 286 / 256
"""Load size over crop size in pix2pix: resize to 286, crop 256."""

_TARGETS = {
    "photo": "image",
    "label": "mask",
    "instance": "mask",
    "image": "image",
    "depth": "mask",
    "canvas": "mask",  # its pieces come from other photos: a photometric change is not theirs
}


@dataclass(frozen=True)
class Geometry:
    """Sizes of a paired transform.

    Attributes:
        mode: what is done before the flip, named as in the authors' programs.

            - ``fixed``: resize to height x width.
            - ``resize_and_crop``: resize to the load size, then crop height x width (pix2pix jitter).
            - ``crop``: crop height x width out of the picture as it is.
            - ``scale_width``: resize to the load width, keeping the aspect ratio.
            - ``scale_shortside``: resize so that the shorter side is the smaller load size.
            - ``scale_width_and_crop``, ``scale_shortside_and_crop``: the same, then crop.
            - ``none``: keep the size.
        height: rows after the transform, where the mode fixes them.
        width: columns after the transform.
        load_height: rows before the crop; by default, 286/256 of the height for ``resize_and_crop`` and
            the height itself for the other modes.
        load_width: the same for columns.
    """

    mode: Mode
    height: int
    width: int
    load_height: int | None = None
    load_width: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"data.mode={self.mode}: one of {', '.join(MODES)} was expected")
        for name in ("height", "width", "load_height", "load_width"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"data.{name}={value}: a positive number of pixels was expected")
        if self.mode == "resize_and_crop" and (self.load[0] < self.height or self.load[1] < self.width):
            raise UserError(
                f"data.load_height x data.load_width = {self.load[0]} x {self.load[1]} is smaller than the "
                "crop "
                f"data.height x data.width = {self.height} x {self.width}"
            )

    @property
    def crops(self) -> bool:
        """Whether the mode ends with a crop of height x width."""
        return "crop" in self.mode

    @property
    def fixes_size(self) -> bool:
        """Whether all pictures get one size."""
        return self.crops or self.mode == "fixed"

    @property
    def load(self) -> tuple[int, int]:
        """Height and width before the crop."""
        factor = JITTER if self.mode == "resize_and_crop" else 1.0
        return (
            self.load_height or round(self.height * factor),
            self.load_width or round(self.width * factor),
        )

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The size that a picture of this size is resized to, before a crop."""
        if self.mode == "fixed":
            return self.height, self.width
        if self.mode == "resize_and_crop":
            return self.load
        if self.mode.startswith("scale_width"):
            return max(1, round(height * self.load[1] / width)), self.load[1]
        if self.mode.startswith("scale_shortside"):
            short = min(self.load)
            if height < width:
                return short, max(1, round(width * short / height))
            return max(1, round(height * short / width)), short
        return height, width


class PairedTransform:
    """Resizes, crops and flips every array of a sample in the same way.

    Args:
        geometry: sizes and mode.
        flip: whether half of the samples are mirrored left to right.
        size_multiple: height and width of the result are multiples of this.
        minimum_size: and at least this.
        odd_size: what to do where they would not be: ``pad`` repeats the last row and column (the
            real size is kept in ``Sample.valid``), ``resize`` resizes to the nearest multiple.
        extra: further albumentations transforms, applied after crop and flip; photometric ones
            change photo and condition image alike, and no canvas.

    Calling it with the same sample and seed gives the same result, whatever was called before and
    in whichever process.
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        flip: bool = False,
        size_multiple: int = 1,
        minimum_size: int = 0,
        odd_size: OddSize = "pad",
        extra: Sequence[Any] = (),
    ) -> None:
        if odd_size not in ("pad", "resize"):
            raise UserError(f"data.odd_size={odd_size}: 'pad' or 'resize' was expected")
        self.geometry, self.flip, self.size_multiple = geometry, flip, size_multiple
        self.minimum_size = minimum_size
        self.odd_size, self.extra = odd_size, tuple(extra)
        if geometry.crops or flip or extra:
            import_albumentations()  # here, not first in a forked worker: W&B's import hooks refuse that
        self._compose: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the built albumentations pipeline: a worker builds its own."""
        return {**self.__dict__, "_compose": None}

    def __call__(self, sample: Sample, seed: int | Sequence[int] = 0) -> Sample:
        """The transformed sample; ``seed`` decides crop, flip and the extra transforms."""
        height, width = self.geometry.resized(*sample.size)
        if self.odd_size == "resize" and not self.geometry.crops:
            height, width = (
                nearest_multiple(side, self.size_multiple, self.minimum_size) for side in (height, width)
            )
        sample = sample.map(lambda name, array: resizing.resize(name, array, height, width))
        if self.geometry.crops or self.flip or self.extra:
            sample = self._augment(sample, seed)
        return pad_to_multiple(sample, self.size_multiple, self.minimum_size)

    def _augment(self, sample: Sample, seed: int | Sequence[int]) -> Sample:
        if self.geometry.crops:
            self._require_room(sample)
        if self._compose is None:
            self._compose = self._build()
        words = np.random.SeedSequence(seed).generate_state(4)
        self._compose.set_random_state(
            np.random.default_rng(words.tolist()), random.Random(int(words[0]) << 32 | int(words[1]))
        )
        arrays = {name: np.ascontiguousarray(array) for name, array in sample.arrays.items()}
        shape_only = np.broadcast_to(np.uint8(0), (*sample.size, 3))
        mask = _mask_targets(arrays)
        result = self._compose(image=arrays.get("photo", shape_only), **mask)
        return replace(sample, **{n: result["image" if n == "photo" else f"{n}_"] for n in arrays})

    def _require_room(self, sample: Sample) -> None:
        height, width = sample.size
        if height < self.geometry.height or width < self.geometry.width:
            files = ", ".join(str(path) for path in sample.paths.values())
            raise UserError(
                f"{files}: {width} x {height} (width x height) after data.mode={self.geometry.mode} resized "
                "it, smaller "
                f"than the crop of {self.geometry.width} x {self.geometry.height} (data.width x "
                "data.height). "
                "Use data.mode=resize_and_crop or fixed, a greater load size, or a smaller crop"
            )

    def _build(self) -> Any:
        albumentations = import_albumentations()
        steps: list[Any] = []
        if self.geometry.crops:
            steps.append(albumentations.RandomCrop(self.geometry.height, self.geometry.width))
        if self.flip:
            steps.append(albumentations.HorizontalFlip(p=0.5))
        targets = {f"{name}_": target for name, target in _TARGETS.items() if name != "photo"}
        return albumentations.Compose([*steps, *self.extra], additional_targets=targets)


def _mask_targets(arrays: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_": array for name, array in arrays.items() if name != "photo"}


def pad_to_multiple(sample: Sample, multiple: int, minimum: int = 0) -> Sample:
    """Pads below and to the right by repetition; ``valid`` records the size of the real content."""
    height, width = sample.size
    padded = tuple(-(-max(side, minimum) // multiple) * multiple for side in (height, width))
    if padded != (height, width):
        sample = sample.map(lambda _, array: resizing.pad(array, *padded))
    return replace(sample, valid=(height, width))


def nearest_multiple(side: int, multiple: int, minimum: int = 0) -> int:
    """The multiple nearest to ``side`` that is at least one and no smaller than ``minimum``."""
    return max(1, round(side / multiple), -(-minimum // multiple)) * multiple


def import_albumentations() -> Any:
    """albumentations, without its look-up of newer versions on the network; OpenCV single-threaded.

    Parallelism comes from loader workers; threads inside them would fight over the same cores.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    return albumentations
