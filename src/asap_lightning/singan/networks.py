"""Generator and discriminator of one scale of the pyramid."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from asap_lightning.models.layers import normal_init
from asap_lightning.ops.patch_steps import ConvBlock


def conv_block(inputs: int, outputs: int, kernel: int = 3, padding: int = 0) -> ConvBlock:
    """Convolution, batch norm, LeakyReLU 0.2."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding)
    return ConvBlock(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))


class ScaleNetwork(nn.Module):
    """The layers of one scale: (B, inputs, h, w) -> (B, outputs, h - c, w - c).

    ``layers - 1`` blocks and a last convolution. Nothing is padded by default, so c = layers * (kernel - 1)
    pixels are lost; the receptive field is c + 1.

    Args:
        outputs: channels of the last convolution.
        inputs: channels of the input.
        width: channels of the first block.
        min_width: block i is max(width / 2 ** i, min_width) wide.
        layers: number of convolutions.
        kernel: their size.
        padding: zeros around each convolution's input.
    """

    def __init__(
        self,
        outputs: int,
        *,
        inputs: int = 3,
        width: int = 32,
        min_width: int | None = None,
        layers: int = 5,
        kernel: int = 3,
        padding: int = 0,
    ) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"a SinGAN network needs at least 2 layers, got {layers}")
        floor = width if min_width is None else min_width
        widths = [width] + [max(width // 2**level, floor) for level in range(1, layers - 1)]
        channels = [inputs, *widths]
        self.blocks = nn.Sequential(
            *(conv_block(a, b, kernel, padding) for a, b in itertools.pairwise(channels))
        )
        self.last = nn.Conv2d(widths[-1], outputs, kernel, padding=padding)
        self.lost = layers * (kernel - 1 - 2 * padding)
        normal_init(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.blocks(x))


class ScaleGenerator(nn.Module):
    """One scale's generator: tanh(network(noise)) + previous, cropped (section 2.1, equation 4).

    Args:
        width: channels of the first block.
        min_width: least number of channels of a block; None: as ``width``.
        layers: number of convolutions.
        kernel: their size.
        padding: zeros around each convolution's input; 0 in the paper, whose inputs are padded once.
        channels: of the image.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        min_width: int | None = None,
        layers: int = 5,
        kernel: int = 3,
        padding: int = 0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.network = ScaleNetwork(
            channels,
            inputs=channels,
            width=width,
            min_width=min_width,
            layers=layers,
            kernel=kernel,
            padding=padding,
        )

    def forward(self, noise: Tensor, previous: Tensor) -> Tensor:
        """The image of this scale.

        Args:
            noise: noise_amp * z + previous, zero-padded by half of what the network loses (B, 3, h, w).
            previous: the enlarged image of the scale below, padded likewise or not at all.

        Returns:
            (B, 3, h - lost, w - lost).
        """
        residual = torch.tanh(self.network(noise))
        return residual + center_crop(previous, residual.shape[-2], residual.shape[-1])


class ScaleDiscriminator(nn.Module):
    """One scale's critic: a map of scores, one for each patch of ``lost + 1`` pixels (section 2.1).

    Args: as `ScaleGenerator`.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        min_width: int | None = None,
        layers: int = 5,
        kernel: int = 3,
        padding: int = 0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.network = ScaleNetwork(
            1,
            inputs=channels,
            width=width,
            min_width=min_width,
            layers=layers,
            kernel=kernel,
            padding=padding,
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, h, w) -> scores (B, 1, h - lost, w - lost)."""
        return self.network(image)


def center_crop(image: Tensor, height: int, width: int) -> Tensor:
    """The middle ``height`` x ``width`` pixels of (B, C, H, W)."""
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]
