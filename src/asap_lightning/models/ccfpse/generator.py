"""The CC-FPSE generator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.ccfpse.block import ConditionalBlock
from asap_lightning.models.ccfpse.pyramid import LabelPyramid
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import Norm, WeightNorm, spectral_norm, xavier_init
from asap_lightning.models.spade.generator import DOUBLINGS, Upsampling
from asap_lightning.models.spade.normalization import batch_norm


class CcFpseGenerator(Generator):
    """SPADE's way up, with convolutions whose weights the label pyramid predicts (section 3).

    Args:
        spec: the kind of condition.
        width: ngf.
        hidden: channels between the condition and the weights, gates, gammas and betas predicted from it.
        upsampling: ``normal``, ``more`` or ``most``, as SPADE's.
        norm: makes a norm from a number of channels.
        pyramid_norm: the pyramid's; None: as ``norm``.
        shortcut_norm: makes the norm without affine parameters of the shortcuts.
        weight_norm: wraps the pyramid's convolutions and the shortcuts.
        init_gain: of the Xavier initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        hidden: int = 128,
        upsampling: Upsampling = "normal",
        norm: Norm = nn.BatchNorm2d,
        pyramid_norm: Norm | None = None,
        shortcut_norm: Norm = batch_norm,
        weight_norm: WeightNorm = spectral_norm,
        init_gain: float = 0.02,
    ) -> None:
        super().__init__()
        if upsampling not in DOUBLINGS:
            raise ValueError(f"upsampling must be one of {', '.join(DOUBLINGS)}, got {upsampling!r}")
        self.spec, self.upsampling = spec, upsampling
        self.size_multiple = 2 ** DOUBLINGS[upsampling]
        inputs = spec.dense_channels
        self.pyramid = LabelPyramid(
            inputs,
            width=width,
            levels=DOUBLINGS[upsampling] + 1,
            norm=pyramid_norm or norm,
            weight_norm=weight_norm,
        )
        self.from_condition = nn.Conv2d(inputs, 16 * width, 3, padding=1)

        def block(a: int, b: int) -> ConditionalBlock:
            return ConditionalBlock(
                a,
                b,
                inputs + width,
                norm=norm,
                shortcut_norm=shortcut_norm,
                weight_norm=weight_norm,
                hidden=hidden,
            )

        self.head = block(16 * width, 16 * width)
        self.middle = nn.ModuleList(block(16 * width, 16 * width) for _ in range(2))
        ups = 5 if upsampling == "most" else 4
        self.up = nn.ModuleList(block(16 * width // 2**i, 16 * width // 2 ** (i + 1)) for i in range(ups))
        self.to_image = nn.Conv2d(16 * width // 2**ups, 3, 3, padding=1)
        xavier_init(self, init_gain)

    def synthesize(self, planes: Tensor, grid: tuple[int, int]) -> Tensor:
        """The image (B, 3, grid * size_multiple) from planes (B, C, H, W)."""
        levels = iter(self.pyramid(planes))
        x = self.from_condition(F.interpolate(planes, size=grid, mode="nearest"))
        level = next(levels)
        for index, block in enumerate((self.head, *self.middle, *self.up)):
            if index and not (index == 2 and self.upsampling == "normal"):
                x = F.interpolate(x, scale_factor=2, mode="nearest")
                level = next(levels)
            layout = F.interpolate(planes, size=x.shape[-2:], mode="nearest")
            x = block(x, torch.cat([layout, level], dim=1))
        return self.to_image(F.leaky_relu(x, 0.2)).tanh()

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        grid = (condition.height // self.size_multiple, condition.width // self.size_multiple)
        return GeneratorOutput(self.synthesize(self.spec.encode(condition), grid))
