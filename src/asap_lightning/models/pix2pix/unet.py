"""The U-Net of pix2pix, of any depth, and without skips its encoder-decoder."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import BatchStatisticsNorm2d, Dropout, Norm, needs_bias, normal_init


class UNet(nn.Module):
    """(B, C, H, W) -> (B, outputs, H, W) in [-1, 1], H and W multiples of 2 ** depth (section 6.1).

    Level l of the encoder is LeakyReLU 0.2, conv4x4 s2, norm, ``width * min(2 ** l, 8)`` wide; the decoder's
    is ReLU, transposed conv4x4 s2, norm, on the features from below concatenated with the encoder's.
    No norm in the outermost level and in the innermost convolution; tanh at the end.

    Args:
        inputs: channels of the input.
        outputs: channels of the image.
        depth: number of levels; 8 brings 256 pixels down to one.
        width: channels of the first level.
        norm: makes a norm from a number of channels.
        bias: whether convolutions before a norm have one; None: if the norm has no shift of its own.
        skips: whether encoder features are concatenated; without, it is the paper's encoder-decoder.
        dropout: probability, on the decoder's levels between two of the largest width.
        noise_at_test: whether dropout stays on at test time, the method's only noise.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int = 3,
        *,
        depth: int = 8,
        width: int = 64,
        norm: Norm = BatchStatisticsNorm2d,
        bias: bool | None = None,
        skips: bool = True,
        dropout: float = 0.5,
        noise_at_test: bool = True,
    ) -> None:
        super().__init__()
        if depth < 2:
            raise ValueError(f"a U-Net needs at least 2 levels, got {depth}")
        bias = needs_bias(norm) if bias is None else bias
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.skips = skips
        down, up = [], []
        for level in range(depth):
            outermost, innermost = level == 0, level == depth - 1
            above = inputs if outermost else widths[level - 1]
            conv = nn.Conv2d(above, widths[level], 4, 2, 1, bias=bias)
            stage = OrderedDict[str, nn.Module]()
            if not outermost:
                stage["activation"] = nn.LeakyReLU(0.2)
            stage["conv"] = conv
            if not (outermost or innermost):
                stage["norm"] = norm(widths[level])
            down.append(nn.Sequential(stage))

            below = widths[level] * (1 if innermost or not skips else 2)
            above = outputs if outermost else above
            stage = OrderedDict[str, nn.Module](activation=nn.ReLU())
            stage["conv"] = nn.ConvTranspose2d(below, above, 4, 2, 1, bias=bias or outermost)
            if outermost:
                stage["image"] = nn.Tanh()
            else:
                stage["norm"] = norm(above)
                if dropout and not innermost and above == widths[level] == 8 * width:
                    stage["dropout"] = Dropout(dropout, at_test=noise_at_test)
            up.append(nn.Sequential(stage))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for stage in self.down:
            x = stage(x)
            features.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x)
            if level and self.skips:
                x = torch.cat([features[level - 1], x], dim=1)
        return x


class UNetGenerator(Generator):
    """pix2pix's generator: a `UNet` on the dense condition.

    Args:
        spec: the kind of condition.
        depth: number of levels, log2(image size) in the paper: 8 at 256 pixels.
        width: channels of the first level.
        norm: makes a norm from a number of channels; by default batch norm with test-batch statistics.
        skips: whether it is a U-Net or, without, an encoder-decoder (the paper's ablation).
        dropout: probability on the inner decoder levels.
        noise_at_test: whether dropout stays on at test time.
        init_std: of the normal initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        depth: int = 8,
        width: int = 64,
        norm: Norm = BatchStatisticsNorm2d,
        bias: bool | None = None,
        skips: bool = True,
        dropout: float = 0.5,
        noise_at_test: bool = True,
        init_std: float = 0.02,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.size_multiple = 2**depth
        self.network = UNet(
            spec.dense_channels,
            depth=depth,
            width=width,
            norm=norm,
            bias=bias,
            skips=skips,
            dropout=dropout,
            noise_at_test=noise_at_test,
        )
        normal_init(self, init_std)

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        return GeneratorOutput(self.network(self.spec.encode(condition)))
