"""`Translator`: load once, call many times."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import NO_CANVAS, Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference.checks import check_instance_size
from asap_lightning.inference.devices import choose_device
from asap_lightning.inference.encoding import (
    Composer,
    empty,
    of_array,
    of_guide,
    of_guide_condition,
    of_tensors,
    with_canvas,
)
from asap_lightning.inference.loading import WeightChoice, load_generator
from asap_lightning.inference.padding import pad_condition
from asap_lightning.inference.rendering import goes_by_strips, held_bytes, rendered
from asap_lightning.inference.rows import ExtendedRows
from asap_lightning.inference.seeding import seeded
from asap_lightning.inference.sources import find_model
from asap_lightning.models import AsapGenerator, Generator

if TYPE_CHECKING:
    from asap_lightning.inference.conditions import ImageReader

File: TypeAlias = Image.Image | str | os.PathLike[str]
MOST_AT_ONCE = 8
"""Conditions of one size that a list of them is translated by at a time."""


class Translator:
    """Owns a generator, its condition encoding and its device; translates images of any size.

    Threads may call one translator at once.

    Args:
        checkpoint: a file that training, an export or an import wrote; see `load` for other places.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        weights: ``auto``, ``ema`` or ``raw``, see `load_generator`.
        prepare: whether ASAP-Net's weights are prepared for inference at the first call, which makes every
            call several times faster and takes up to 0.6 GB for the paper's model; the images differ by
            float32 rounding. None: on a CPU, and where a ``dtype`` is given.
        dtype: what networks compute in: None is float32, but float16 for ASAP-Net prepared on a GPU (under
            CUDA graphs). Another one, ``float16`` or ``bfloat16``, is for GPUs; images and files stay 8 bits.

    Raises:
        UserError: see `load_generator` and `choose_device`; a dtype that is not for the device.

    Attributes:
        checkpoint: the file, and ``weights`` the choice; None for a generator from memory.
        description: what the file says of the model and its training; None for a generator from memory.
        composer: lays pieces of a memory bank on a canvas, for generators that complete one (SIMS), see
            `require_canvases`; None at first. Every call without a canvas of its own asks it.

    Example:
        >>> translator = Translator.load("facades")  # the model that comes with the package  # doctest: +SKIP
        >>> image = translator(label_map)  # (H, W) ids -> (H, W, 3) uint8  # doctest: +SKIP
    """

    _autocast: torch.dtype | None

    def __init__(
        self,
        checkpoint: str | os.PathLike[str],
        *,
        device: str = "auto",
        weights: WeightChoice = "auto",
        prepare: bool | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        chosen = choose_device(device)
        if dtype not in (None, torch.float32) and chosen.type != "cuda":
            raise UserError(f"dtype={dtype} is for CUDA GPUs; on {chosen} networks compute in float32")
        generator, description = load_generator(checkpoint, weights)
        self._adopt(generator, chosen)
        wanted = chosen.type == "cpu" or dtype is not None if prepare is None else prepare
        if isinstance(generator, AsapGenerator):
            if wanted:
                generator.prepare_for_inference(dtype=dtype)
        elif dtype not in (None, torch.float32):
            self._autocast = dtype
        self.description: ModelDescription | None = description
        self.checkpoint: Path | None = Path(checkpoint)
        self.weights: WeightChoice | None = weights

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str],
        *,
        device: str = "auto",
        weights: WeightChoice = "auto",
        prepare: bool | None = None,
        dtype: torch.dtype | None = None,
    ) -> Translator:
        """A translator of whatever names a model: see `find_model` for ``source``, the class for the rest.

        Raises:
            UserError: nothing there, not reachable, or no model.
        """
        return cls(find_model(source), device=device, weights=weights, prepare=prepare, dtype=dtype)

    @classmethod
    def from_generator(cls, generator: Generator, *, device: str = "auto") -> Translator:
        """Wraps a generator that is already in memory."""
        translator = cls.__new__(cls)
        translator._adopt(generator.eval(), choose_device(device))
        translator.description = translator.checkpoint = translator.weights = None
        return translator

    def _adopt(self, generator: Generator, device: torch.device) -> None:
        self.device = device
        self.generator = generator.to(device)
        self._autocast = None
        self._reader: ImageReader | None = None
        self.composer: Composer | None = None

    @property
    def spec(self) -> ConditionSpec:
        """The kind of condition the model translates."""
        return self.generator.spec

    @property
    def layout(self) -> Any:
        """``data.layout`` of the training: how its conditions were read; None if it is not known."""
        return self.description.data.get("layout") if self.description is not None else None

    @overload
    def __call__(
        self,
        condition: NDArray,
        instance: NDArray | None = ...,
        *,
        guide: NDArray | None = ...,
        guide_condition: NDArray | File | None = ...,
        canvas: NDArray | None = ...,
        seed: int = ...,
    ) -> NDArray[np.uint8]: ...
    @overload
    def __call__(
        self,
        condition: File,
        instance: NDArray | None = ...,
        *,
        guide: NDArray | None = ...,
        guide_condition: NDArray | File | None = ...,
        canvas: NDArray | None = ...,
        seed: int = ...,
    ) -> Image.Image: ...
    @overload
    def __call__(
        self,
        condition: Tensor,
        instance: Tensor | None = ...,
        *,
        guide: NDArray | None = ...,
        guide_condition: NDArray | File | None = ...,
        canvas: NDArray | None = ...,
        seed: int = ...,
    ) -> Tensor: ...

    def __call__(
        self,
        condition: object,
        instance: Any = None,
        *,
        guide: NDArray | None = None,
        guide_condition: object = None,
        canvas: NDArray | None = None,
        seed: int = 0,
    ) -> object:
        """Translates one condition, or a batch of tensors.

        Args:
            condition: as an array: (H, W) class ids, for unknown the last id or (where that is no class) 255,
                if the model knows it; or (H, W, C) image, uint8 or floats in [-1, 1]; or (H, W) depth, floats
                in [-1, 1]. As a picture or a file: as the training read its own, ids or colours of classes
                alike. As a tensor: ids (B, H, W), or (B, C, H, W) in [-1, 1].
            instance: (H, W) instance ids, or (B, H, W), for models that use their edges.
            guide: (H, W, 3) uint8 photo of any size, whose style a model with an encoder takes.
            guide_condition: the guide's own condition, for a model that matches both (CoCosNet): an array, a
                picture or a file, as a single condition is given, of any size.
            canvas: (H, W, 4) uint8, pieces of photos laid out as the condition says, then 255 where there is
                one, for a model that completes it; None asks `composer`.
            seed: decides what the model draws: its style without a guide, dropout noise.

        Returns:
            (H, W, 3) uint8 for an array, a picture for a picture or a file, (B, 3, H, W) in [-1, 1] on the
            model's device for tensors.

        Raises:
            UserError: ids outside the classes, wrong shape or dtype, missing instance map, a guide for a
                model without an encoder, a canvas for a model that takes none or none for one that does, a
                file that cannot be read.
        """
        if isinstance(condition, Tensor):
            made = self._completed(of_tensors(condition, instance, self.spec), canvas).to(self.device)
        else:
            given = self.read(condition)
            if guide is None and canvas is None and self._goes_by_strips(given):
                image = self._by_strips(given, None if instance is None else np.asarray(instance))
                return image if isinstance(condition, np.ndarray) else Image.fromarray(image)
            made = self.to_condition(given, instance, canvas)
        if guide is not None:
            self._require_encoder()
            made.guide = of_guide(guide, made).to(self.device)
        if guide_condition is not None:
            self._require_matching()
            own = of_guide_condition(self.read(guide_condition), made, self.spec)
            made.guide_condition = own.to(self.device)
        made_image = self.translate(made, seed=seed)
        if isinstance(condition, Tensor):
            return made_image
        array = to_array(made_image[0])
        return array if isinstance(condition, np.ndarray) else Image.fromarray(array)

    def batch(self, conditions: Sequence[NDArray | File], *, seed: int = 0) -> list[NDArray[np.uint8]]:
        """Translates several conditions as calls would; of one size at once where that only rounds otherwise.

        Args:
            conditions: of any sizes, as a call takes them; not for models with instance edges.
            seed: see the call.

        Returns:
            (H, W, 3) uint8 for each, in their order.

        Raises:
            UserError: as a call does, for the first that is wrong; nothing is translated then.
        """
        arrays = [self.read(condition) for condition in conditions]
        if any(self._goes_by_strips(array) for array in arrays):
            return [self(array, seed=seed) for array in arrays]
        made = [self.to_condition(array) for array in arrays]
        alike: dict[tuple[int, int], list[int]] = {}
        for index, one in enumerate(made):
            alike.setdefault((one.height, one.width), []).append(index)
        images: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)] * len(made)
        most = MOST_AT_ONCE if self.generator.independent else 1
        for indices in alike.values():
            for start in range(0, len(indices), most):
                some = indices[start : start + most]
                together = to_uint8(self.translate(Condition.joined([made[i] for i in some]), seed=seed))
                for index, image in zip(some, together.permute(0, 2, 3, 1).cpu().numpy(), strict=True):
                    images[index] = image
        return images

    def warmup(self, height: int, width: int) -> None:
        """Translates an empty condition of a size, so that the first real one finds everything prepared.

        Prepared weights, chosen kernels and CUDA graphs are made at the first call of a size; a service calls
        this before it says that it is ready.
        """
        network = self.generator
        self.translate(
            empty(self.spec, height, width, guide=network.needs_guide, canvas=network.takes_canvas)
        )

    def _goes_by_strips(self, array: NDArray) -> bool:
        return array.ndim > 1 and goes_by_strips(self.generator, *array.shape[:2])

    def _by_strips(self, array: NDArray, instance: NDArray | None) -> NDArray[np.uint8]:
        """As a call: the features of a large image at once would take many times what the image does."""
        assert isinstance(self.generator, AsapGenerator)
        height, width = array.shape[:2]
        if instance is not None:
            check_instance_size(instance, (height, width))
        rows = ExtendedRows(
            (height, width),
            lambda top, bottom: array[top:bottom],
            self.to_condition,
            self.generator,
            None if instance is None else lambda top, bottom: instance[top:bottom],
        )
        image = np.empty((height, width, 3), np.uint8)
        top = 0
        for strip in rendered(self.generator, rows, (height, width), memory=held_bytes(height, width)):
            image[top : top + len(strip)] = strip
            top += len(strip)
        return image

    def to_condition(
        self, condition: NDArray, instance: NDArray | None = None, canvas: NDArray | None = None
    ) -> Condition:
        """One NumPy condition as a batch of one on the model's device; validated."""
        made = of_array(np.asarray(condition), instance, self.spec)
        return self._completed(made, canvas).to(self.device)

    def require_canvases(self) -> None:
        """A `UserError` before work begins, if the model completes a canvas and no composer makes any."""
        if self.generator.takes_canvas and self.composer is None:
            raise UserError(NO_CANVAS)

    def _completed(self, condition: Condition, canvas: NDArray | None) -> Condition:
        """With the canvas that is given, or that the composer makes, if the model takes one."""
        if not self.generator.takes_canvas:
            if canvas is not None:
                name = type(self.generator).__name__
                raise UserError(f"this model ({name}) completes no canvas: leave canvas out")
            return condition
        return with_canvas(condition, canvas, self.composer)

    def read(self, condition: object) -> NDArray:
        """A condition of any kind as an array; pictures and files are read as the training read its own."""
        if isinstance(condition, np.ndarray):
            return condition
        if not isinstance(condition, Image.Image | str | os.PathLike):
            found = type(condition).__name__
            raise UserError(
                f"a condition is an array, a tensor, a picture or the path of a file, got {found}"
            )
        if self._reader is None:
            from asap_lightning.inference.conditions import image_reader

            self._reader = image_reader(self.spec, self.layout, place=str(self.checkpoint))
        return self._reader(condition)

    def _require_encoder(self) -> None:
        if not self.generator.takes_guide:
            raise UserError(
                f"this model ({type(self.generator).__name__}) has no style encoder, so it cannot take the "
                "style of an image; use a model trained with one (generator=spade_vae, pix2pixhd_features)"
            )

    def _require_matching(self) -> None:
        if not self.generator.takes_guide_condition:
            raise UserError(
                f"this model ({type(self.generator).__name__}) does not match a guide with the condition, so "
                "it cannot take the guide's own condition; use a model that does (generator=cocosnet), or "
                "leave it out"
            )

    def _require_exemplar(self, condition: Condition) -> None:
        """A `UserError` where a model that matches an exemplar is given none, or not its own condition."""
        if not self.generator.takes_guide_condition:
            return
        name = type(self.generator).__name__
        if condition.guide is None:
            raise UserError(
                f"this model ({name}) translates in the style of an exemplar, and none was given: "
                "style.image=IMAGE style.label=FILE for files, guide= and guide_condition= in a call, "
                "data.exemplar=random where pairs are measured"
            )
        if condition.guide_condition is None:
            raise UserError(
                f"this model ({name}) matches the exemplar by its own {self.spec.kind}, which was not "
                "given: style.label=FILE for files, guide_condition= in a call; the page of asap serve "
                "cannot give one"
            )

    @torch.inference_mode()
    def translate(self, condition: Condition, *, seed: int = 0) -> Tensor:
        """Translates a batch of any size: (B, 3, H, W) in [-1, 1].

        Where the generator needs a multiple, the condition is extended by repeating its lower and right
        border, and the image is cut back. What the model draws at random (a style, dropout noise) follows
        from the seed; the global random state stays as it was.
        """
        self._require_exemplar(condition)
        height, width = condition.height, condition.width
        padded = pad_condition(condition, self.generator.size_multiple, self.generator.minimum_size)
        try:
            self.generator.check_size(padded.height, padded.width)
        except ValueError as error:
            raise UserError(f"a condition of {height} x {width} (height x width): {error}") from error
        padded = padded.to(self.device)
        if self.generator.style_channels == 1 and padded.style is None:  # a number that chooses an image
            padded.style = torch.full((padded.batch_size, 1), float(seed), device=self.device)
        cast = torch.autocast(self.device.type, self._autocast) if self._autocast else nullcontext()
        with seeded(seed, self.device) if self.generator.draws else nullcontext(), cast:
            return self.generator(padded).image[..., :height, :width]


def to_array(image: Tensor) -> NDArray[np.uint8]:
    """An image (3, H, W) in [-1, 1] as a picture (H, W, 3)."""
    return to_uint8(image).permute(1, 2, 0).cpu().numpy()


def to_uint8(image: Tensor) -> Tensor:
    """[-1, 1] -> uint8, rounded to nearest."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
