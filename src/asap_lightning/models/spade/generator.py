"""The SPADE generator, with and without style."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import Norm, PaddingMode, WeightNorm, spectral_norm, xavier_init
from asap_lightning.models.spade.encoder import StyleEncoder, reparameterize
from asap_lightning.models.spade.normalization import SpadeBlock, batch_norm

Upsampling = Literal["normal", "more", "most"]
DOUBLINGS: dict[str, int] = {"normal": 5, "more": 6, "most": 7}


class SpadeGenerator(Generator):
    """From a small grid upwards, the condition modulating every normalisation (section 3.2).

    The grid is size / 32 (``normal``), / 64 (``more``: Cityscapes) or / 128 (``most``). It starts from the
    condition resized to it, or with a style from a linear map of the code z.

    Args:
        spec: the kind of condition.
        width: ngf; 64 in the paper, 32 in its compact version.
        upsampling: how often the grid is doubled.
        style: Z, length of the style code; 0 goes without.
        image_size: height and width of the images, which fix the linear map's grid; needed with a style.
        encoder: whether there is an image encoder for the style.
        encoder_width: its ngf; None: as ``width``.
        encoder_layers: its convolutions.
        norm: makes a norm without affine parameters from a number of channels.
        hidden: channels inside each SPADE.
        kernel: of the SPADE convolutions.
        weight_norm: wraps the blocks' own convolutions.
        padding: of the blocks' convolutions.
        widest: the widest block has this times ``width`` channels, up to 16.
        init_gain: of the Xavier initialisation.

    Extras of its output, when a guide was encoded: ``mu`` and ``logvar`` (B, Z).
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        upsampling: Upsampling = "normal",
        style: int = 0,
        image_size: tuple[int, int] | None = None,
        encoder: bool = True,
        encoder_width: int | None = None,
        encoder_layers: int = 6,
        norm: Norm = batch_norm,
        hidden: int = 128,
        kernel: int = 3,
        weight_norm: WeightNorm = spectral_norm,
        padding: PaddingMode = "zeros",
        widest: int = 16,
        init_gain: float = 0.02,
    ) -> None:
        super().__init__()
        if upsampling not in DOUBLINGS:
            raise ValueError(f"upsampling must be one of {', '.join(DOUBLINGS)}, got {upsampling!r}")
        if style and image_size is None:
            raise ValueError("a SPADE generator with a style needs image_size, which fixes its linear map")
        self.spec, self.upsampling = spec, upsampling
        self.size_multiple = 2 ** DOUBLINGS[upsampling]
        self.style_channels, self.takes_guide = style, bool(style and encoder)
        ups = 5 if upsampling == "most" else 4
        widths = [min(16 * width // 2**level, widest * width) for level in range(ups + 1)]
        self.grid: tuple[int, int] | None = None
        self.encoder: StyleEncoder | None = None
        if style and image_size is not None:
            self.grid = (image_size[0] // self.size_multiple, image_size[1] // self.size_multiple)
            self.from_style = nn.Linear(style, widths[0] * self.grid[0] * self.grid[1])
            if encoder:
                self.encoder = StyleEncoder(style, width=encoder_width or width, layers=encoder_layers)
        else:
            self.from_condition = nn.Conv2d(spec.dense_channels, widths[0], 3, padding=1)

        def block(inputs: int, outputs: int) -> SpadeBlock:
            return SpadeBlock(
                inputs,
                outputs,
                spec.dense_channels,
                norm=norm,
                hidden=hidden,
                kernel=kernel,
                weight_norm=weight_norm,
                padding=padding,
            )

        self.head = block(widths[0], widths[0])
        self.middle = nn.ModuleList(block(widths[0], widths[0]) for _ in range(2))
        self.up = nn.ModuleList(block(a, b) for a, b in pairwise(widths))
        self.to_image = nn.Conv2d(widths[-1], 3, 3, padding=1)
        xavier_init(self, init_gain)

    def synthesize(self, planes: Tensor, grid: tuple[int, int], style: Tensor | None = None) -> Tensor:
        """The image (B, 3, grid * size_multiple) from planes (B, C, H, W) and, with a style, z (B, Z)."""
        if self.style_channels:
            if style is None:
                raise ValueError("this SPADE generator needs a style code")
            x = self.from_style(style).view(style.shape[0], -1, *grid)
        else:
            x = self.from_condition(F.interpolate(planes, size=grid, mode="nearest"))
        x = self.head(x, planes)
        x = self.middle[0](_double(x), planes)
        x = self.middle[1](x if self.upsampling == "normal" else _double(x), planes)
        for block in self.up:
            x = block(_double(x), planes)
        return self.to_image(F.leaky_relu(x, 0.2)).tanh()

    def check_size(self, height: int, width: int) -> None:
        super().check_size(height, width)
        if self.grid is None:
            return
        built = tuple(side * self.size_multiple for side in self.grid)
        if (height, width) != built:
            raise ValueError(
                f"this SPADE generator has a style and was built for {built[0]} x {built[1]}, "
                f"got {height} x {width}; resize the condition"
            )

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        grid = (condition.height // self.size_multiple, condition.width // self.size_multiple)
        style, extras = self.style_of(condition)
        return GeneratorOutput(self.synthesize(self.spec.encode(condition), grid, style), extras)

    def style_of(self, condition: Condition) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The style code (B, Z): the given one, or drawn around the guide's, or drawn from N(0, 1).

        Returns it with ``mu`` and ``logvar`` if a guide was encoded.
        """
        if not self.style_channels:
            return None, {}
        if condition.style is not None:
            return condition.style, {}
        if condition.guide is not None and self.encoder is not None:
            mu, logvar = self.encoder(condition.guide)
            return reparameterize(mu, logvar), {"mu": mu, "logvar": logvar}
        dtype = self.from_style.weight.dtype
        size = (condition.batch_size, self.style_channels)
        return torch.randn(size, dtype=dtype, device=condition.device), {}


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
