"""The authors' algorithm as it is published, in eager PyTorch: what the fast paths are measured against.

Written from the paper (section 3) for this purpose alone: one-hot planes at full resolution, a depthwise tent
filter over them, the low-res stream, then all planes and the encoding unfolded into tiles and sent through
batched matrix products.

Axes: B batch, H height, W width, S tile, T tiles, Q pixels of a tile.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition
from asap_lightning.models import AsapGenerator, GeneratorOutput
from asap_lightning.ops import positional_encoding, tent_downsample
from asap_lightning.ops.encoding import split_parameters


class AuthorsAlgorithm(nn.Module):
    """Renders with a generator's own weights, step by step as the authors' program does."""

    def __init__(self, generator: AsapGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, condition: Condition) -> GeneratorOutput:
        """A `Condition` -> image (B, 3, H, W), phi in the extras."""
        generator = self.generator
        dense = generator.spec.encode(condition, generator.lowres_stream.to_phi.weight.dtype)
        phi = generator.lowres_stream(tent_downsample(dense, generator.s1))
        planes = dense[:, : generator.spec.planes]
        return GeneratorOutput(self.render(planes, phi), {"phi": phi})

    def render(self, planes: Tensor, phi: Tensor) -> Tensor:
        """Planes (B, C, H, W) through every tile's MLP."""
        layout = self.generator.layout
        b, _, height, width = planes.shape
        tile, (rows, columns) = layout.tile, phi.shape[-2:]
        if layout.positional_encoding:
            table = positional_encoding(tile, dtype=planes.dtype, device=planes.device)
            planes = torch.cat([planes, table.repeat(1, rows, columns).expand(b, -1, -1, -1)], dim=1)
        inputs = planes.shape[1]
        features = F.unfold(planes, tile, stride=tile).view(b, inputs, tile * tile, rows * columns)
        features = features.permute(0, 3, 2, 1).reshape(-1, tile * tile, inputs)
        parameters = phi.permute(0, 2, 3, 1).reshape(b * rows * columns, -1)
        layers = split_parameters(parameters, layout.widths)
        for index, (bias, weight) in enumerate(layers):
            features = torch.bmm(features, weight) + bias.unsqueeze(1)
            if index < len(layers) - 1:
                features = F.leaky_relu(features, layout.negative_slope)
        unfolded = (
            features.tanh().view(b, rows * columns, tile * tile, layout.out_channels).permute(0, 3, 2, 1)
        )
        return F.fold(unfolded.flatten(1, 2), (height, width), tile, stride=tile)
