"""The residual generator of the authors' PyTorch version of pix2pix."""

from __future__ import annotations

from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import Norm, ResnetTrunk, image_head, normal_init
from asap_lightning.models.layers.residual import PaddingMode


class ResnetGenerator(Generator):
    """Two halvings, residual blocks, two doublings; 9 blocks for 256 pixels, 6 for 128.

    Args:
        spec: the kind of condition.
        width: channels at full resolution.
        blocks: number of residual blocks.
        downs: how often the size is halved.
        norm: makes a norm from a number of channels.
        bias: whether convolutions before a norm have one; None: if the norm has no shift of its own.
        dropout: probability inside the residual blocks; 0 leaves it out.
        padding: of the residual blocks.
        init_std: of the normal initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        blocks: int = 9,
        downs: int = 2,
        norm: Norm = nn.InstanceNorm2d,
        bias: bool | None = None,
        dropout: float = 0.0,
        padding: PaddingMode = "reflect",
        init_std: float = 0.02,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.size_multiple = 2**downs
        self.minimum_size = 2 * self.size_multiple  # one pixel has nothing to reflect
        self.trunk = ResnetTrunk(
            spec.dense_channels,
            width=width,
            downs=downs,
            blocks=blocks,
            norm=norm,
            bias=bias,
            dropout=dropout,
            padding=padding,
        )
        self.head = image_head(width)
        normal_init(self, init_std)

    def translate(self, planes: Tensor) -> Tensor:
        """The dense condition (B, C, H, W) as an image (B, 3, H, W) in [-1, 1]."""
        return self.head(self.trunk(planes))

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        return GeneratorOutput(self.translate(self.spec.encode(condition)))
