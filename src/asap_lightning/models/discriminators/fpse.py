"""The feature-pyramid semantics-embedding discriminator of CC-FPSE."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.discriminators.base import Discriminator, Features
from asap_lightning.models.layers import spectral_norm, xavier_init


def _block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False))
    return nn.Sequential(conv, nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2))


class FpseDiscriminator(Discriminator):
    """A feature pyramid on the image alone; at three levels, real or fake plus the fit to the labels.

    prediction = t(f) + <s(f), e(labels)>, with 1x1 convolutions t, s, e shared by the levels and the label
    embedding average-pooled to their sizes, 1/4, 1/8 and 1/16 (Liu et al., 2019, section 3.3).

    Args:
        spec: the kind of condition.
        width: channels of the first layer.
        init_gain: of the Xavier initialisation.

    Height and width must be multiples of 32.
    """

    def __init__(self, spec: ConditionSpec, *, width: int = 64, init_gain: float = 0.02) -> None:
        super().__init__(spec)
        widths = [3, width, 2 * width, 4 * width, 8 * width, 8 * width]
        self.down = nn.ModuleList(_block(a, b, 3, 2) for a, b in pairwise(widths))
        self.lateral = nn.ModuleList(_block(channels, 4 * width, 1) for channels in widths[2:])
        self.smooth = nn.ModuleList(_block(4 * width, 2 * width, 3) for _ in range(3))
        self.real_or_fake = nn.Conv2d(2 * width, 1, 1)
        self.semantics = nn.Conv2d(2 * width, 2 * width, 1)
        self.embedding = nn.Conv2d(spec.dense_channels, 2 * width, 1)
        xavier_init(self, init_gain)

    def forward(self, condition: Tensor, image: Tensor) -> Features:
        """Judges images.

        Args:
            condition: (B, dense_channels, H, W).
            image: (B, 3, H, W) in [-1, 1].

        Returns:
            For the levels 1/4, 1/8, 1/16: the bottom-up features there (the last level's with those of
            1/32), then the prediction.
        """
        if image.shape[-2] % 32 or image.shape[-1] % 32:
            size = tuple(image.shape[-2:])
            raise ValueError(f"the FPSE discriminator needs multiples of 32 as height and width, got {size}")
        bottom_up = []
        x = image
        for stage in self.down:
            x = stage(x)
            bottom_up.append(x)
        levels = bottom_up[1:]
        x = self.lateral[3](levels[3])
        top_down: list[Tensor] = []
        for index in (2, 1, 0):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = x + self.lateral[index](levels[index])
            top_down.insert(0, self.smooth[index](x))
        embedding = F.avg_pool2d(self.embedding(condition), 2)
        results = []
        for index, features in enumerate(top_down):
            embedding = F.avg_pool2d(embedding, 2)
            fit = (embedding * self.semantics(features)).sum(1, keepdim=True)
            kept = levels[index : index + 1] if index < 2 else levels[2:]
            results.append([*kept, self.real_or_fake(features) + fit])
        return results
