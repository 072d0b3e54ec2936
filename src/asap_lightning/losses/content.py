"""CRN's content loss, and its variant for several images at once (Chen and Koltun, ICCV 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.losses.perceptual import PerceptualLoss

CONV_LAYERS = (3, 8, 13, 22, 31)  # conv1_2, conv2_2, conv3_2, conv4_2, conv5_2, after their ReLU
SHARES = (1.0, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
TORCHVISION_SCALE = 255 * 0.225
"""Caffe's VGG reads [0, 255] minus the mean, torchvision's the same divided by about this."""


class ContentLoss(PerceptualLoss):
    """sum_l s_l |Phi_l(image) - Phi_l(photo)|, l = the image itself on [0, 255] and five VGG-19 layers.

    Deviation: the paper's weights are Caffe's, which read [0, 255] minus the mean. These are torchvision's,
    which read normalised images; their features are multiplied by 255 x 0.225, so that a layer counts about
    as much beside the image term as in the paper.

    Args:
        weight: factor of the whole term.
        weights: as in `PerceptualLoss`.
        shares: s_l of the image and of the five layers.

    Raises:
        UserError: when the weights are missing or are not VGG-19's.
    """

    layers = CONV_LAYERS

    def __init__(
        self, weight: float = 1.0, weights: str | Path | None = None, shares: Sequence[float] = SHARES
    ) -> None:
        if len(shares) != len(CONV_LAYERS) + 1:
            raise ValueError(f"shares needs {len(CONV_LAYERS) + 1} numbers, got {len(shares)}")
        super().__init__(weight, weights, shares[1:], imagenet_normalize=True)
        self.image_share = float(shares[0])

    def levels(self, image: Tensor) -> list[tuple[float, Tensor]]:
        """(s_l, Phi_l) of images (B, 3, H, W) in [-1, 1]."""
        maps = [TORCHVISION_SCALE * feature.float() for feature in self.describe(image)]
        return [(self.image_share, 127.5 * image.float()), *zip(self.layer_weights, maps, strict=True)]

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """The weighted distance, a scalar; gradients flow into ``fake`` only."""
        with torch.no_grad():
            targets = self.levels(real)
        terms = [s * F.l1_loss(f, t) for (s, f), (_, t) in zip(self.levels(fake), targets, strict=True)]
        return self.weight * torch.stack(terms).sum()

    def of_many(self, images: Tensor, real: Tensor, planes: Tensor) -> Tensor:
        """The diversity loss: every class counts only in the image that fits it best.

        sum_c min_k sum_l s_l mean(mask_c |Phi_l(image_k) - Phi_l(photo)|), averaged over the batch.

        Args:
            images: (B, k, 3, H, W) in [-1, 1].
            real: (B, 3, H, W).
            planes: (B, C, H, W): the masks of the classes.
        """
        batch, count = images.shape[:2]
        with torch.no_grad():
            targets = self.levels(real)
        errors = torch.zeros(batch, count, planes.shape[1], device=images.device)
        for (share, found), (_, target) in zip(self.levels(images.flatten(0, 1)), targets, strict=True):
            distance = (found.unflatten(0, (batch, count)) - target.unsqueeze(1)).abs().mean(2)
            masks = F.interpolate(planes.float(), size=distance.shape[-2:], mode="area")
            errors = errors + share * torch.einsum("bkhw,bchw->bkc", distance, masks) / distance[0, 0].numel()
        return self.weight * errors.amin(1).sum(1).mean()
