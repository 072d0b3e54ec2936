"""CRN's content loss, and its variant for several images at once (Chen and Koltun, ICCV 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.losses.perceptual import Network, PerceptualLoss

CONV_LAYERS = (3, 8, 13, 22, 31)  # conv1_2, conv2_2, conv3_2, conv4_2, conv5_2, after their ReLU
SHARES = (1.0, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5)
TORCHVISION_SCALE = 255 * 0.225
"""Caffe's VGG reads [0, 255] minus the mean, torchvision's the same divided by about this."""
EFFICIENTNET_SCALE = 45.0
"""With it each of EfficientNet-Lite0's stages counts about as much as the image: 0.8 to 2.4 times as much
where 40 photos of facades are compared with one another, with blurred copies and with their mean colours."""


class ContentLoss(PerceptualLoss):
    """sum_l s_l |Phi_l(image) - Phi_l(photo)|, l = the image itself on [0, 255] and five VGG-19 layers.

    Deviation: the paper's weights are Caffe's, which read [0, 255] minus the mean. These are torchvision's,
    which read normalised images; their features are multiplied by 255 x 0.225, so that a layer counts about
    as much beside the image term as in the paper.

    With EfficientNet-Lite0, for machines without VGG's weights: its five stages, each of which counts about
    as much as the image, as the paper's weights make its layers count. It is another loss: figures of the
    papers are VGG's.

    Args:
        weight: factor of the whole term.
        weights: as in `PerceptualLoss`.
        shares: s_l of the image and of the five layers; None takes the paper's of VGG-19, and 1 each of
            EfficientNet-Lite0.
        network: ``vgg19`` (the paper's) or ``efficientnet_lite0``.

    Raises:
        UserError: when the weights are missing or are not the network's.
    """

    layers = CONV_LAYERS

    def __init__(
        self,
        weight: float = 1.0,
        weights: str | Path | None = None,
        shares: Sequence[float] | None = None,
        network: Network = "vgg19",
    ) -> None:
        if shares is None:
            shares = SHARES if network == "vgg19" else (1.0,) * len(SHARES)
        if len(shares) != len(CONV_LAYERS) + 1:
            raise ValueError(f"shares needs {len(CONV_LAYERS) + 1} numbers, got {len(shares)}")
        vgg = network == "vgg19"
        super().__init__(weight, weights, shares[1:], imagenet_normalize=vgg, network=network)
        self.image_share = float(shares[0])
        self.scale = TORCHVISION_SCALE if vgg else EFFICIENTNET_SCALE

    def levels(self, image: Tensor) -> list[tuple[float, Tensor]]:
        """(s_l, Phi_l) of images (B, 3, H, W) in [-1, 1]."""
        maps = [self.scale * feature.float() for feature in self.describe(image)]
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
