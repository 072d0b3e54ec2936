"""Small convolutional networks in training, by steps that are written out instead of recorded by autograd.

A gradient penalty needs the gradient of a gradient. Written out, it is one more pass forwards (the network's
derivative along a direction) and one more backwards, each of plain convolutions and of four steps around the
normalisation, so that a backend can make each of them in one go and share what they have in common.

Axes: B batch, C and O channels, H height, W width. A backend has its own layout of images (`enter`, `leave`);
the first axis is always the batch.

Per channel and image, a block is, with the mean and the variance over the pixels of that image alone,

    zh = (z - mean) / sqrt(variance + eps),  n = gamma zh + beta,  x = leaky(n)

which for a batch of one is batch norm in training.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import Tensor, nn

MOST_THIN = 3
"""Channels of an image or of scores; a hidden layer of the native backend has more."""


class ConvBlock(nn.Sequential):
    """Convolution, batch norm, leaky ReLU.

    Args:
        conv: the convolution, with a bias.
        norm: with affine, and running statistics of a fixed momentum.
        activation: the leaky ReLU.
    """

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    activation: nn.LeakyReLU

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, activation: nn.LeakyReLU) -> None:
        super().__init__(OrderedDict(conv=conv, norm=norm, activation=activation))

    def bias(self) -> Tensor:
        """The convolution's bias, detached."""
        assert self.conv.bias is not None
        return self.conv.bias.detach()

    def running(self) -> tuple[Tensor, Tensor, float]:
        """The running mean and variance, and their momentum."""
        mean, variance, momentum = self.norm.running_mean, self.norm.running_var, self.norm.momentum
        assert mean is not None and variance is not None and momentum is not None
        return mean, variance, momentum

    def count(self, images: int) -> None:
        """So many more have gone into the running statistics."""
        assert self.norm.num_batches_tracked is not None
        self.norm.num_batches_tracked += images


@dataclass(frozen=True)
class Normed:
    """What a block's normalisation leaves for the passes after it: (B, ...) all but gamma and beta.

    Attributes:
        z: the convolution's result.
        mean, inv: of its pixels, and 1 / sqrt(variance + eps).
        gamma, beta: of the affine, copied.
        gain: what the step backwards multiplies by: gamma, or what that has become since.
        slope: of the leaky ReLU.
        channels: how many there are; a layout may hold room for more.
        pixels: of an image.
    """

    z: Tensor
    mean: Tensor
    inv: Tensor
    gamma: Tensor
    beta: Tensor
    gain: Tensor
    slope: float
    channels: int
    pixels: int

    def of(self, images: slice) -> Normed:
        """That of some images of the batch."""
        return replace(self, z=self.z[images], mean=self.mean[images], inv=self.inv[images])


class PatchKernels(Protocol):
    """Steps of a network's passes; arrays are the backend's own, parameters torch's."""

    def enter(self, image: Tensor) -> Tensor:
        """(B, C, H, W) as an array, C at most 3."""

    def leave(self, array: Tensor) -> Tensor:
        """The array of an image of at most 3 channels as (B, C, H, W)."""

    def filters(self, conv: nn.Conv2d) -> Any:
        """A convolution's weights, prepared; valid until they change."""

    def convolve(self, x: Tensor, filters: Any) -> Tensor:
        """The convolution without its bias."""

    def image_gradient(self, g: Tensor, filters: Any, like: Tensor) -> Tensor:
        """Of the convolution's input ``like``, from the gradient of its result."""

    def weight_sums(self, filters: Any) -> Any:
        """Where gradients of the weights are added up."""

    def add_weight_gradient(self, sums: Any, x: Tensor, g: Tensor) -> None:
        """That of a convolution of ``x`` whose result has the gradient ``g``."""

    def weight_gradient(self, sums: Any) -> Tensor:
        """What was added up, (O, C, k, k)."""

    def normalize(self, z: Tensor, block: ConvBlock) -> tuple[Tensor, Normed]:
        """X of the block; its running statistics take the images one after the other."""

    def present(self, normed: Normed, block: ConvBlock) -> Normed:
        """For a step backwards by the affine as it is now."""

    def reverse(self, normed: Normed, g: Tensor) -> tuple[Tensor, Tensor]:
        """From x's gradient to z's; and, with u = g leaky'(n), the means of u and u zh, (B, 2, C)."""

    def tangent(self, normed: Normed, g: Tensor, tz: Tensor) -> tuple[Tensor, Tensor]:
        """The derivative of x along ``tz``, and three means a channel.

        With a = tz - mean(tz) and u as in `reverse`: those of tz, of a zh and of u a, (B, 3, C).
        """

    def second(
        self, normed: Normed, upstream: Tensor, g: Tensor, tz: Tensor, reverse: Tensor, tangent: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Z's gradient of <upstream, x> + <g, tx>, and with v = upstream leaky'(n) the means of v, v zh.

        ``reverse`` and ``tangent`` are the means that those steps gave.
        """
