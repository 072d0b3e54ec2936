"""The MLP that all pixels share, on the operations of ASAP-Net or as 1x1 convolutions.

Axes: B batch, N label channels, C image channels, P parameters, O outputs, H height, W width, S tile.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning import ops
from asap_lightning.ops.dispatch import captured
from asap_lightning.ops.encoding import split_parameters
from asap_lightning.ops.layout import MlpLayout

TILE = 32
"""Side of the tiles into which pixels are laid where the operation's own encoding is off."""


class SharedMlp(nn.Module):
    """`ops.pixelwise_mlp` with one tile's parameters for every tile: leaky ReLUs, tanh at the end.

    Without the operation's positional encoding pixels know nothing of their neighbours, so that images of any
    size are laid into tiles one pixel after the other.

    Args:
        layout: of the MLP.
        backend: of the operation; None chooses.
    """

    def __init__(self, layout: MlpLayout, *, backend: str | None = None) -> None:
        super().__init__()
        self.layout, self.backend = layout, backend
        self.phi = nn.Parameter(torch.zeros(1, layout.parameters, 1, 1))
        with torch.no_grad():
            layers = split_parameters(self.phi.flatten(), layout.widths)
            for index, (_, weight) in enumerate(layers):
                gain = 1 if index == len(layers) - 1 else math.sqrt(2)
                nn.init.normal_(weight, 0.0, gain / math.sqrt(weight.shape[0]))

    def forward(self, label: Tensor | None, image: Tensor | None) -> Tensor:
        """Of a label (B, H, W) and an image (B, C, H, W), one or both -> (B, O, H, W) in [-1, 1]."""
        if self.layout.positional_encoding:
            return self._run(label, image)
        if captured():
            return self._convolved(label, image)
        given = image if image is not None else label
        assert given is not None
        b, (height, width) = given.shape[0], given.shape[-2:]
        flat = self._run(
            None if label is None else _laid(label, height * width),
            None if image is None else _laid(image, height * width),
        ).flatten(2)
        return flat[..., : height * width].reshape(b, -1, height, width)

    def _run(self, label: Tensor | None, image: Tensor | None) -> Tensor:
        given = image if image is not None else label
        assert given is not None
        side = self.layout.tile
        rows, columns = (size // side for size in given.shape[-2:])
        phi = self.phi.expand(given.shape[0], -1, rows, columns)
        return ops.pixelwise_mlp(phi, label=label, image=image, **self.layout.arguments, backend=self.backend)

    def _convolved(self, label: Tensor | None, image: Tensor | None) -> Tensor:
        """The same as 1x1 convolutions, which every runtime has and which need no multiples of a tile."""
        (bias, weight), *layers = split_parameters(self.phi.flatten(), self.layout.widths)
        classes = self.layout.num_classes
        hidden = bias[:, None, None]
        if label is not None:
            hidden = hidden + weight[:classes][label.long()].permute(0, 3, 1, 2)
        if image is not None:
            hidden = hidden + F.conv2d(image, weight[classes:].T[..., None, None])
        for bias, weight in layers:
            hidden = F.leaky_relu(hidden, self.layout.negative_slope)
            hidden = F.conv2d(hidden, weight.T[..., None, None], bias)
        return hidden.tanh()


def _laid(planes: Tensor, pixels: int) -> Tensor:
    """(B, .., H, W) -> (B, .., S, columns): the pixels in a row, as many more as fill the last tile."""
    if planes.dtype in (torch.uint16, torch.uint32):
        planes = planes.to(torch.int32)  # torch cannot pad these
    return F.pad(planes.flatten(-2), (0, -pixels % TILE**2)).unflatten(-1, (TILE, -1))


class ArcTanMlp(nn.Module):
    """1x1 convolutions, after each of which (atan a, atan^2 a) / 0.67 doubles the channels; tanh at the end.

    Args:
        inputs: channels of the input.
        width: of every hidden convolution.
        depth: number of hidden convolutions (8 in the paper, 24 wide); one more gives the outputs.
        outputs: channels of the result.
    """

    def __init__(self, inputs: int, *, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        if width < 1 or depth < 1:
            raise ValueError(f"an MLP needs width and depth >= 1, got {width} and {depth}")
        widths = [inputs, *[2 * width] * depth]
        self.hidden = nn.ModuleList(nn.Conv2d(before, width, 1) for before in widths[:-1])
        self.last = nn.Conv2d(widths[-1], outputs, 1)
        for layer in (*self.hidden, self.last):
            nn.init.normal_(layer.weight, 0.0, 1 / math.sqrt(layer.in_channels))
            nn.init.zeros_(layer.bias)

    def forward(self, planes: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, O, H, W) in [-1, 1]."""
        for layer in self.hidden:
            angle = layer(planes).atan()
            planes = torch.cat([angle, angle * angle], dim=1) / 0.67
        return self.last(planes).tanh()
