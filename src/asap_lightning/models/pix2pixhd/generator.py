"""The coarse-to-fine generator of pix2pixHD."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import (
    Norm,
    ResidualBlock,
    ResnetTrunk,
    WeightNorm,
    conv_norm_relu,
    image_head,
    normal_init,
    unchanged,
)
from asap_lightning.models.pix2pixhd.clusters import ClusterTable
from asap_lightning.models.pix2pixhd.encoder import InstanceEncoder


class LocalEnhancer(nn.Module):
    """One doubling of resolution: front end, plus the coarser features, residual blocks, upsampling.

    Args:
        inputs: channels of the input at this resolution.
        width: channels at this resolution; the coarser features are ``2 * width`` wide.
        blocks: number of residual blocks.
        norm: makes a norm from a number of channels.
        bias: whether the convolutions have one.
        weight_norm: wraps each convolution.
    """

    def __init__(
        self, inputs: int, *, width: int, blocks: int, norm: Norm, bias: bool, weight_norm: WeightNorm
    ) -> None:
        super().__init__()
        stem = nn.Conv2d(inputs, width, 7, padding=3, bias=bias, padding_mode="reflect")
        self.stem = conv_norm_relu(weight_norm(stem), norm(width))
        down = nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias)
        self.down = conv_norm_relu(weight_norm(down), norm(2 * width))
        self.blocks = nn.Sequential(
            *(ResidualBlock(2 * width, norm=norm, bias=bias, weight_norm=weight_norm) for _ in range(blocks))
        )
        up = nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1, bias=bias)
        self.up = conv_norm_relu(weight_norm(up), norm(width))

    def forward(self, planes: Tensor, coarse: Tensor) -> Tensor:
        """Features (B, width, H, W) from planes (B, C, H, W) and coarse features (B, 2 width, H/2, W/2)."""
        return self.up(self.blocks(self.down(self.stem(planes)) + coarse))


class Pix2pixHDGenerator(Generator):
    """Global generator, and any number of local enhancers around it (section 3.2).

    Each enhancer doubles the resolution: the global generator sees the condition average-pooled once for
    each, and its last features, not its image, are handed up.

    Args:
        spec: the kind of condition. Instance edges, if any, are one more input plane.
        width: channels at full resolution: 64 for the global generator alone, 32 with an enhancer.
        downs: halvings inside the global generator.
        blocks: its residual blocks.
        enhancers: number of local enhancers.
        enhancer_blocks: residual blocks of each.
        norm: makes a norm from a number of channels.
        bias: whether convolutions before a norm have one (the authors': yes, pix2pixHD++: no).
        weight_norm: wraps each convolution; `spectral_norm` makes it pix2pixHD++ (SPADE, section 4).
        features: channels of the instance features; 0 goes without an encoder.
        encoder_width: channels of the encoder at full resolution.
        encoder_downs: its halvings.
        clusters: number of feature clusters kept for each class.
        init_std: of the normal initialisation.

    Extras of its output, with an encoder: ``features`` (B, F, H, W).
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        downs: int = 4,
        blocks: int = 9,
        enhancers: int = 0,
        enhancer_blocks: int = 3,
        norm: Norm = nn.InstanceNorm2d,
        bias: bool = True,
        weight_norm: WeightNorm = unchanged,
        features: int = 0,
        encoder_width: int = 16,
        encoder_downs: int = 4,
        clusters: int = 10,
        init_std: float = 0.02,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.size_multiple = 2 ** max(downs + enhancers, encoder_downs if features else 0)
        self.minimum_size = 2 ** max(downs + enhancers + 1, enhancers + 2)  # for the reflection padding
        self.style_channels, self.takes_guide = features, features > 0
        inputs = spec.dense_channels + features
        self.coarse = ResnetTrunk(
            inputs,
            width=width * 2**enhancers,
            downs=downs,
            blocks=blocks,
            norm=norm,
            bias=bias,
            weight_norm=weight_norm,
        )
        self.enhancers = nn.ModuleList(
            LocalEnhancer(
                inputs,
                width=width * 2**level,
                blocks=enhancer_blocks,
                norm=norm,
                bias=bias,
                weight_norm=weight_norm,
            )
            for level in reversed(range(enhancers))
        )
        self.head = image_head(width)
        self.encoder: InstanceEncoder | None = None
        self.clusters: ClusterTable | None = None
        if features:
            self.encoder = InstanceEncoder(features, width=encoder_width, downs=encoder_downs)
            if spec.kind == "label":
                self.clusters = ClusterTable(spec.label_channels, clusters, features)
        normal_init(self, init_std)

    @property
    def needs_guide(self) -> bool:
        """Until the feature clusters are fitted, features come from a guide only."""
        return self.encoder is not None and (self.clusters is None or not self.clusters.fitted)

    def freeze_coarse(self, frozen: bool = True) -> None:
        """Stops (or resumes) training of the global generator; the authors freeze it for 20 epochs."""
        self.coarse.requires_grad_(not frozen)

    def translate(self, planes: Tensor) -> Tensor:
        """The dense condition and features (B, C, H, W) as an image (B, 3, H, W) in [-1, 1]."""
        pyramid = [planes]
        for _ in self.enhancers:
            pyramid.append(F.avg_pool2d(pyramid[-1], 3, stride=2, padding=1, count_include_pad=False))
        x = self.coarse(pyramid.pop())
        for enhancer in self.enhancers:
            x = enhancer(pyramid.pop(), x)
        return self.head(x)

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        planes = self.spec.encode(condition)
        if self.encoder is None:
            return GeneratorOutput(self.translate(planes))
        features = self.instance_features(condition)
        return GeneratorOutput(self.translate(torch.cat([planes, features], dim=1)), {"features": features})

    def instance_features(self, condition: Condition) -> Tensor:
        """Features (B, F, H, W): the given ones, or the guide's, or sampled from each class's clusters.

        Raises:
            ValueError: when the condition has neither style nor guide and no clusters were fitted.
        """
        if self.encoder is None:
            raise ValueError("this pix2pixHD generator was built without instance features")
        if condition.style is not None:
            style = condition.style
            if style.dim() == 2:
                style = style[:, :, None, None].expand(-1, -1, condition.height, condition.width)
            return style
        if condition.guide is not None:
            return self.encoder(condition.guide, condition.require_instance())
        if self.clusters is None or not self.clusters.fitted:
            raise ValueError(
                "instance features are missing: give a guide photo or a style, or fit the feature clusters "
                "of the training set first (fit_clusters)"
            )
        return self.clusters.sample(condition.require_label(), condition.require_instance())
