"""`Translator`: load once, call many times."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference.checks import check_guide, check_instance_size, class_ids, instance_ids, picture
from asap_lightning.inference.large.rendering import goes_by_strips, held_bytes, rendered
from asap_lightning.inference.large.rows import ExtendedRows
from asap_lightning.inference.loading import WeightChoice, load_generator
from asap_lightning.inference.seeding import seeded
from asap_lightning.models import AsapGenerator, Generator
from asap_lightning.models.generator import extended


def choose_device(name: str = "auto") -> torch.device:
    """``auto``: a GPU if there is one, else the CPU.

    Raises:
        UserError: the device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device={name} is not a device; use auto, cpu, cuda, cuda:1, mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={name}, but torch sees no CUDA GPU here; use device=cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device={name}, but there are {torch.cuda.device_count()} GPUs here, from cuda:0 on")
    if device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"device={name} is not a device that computes here; use auto, cpu, cuda, cuda:1, mps")
    return device


class Translator:
    """Owns a generator, its condition encoding and its device; translates images of any size.

    Args:
        checkpoint: a file that training or an import wrote.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        weights: ``auto``, ``ema`` or ``raw``, see `load_generator`.
        prepare: whether ASAP-Net's weights are prepared for inference at the first call, which makes every
            call several times faster and takes up to 0.6 GB for the paper's model; the images differ by
            float32 rounding. None: on a CPU. On a GPU it computes in float16 under CUDA graphs.

    Attributes:
        checkpoint: the file, and ``weights`` the choice; None for a generator from memory.
        description: what the file says of the model and its training; None for a generator from memory.

    Example:
        >>> translator = Translator("runs/demo/2026-01-01/checkpoints/best.ckpt")  # doctest: +SKIP
        >>> image = translator(label_map)  # (H, W) ids -> (H, W, 3) uint8  # doctest: +SKIP
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike[str],
        *,
        device: str = "auto",
        weights: WeightChoice = "auto",
        prepare: bool | None = None,
    ) -> None:
        generator, description = load_generator(checkpoint, weights)
        self._adopt(generator, choose_device(device))
        wanted = self.device.type == "cpu" if prepare is None else prepare
        if wanted and isinstance(generator, AsapGenerator):
            generator.prepare_for_inference()
        self.description: ModelDescription | None = description
        self.checkpoint: Path | None = Path(checkpoint)
        self.weights: WeightChoice | None = weights

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

    @property
    def spec(self) -> ConditionSpec:
        """The kind of condition the model translates."""
        return self.generator.spec

    def __call__(
        self,
        condition: np.ndarray,
        instance: np.ndarray | None = None,
        *,
        guide: np.ndarray | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Translates one condition.

        Args:
            condition: (H, W) class ids, for unknown the last id or (where that is no class) 255, if the model
                knows it; or (H, W, C) image, uint8 or floats in [-1, 1]; or (H, W) depth, floats in [-1, 1].
            instance: (H, W) instance ids, for models that use their edges.
            guide: (H, W, 3) uint8 photo of any size, whose style a model with an encoder takes.
            seed: decides what the model draws: its style without a guide, dropout noise.

        Returns:
            (H, W, 3) uint8.

        Raises:
            UserError: ids outside the classes, wrong shape or dtype, missing instance map, a guide for a
                model without an encoder.
        """
        array = np.asarray(condition)
        if guide is None and array.ndim > 1 and goes_by_strips(self.generator, *array.shape[:2]):
            return self._by_strips(array, None if instance is None else np.asarray(instance))
        made = self.to_condition(array, instance)
        if guide is not None:
            made.guide = self._guide(guide, made.height, made.width)
        image = self.translate(made, seed=seed)[0]
        return to_uint8(image).permute(1, 2, 0).cpu().numpy()

    def _by_strips(self, array: np.ndarray, instance: np.ndarray | None) -> np.ndarray:
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

    def to_condition(self, condition: np.ndarray, instance: np.ndarray | None = None) -> Condition:
        """One NumPy condition as a batch of one on the model's device; validated."""
        array = np.asarray(condition)
        if self.spec.kind == "label":
            made = Condition(label=torch.from_numpy(class_ids(array, self.spec))[None])
        else:
            made = Condition(image=picture(array, self.spec)[None])
        if self.spec.instance_edges:
            if instance is None:
                raise UserError(
                    "this model uses instance edges: an instance map is needed beside the label map"
                )
            made.instance = torch.from_numpy(instance_ids(np.asarray(instance), array.shape[:2]))[None]
        return made.to(self.device)

    def _guide(self, guide: np.ndarray, height: int, width: int) -> Tensor:
        """The guide as (1, 3, height, width) in [-1, 1]."""
        if not self.generator.takes_guide:
            raise UserError(
                f"this model ({type(self.generator).__name__}) has no style encoder, so it cannot take the "
                "style of an image; use a model trained with one (generator=spade_vae, pix2pixhd_features)"
            )
        check_guide(guide)
        tensor = torch.from_numpy(np.array(guide)).permute(2, 0, 1)[None].float() / 127.5 - 1
        resized = F.interpolate(tensor, (height, width), mode="bicubic", antialias=True)
        return resized.clamp_(-1, 1).to(self.device)

    @torch.inference_mode()
    def translate(self, condition: Condition, *, seed: int = 0) -> Tensor:
        """Translates a batch of any size: (B, 3, H, W) in [-1, 1].

        Where the generator needs a multiple, the condition is extended by repeating its lower and right
        border, and the image is cut back. What the model draws at random (a style, dropout noise) follows
        from the seed; the global random state stays as it was.
        """
        height, width = condition.height, condition.width
        padded = pad_condition(condition, self.generator.size_multiple, self.generator.minimum_size)
        try:
            self.generator.check_size(padded.height, padded.width)
        except ValueError as error:
            raise UserError(f"a condition of {height} x {width} (height x width): {error}") from error
        padded = padded.to(self.device)
        if self.generator.style_channels == 1 and padded.style is None:  # a number that chooses an image
            padded.style = torch.full((padded.batch_size, 1), float(seed), device=self.device)
        with seeded(seed, self.device) if self.generator.draws else nullcontext():
            return self.generator(padded).image[..., :height, :width]


def pad_condition(condition: Condition, multiple: int, minimum: int = 0) -> Condition:
    """Repeats the last row and column until both sides are multiples and at least ``minimum``."""
    down = extended(condition.height, multiple, minimum) - condition.height
    right = extended(condition.width, multiple, minimum) - condition.width
    if not down and not right:
        return condition

    def pad(tensor: Tensor) -> Tensor:
        if tensor.ndim < 3:  # a style code
            return tensor
        rows = torch.arange(tensor.shape[-2] + down, device=tensor.device).clamp_(max=tensor.shape[-2] - 1)
        columns = torch.arange(tensor.shape[-1] + right, device=tensor.device).clamp_(
            max=tensor.shape[-1] - 1
        )
        return tensor.index_select(-2, rows).index_select(-1, columns)

    return condition.map(pad)


def to_uint8(image: Tensor) -> Tensor:
    """[-1, 1] -> uint8, rounded to nearest."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
