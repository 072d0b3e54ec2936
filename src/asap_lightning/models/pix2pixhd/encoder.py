"""The instance feature encoder of pix2pixHD."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, ResnetTrunk, image_head
from asap_lightning.ops.dispatch import captured


def instance_average(features: Tensor, instance: Tensor) -> Tensor:
    """Replaces every feature by its mean over the instance that the pixel belongs to.

    Args:
        features: (B, C, H, W).
        instance: (B, H, W) or (B, 1, H, W), any integer dtype.

    Returns:
        (B, C, H, W), constant inside each instance of each image (section 3.4).
    """
    b, c, h, w = features.shape
    ids = instance.reshape(b, h * w).long()
    offset = torch.arange(b, device=ids.device).unsqueeze(1) * (ids.max() - ids.min() + 1)
    _, segment = torch.unique(ids - ids.min() + offset, return_inverse=True)
    segment = segment.reshape(-1)
    flat = features.permute(0, 2, 3, 1).reshape(-1, c)
    count = b * h * w if captured() else int(segment.max()) + 1  # a graph knows shapes, not values
    sums = flat.new_zeros(count, c).index_add_(0, segment, flat)
    sizes = flat.new_zeros(count).index_add_(0, segment, flat.new_ones(segment.shape[0]))
    means = sums / sizes.clamp(min=1).unsqueeze(1)
    return means[segment].reshape(b, h, w, c).permute(0, 3, 1, 2)


class InstanceEncoder(nn.Module):
    """(photo, instance map) -> feature map, constant inside each instance (section 3.4).

    A small down- and upsampling network without residual blocks, tanh, then `instance_average`.

    Args:
        features: number of feature channels.
        width: channels at full resolution.
        downs: how often the size is halved.
        norm: makes a norm from a number of channels.
    """

    def __init__(
        self, features: int = 3, *, width: int = 16, downs: int = 4, norm: Norm = nn.InstanceNorm2d
    ) -> None:
        super().__init__()
        self.trunk = ResnetTrunk(3, width=width, downs=downs, blocks=0, norm=norm, bias=True)
        self.head = image_head(width, features)

    def forward(self, photo: Tensor, instance: Tensor) -> Tensor:
        """Features (B, F, H, W) in [-1, 1] of a photo (B, 3, H, W) and its instance map (B, H, W)."""
        return instance_average(self.head(self.trunk(photo)), instance)
