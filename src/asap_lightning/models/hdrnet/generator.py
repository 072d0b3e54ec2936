"""The HDRNet generator: a grid of affine colour transforms predicted at low resolution, sliced at full."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning import ops
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.hdrnet.coefficients import CoefficientNetwork
from asap_lightning.models.hdrnet.guide import CurveGuide, PointwiseGuide
from asap_lightning.models.layers import Norm
from asap_lightning.ops.dispatch import requested_backend

GuideKind = Literal["curves", "pointwise"]


class HdrnetGenerator(Generator):
    """Every pixel through the affine transform that its place and its guide find in a predicted grid.

    y_p = A_p [x_p; 1],   A = slice(grid, guide(x)),   grid = G(shrink(x))   (Gharbi et al., 2017, section 3)

    Made for photos: an image condition of three channels. Other conditions go by the same formula: x is the
    depth, or the planes of the classes, and A has as many columns as they have.

    The network computes on values in [0, 1]; conditions and images in [-1, 1] are brought there and back. As
    in the authors' program the output is not bounded; in evaluation mode the image is clamped to [-1, 1].

    Args:
        spec: the kind of condition. Instance edges, if any, go to the coefficient network only.
        size: side in pixels of the small copy, which is made by taking the nearest pixels, whatever the
            image's height and width.
        cells: side of the grid in cells; ``size`` is this times a power of two.
        depth: of the grid.
        width_multiplier: of the coefficient network's channels.
        guide: ``curves`` (the paper's) or ``pointwise`` (two 1x1 convolutions).
        guide_points: control points of a curve, or channels between the two convolutions.
        norm: makes a norm from a number of channels, inside the coefficient network and the pointwise guide;
            the authors' default is none.
        backend: of the slicing; None chooses.

    Extras of its output: ``grid`` (B, C + 1, 3, depth, cells, cells) and ``guide`` (B, H, W).

    Raises:
        ValueError: sizes that no such network has, a guide or backend of another name.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        size: int = 256,
        cells: int = 16,
        depth: int = 8,
        width_multiplier: int = 1,
        guide: GuideKind = "curves",
        guide_points: int = 16,
        norm: Norm | None = None,
        backend: str | None = None,
    ) -> None:
        super().__init__()
        requested_backend(backend)  # refuses another name now, not at the first image
        if guide not in ("curves", "pointwise"):
            raise ValueError(f"HDRNet's guide must be curves or pointwise, got {guide!r}")
        self.spec, self.backend, self.draws = spec, backend, False
        norm = nn.Identity if norm is None else norm
        self.coefficients = CoefficientNetwork(
            spec.dense_channels,
            inputs=spec.planes + 1,
            outputs=3,
            size=size,
            cells=cells,
            depth=depth,
            width_multiplier=width_multiplier,
            norm=norm,
        )
        self.guide: nn.Module
        if guide == "curves":
            self.guide = CurveGuide(spec.planes, points=guide_points)
        else:
            self.guide = PointwiseGuide(spec.planes, hidden=guide_points, norm=norm)

    def planes(self, condition: Condition) -> Tensor:
        """The condition in [0, 1], with its instance edges: (B, dense_channels, H, W)."""
        dense = self.spec.encode(condition, self.coefficients.to_grid.weight.dtype)
        if self.spec.kind == "label":
            return dense
        image, edges = dense[:, : self.spec.planes], dense[:, self.spec.planes :]
        image = (image + 1) / 2
        return torch.cat([image, edges], dim=1) if self.spec.instance_edges else image

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        planes = self.planes(condition)
        side = self.coefficients.size
        grid = self.coefficients(F.interpolate(planes, size=(side, side), mode="nearest"))
        pixels = planes[:, : self.spec.planes]
        guide = self.guide(pixels)
        image = 2 * ops.bilateral_slice_apply(grid, guide, pixels, backend=self.backend) - 1
        image = image.to(planes.dtype)
        if not self.training:
            image = image.clamp(-1, 1)
        return GeneratorOutput(image, {"grid": grid, "guide": guide})
