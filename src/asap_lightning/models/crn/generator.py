"""The cascade of refinement modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import layer_norm


def area_means(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) -> (B, C, *size), the mean of every window."""
    return F.interpolate(planes, size=size, mode="area")


class RefinementModule(nn.Module):
    """conv3x3, layer norm, LeakyReLU 0.2, twice (section 3, equation 1).

    Args:
        inputs: channels of the layout and of the features from the module before.
        width: channels of the result.
        norm: makes a norm from a number of channels.
    """

    def __init__(self, inputs: int, width: int, *, norm: Callable[[int], nn.Module] = layer_norm) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, width, 3, padding=1, bias=False), norm(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm1(self.conv1(x)), 0.2)
        return F.leaky_relu(self.norm2(self.conv2(x)), 0.2)


class CrnGenerator(Generator):
    """Modules from four rows doubling up to the output; each sees the layout at its own size (section 3).

    The input of a module is the area-downsampled condition with the previous features, bilinearly enlarged
    (corners aligned). Any output size is possible: sizes are halved, rounding up, until ``first_rows`` or
    fewer rows are left; the number of modules is fixed by ``height``.

    Args:
        spec: the kind of condition.
        height: rows of the training images, from which the number and the widths of the modules follow.
        width: channels of a module with fewer than 128 rows; half of it from 128 rows, 1/8 from 512,
            1/32 from 1024.
        first_rows: rows of the coarsest module, at most.
        images: k, number of images predicted together (9 in the paper's diversity experiment).
        norm: makes a norm from a number of channels.

    The network's last layer is linear (the paper's output is (y + 1) * 127.5); in evaluation mode the image
    is clamped to [-1, 1]. Extras of its output, for k > 1: ``images`` (B, k, 3, H, W), the first being the
    image; a one-channel ``Condition.style`` chooses another by its integer part.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        height: int = 256,
        width: int = 1024,
        first_rows: int = 4,
        images: int = 1,
        norm: Callable[[int], nn.Module] = layer_norm,
    ) -> None:
        super().__init__()
        if images < 1:
            raise ValueError(f"CRN predicts at least one image, got images={images}")
        if first_rows < 1:
            raise ValueError(f"CRN's coarsest module has at least one row, got first_rows={first_rows}")
        self.spec, self.images, self.first_rows = spec, images, first_rows
        self.shrink: Callable[[Tensor, tuple[int, int]], Tensor] = area_means
        self.style_channels = 1 if images > 1 else 0
        rows = [height]
        while rows[-1] > first_rows:
            rows.append((rows[-1] + 1) // 2)
        modules, features = [], 0
        for count in reversed(rows):
            channels = max(1, width // narrowing(count))
            modules.append(RefinementModule(spec.dense_channels + features, channels, norm=norm))
            features = channels
        self.refine = nn.ModuleList(modules)
        self.to_image = nn.Conv2d(features, 3 * images, 1)

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width of every module's output, coarsest first."""
        sizes = [(height, width)]
        for _ in self.refine[1:]:
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        return sizes[::-1]

    def translate(self, planes: Tensor) -> Tensor:
        """Images (B, k, 3, H, W) of the dense condition (B, C, H, W), not clamped."""
        x = None
        for module, size in zip(self.refine, self.sizes(*planes.shape[-2:]), strict=True):
            layout = planes if module is self.refine[-1] else self.shrink(planes, size)
            if x is not None:
                x = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
            x = module(layout if x is None else torch.cat([x, layout], dim=1))
        return self.to_image(x).unflatten(1, (self.images, 3))

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        images = self.translate(self.spec.encode(condition))
        if not self.training:
            images = images.clamp(-1, 1)
        if self.images == 1:
            return GeneratorOutput(images[:, 0])
        chosen = images[:, 0]
        if condition.style is not None:
            index = condition.style[:, 0].long() % self.images
            chosen = images[torch.arange(images.shape[0], device=images.device), index]
        return GeneratorOutput(chosen, {"images": images})


def narrowing(rows: int) -> int:
    """How many times narrower a module with so many rows is (section 3: 1024, 512, 128, 32)."""
    if rows < 128:
        return 1
    return 2 if rows < 512 else 8 if rows < 1024 else 32
