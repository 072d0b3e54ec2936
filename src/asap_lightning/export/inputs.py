"""What an exported graph is called with: names, types and axes of its inputs; they follow from the generator.

Axes: B batch, C channels, H height, W width, Z style dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from asap_lightning.data.labels import UNKNOWN
from asap_lightning.errors import UserError
from asap_lightning.models import CrnGenerator, Generator, Pix2pixHDGenerator
from asap_lightning.models.layers import Dropout

StyleInput = Literal["code", "guide"]
INT32_MOST = 2**31 - 1
LEVELS = "levels of 0 to 255 as x / 127.5 - 1"
NORMAL = (-10.0, 10.0)
"""What no standard normal variable leaves."""


@dataclass(frozen=True)
class GraphInput:
    """One input of an exported graph.

    Attributes:
        name: ``label``, ``image``, ``instance``, ``canvas``, ``style``, ``guide``, ``noise`` or ``seed``.
        dtype: ``int32`` or ``float32``.
        axes: of its shape; ``batch``, ``height`` and ``width`` are those of every input.
        range: least and greatest value that mean something.
        meaning: one sentence for people.
        normal: whether its values are those of a standard normal variable.
    """

    name: str
    dtype: Literal["int32", "float32"]
    axes: tuple[str | int, ...]
    range: tuple[float, float]
    meaning: str
    normal: bool = False

    @property
    def spatial(self) -> bool:
        """Whether it has a value at every pixel."""
        return "height" in self.axes

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a file's metadata."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.axes),
            "range": list(self.range),
            "meaning": self.meaning,
        }

    def random(self, batch: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Values from its range; those of ``instance`` are few, so that instances have areas."""
        sizes = {"batch": batch, "height": height, "width": width}
        shape = [sizes[axis] if isinstance(axis, str) else axis for axis in self.axes]
        low, high = self.range
        if self.normal:
            return torch.randn(shape, generator=generator)
        if self.dtype == "float32":
            return torch.rand(shape, generator=generator) * (high - low) + low
        most = 4 if self.name in ("instance", "seed") else int(high)
        return torch.randint(int(max(low, 0)), most + 1, shape, generator=generator, dtype=torch.int32)


def graph_inputs(generator: Generator, style: StyleInput = "code") -> tuple[GraphInput, ...]:
    """The inputs of a generator's graph, in their order.

    Args:
        generator: any of the registry.
        style: what a generator with an encoder is given: a style ``code``, or a ``guide`` photo that its
            encoder reads.

    Raises:
        UserError: ``guide`` for a generator without an encoder; a generator that matches exemplars.
    """
    if generator.takes_guide_condition:
        raise UserError(
            f"{type(generator).__name__} is not exported: exports take no exemplar with its own condition, "
            "which it needs for every image; use asap predict or Translator"
        )
    spec, pixels = generator.spec, ("batch", "height", "width")
    found = []
    if spec.kind == "label":
        most = spec.label_channels - 1
        text = f"class ids 0 to {most}"
        if spec.has_unknown:
            text += ", the last of which is 'unknown'" + (", as is 255" if most < UNKNOWN else "")
        found.append(GraphInput("label", "int32", pixels, (0, most), text))
    else:
        axes = ("batch", spec.channels, "height", "width")
        what = LEVELS if spec.kind == "image" else "depths scaled as in training"
        found.append(GraphInput("image", "float32", axes, (-1.0, 1.0), what))
    guided = style == "guide"
    if guided and not generator.takes_guide:
        raise UserError(
            f"style=guide: this model ({type(generator).__name__}) has no style encoder, so its graph cannot "
            "take a photo; leave style out, or use a model trained with one (generator=spade_vae, "
            "pix2pixhd_features)"
        )
    if spec.instance_edges or (guided and isinstance(generator, Pix2pixHDGenerator)):
        text = "instance ids; only who is who matters"
        found.append(GraphInput("instance", "int32", pixels, (-INT32_MOST - 1, INT32_MOST), text))
    if generator.takes_canvas:
        text = (
            "pieces of photos laid out as the layout says, RGB levels of 0 to 255 as x / 127.5 - 1 and then "
            "1 where there is a piece; 0 in all four where there is none"
        )
        found.append(GraphInput("canvas", "float32", ("batch", 4, "height", "width"), (-1.0, 1.0), text))
    return (*found, *_style_inputs(generator, guided), *_seed_input(generator))


def _style_inputs(generator: Generator, guided: bool) -> list[GraphInput]:
    count = generator.style_channels
    if guided:
        photo = f"a photo whose style is taken, resized to the condition's size: {LEVELS}"
        made = [GraphInput("guide", "float32", ("batch", 3, "height", "width"), (-1.0, 1.0), photo)]
        if not isinstance(generator, Pix2pixHDGenerator):
            text = "normal noise around the photo's style; zeros take its mean"
            made.append(GraphInput("noise", "float32", ("batch", count), NORMAL, text, normal=True))
        return made
    if not count:
        return []
    if isinstance(generator, CrnGenerator):
        text = f"which of the model's {generator.images} images, counted from 0"
        return [GraphInput("style", "float32", ("batch", 1), (0.0, generator.images - 1.0), text)]
    if isinstance(generator, Pix2pixHDGenerator):
        text = "instance features, constant inside each instance"
        axes = ("batch", count, "height", "width")
        return [GraphInput("style", "float32", axes, (-1.0, 1.0), text)]
    text = "a style code, drawn from a normal distribution"
    return [GraphInput("style", "float32", ("batch", count), NORMAL, text, normal=True)]


def _seed_input(generator: Generator) -> list[GraphInput]:
    noisy = any(isinstance(layer, Dropout) and layer.at_test and layer.p > 0 for layer in generator.modules())
    if not noisy:
        return []
    text = "decides the dropout noise of each image"
    return [GraphInput("seed", "int32", ("batch",), (0, INT32_MOST), text)]


def random_values(
    inputs: Sequence[GraphInput], batch: int, height: int, width: int, *, seed: int = 0
) -> tuple[Tensor, ...]:
    """Random values of every input, in their order."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(given.random(batch, height, width, generator) for given in inputs)
