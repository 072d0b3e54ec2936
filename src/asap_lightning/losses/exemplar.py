"""CoCosNet's objective: an image of the condition's layout in the style of an exemplar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.losses.adversarial import AdversarialLoss
from asap_lightning.losses.contextual import contextual_loss
from asap_lightning.losses.objective import Terms, TranslationObjective
from asap_lightning.losses.perceptual import EFFICIENTNET_MAGNITUDES, Network, PerceptualLoss, Precision

Shares = Sequence[float]


class ExemplarPerceptualLoss(PerceptualLoss):
    """Three terms of one fixed network's features, each with its own factor.

    - ``perceptual``: sum_l w_l |Phi_l(image) - Phi_l(photo)|_1 at relu1_1 .. relu5_1, of the pairs alone
      whose exemplar is their own photo: of others the image is not meant to have the photo's colours.
    - ``content``: the mean square difference at relu4_2 of image and photo, of all pairs.
    - ``contextual``: `contextual_loss` of image and exemplar at relu3_2, relu4_2, relu5_2.

    With EfficientNet-Lite0, for machines without VGG's weights: all five stages, the fourth, and the last
    three.

    Args:
        weight: of ``perceptual``.
        content_weight: of ``content`` (0.001: VGG's features of normalised images are large).
        contextual_weight: of ``contextual``.
        contextual_shares: of its three layers, the shallow one first.
        weights, imagenet_normalize, precision, backend, network: as of `PerceptualLoss`.

    Raises:
        UserError: when the weights are missing or are not the network's.
    """

    layers: tuple[int, ...] = (1, 6, 11, 13, 20, 22, 29, 31)  # relu1_1, 2_1, 3_1, 3_2, 4_1, 4_2, 5_1, 5_2

    def __init__(
        self,
        weight: float = 10.0,
        content_weight: float = 0.001,
        contextual_weight: float = 10.0,
        contextual_shares: Shares = (2.0, 4.0, 8.0),
        weights: str | Path | None = None,
        imagenet_normalize: bool = True,
        precision: Precision = "float32",
        backend: str | None = None,
        network: Network = "vgg19",
    ) -> None:
        if len(contextual_shares) != 3:
            raise ValueError(f"contextual_shares needs 3 numbers, got {len(contextual_shares)}")
        if network == "vgg19":
            shares: Shares = (1 / 32, 1 / 16, 1 / 8, 0.0, 1 / 4, 0.0, 1.0, 0.0)
            places: tuple[tuple[int, ...], int, tuple[int, ...]] = ((0, 1, 2, 4, 6), 5, (3, 5, 7))
        else:
            self.layers = tuple(range(len(EFFICIENTNET_MAGNITUDES)))
            shares = (0.2,) * len(self.layers)
            places = (self.layers, 3, (2, 3, 4))
        super().__init__(weight, weights, shares, imagenet_normalize, precision, backend, network)
        self.compared, self.content_place, self.contextual_places = places
        self.content_weight, self.contextual_weight = content_weight, contextual_weight
        self.contextual_shares = tuple(float(share) for share in contextual_shares)

    def terms(self, image: Tensor, photo: Tensor, guide: Tensor | None, own: Tensor | None) -> Terms:
        """The weighted terms; gradients flow into ``image`` only.

        Args:
            image, photo: (B, 3, H, W) in [-1, 1].
            guide: the exemplars, likewise; None leaves ``contextual`` out.
            own: (B,) whether the exemplar is the own photo; None: all are.
        """
        with torch.no_grad():
            wanted = self.describe(photo)
            shown = None if guide is None or not self.contextual_weight else self.describe(guide)
        made = self.describe(image)
        near = [
            self.layer_weights[i] * mean_of_own((made[i].float() - wanted[i].float()).abs(), own)
            for i in self.compared
        ]
        content = F.mse_loss(made[self.content_place].float(), wanted[self.content_place].float())
        found = {
            "perceptual": self.weight * torch.stack(near).sum(),
            "content": self.content_weight * content,
        }
        if shown is not None:
            alike = [
                share * contextual_loss(made[i], shown[i])
                for share, i in zip(self.contextual_shares, self.contextual_places, strict=True)
            ]
            found["contextual"] = self.contextual_weight * torch.stack(alike).sum()
        return found


class ExemplarObjective(TranslationObjective):
    """`TranslationObjective` and what teaches correspondences (CoCosNet v2, section 3.4).

    Args:
        adversarial: as of `TranslationObjective`.
        perceptual: with its three terms; None leaves them out.
        pair_features: factor of the distance between the features of condition and photo with condition, all
            of length 1, summed over levels: so that both networks describe the same thing alike.
        warp: factor of the L1 distance between the warped exemplar and the photo, summed over levels; of the
            pairs alone whose exemplar is their own photo.
        cycle: factor of the L1 distance between the exemplar and its warp carried back.
        **others: as of `TranslationObjective`.
    """

    def __init__(
        self,
        adversarial: AdversarialLoss | None = None,
        *,
        perceptual: ExemplarPerceptualLoss | None = None,
        pair_features: float = 10.0,
        warp: float = 500.0,
        cycle: float = 1.0,
        **others: Any,
    ) -> None:
        super().__init__(adversarial, perceptual=perceptual, **others)
        self.pair_features, self.warp, self.cycle = pair_features, warp, cycle

    def _perceptual_terms(
        self, image: Tensor, photo: Tensor, extras: dict[str, Tensor], planes: Tensor | None
    ) -> Terms:
        assert isinstance(self.perceptual, ExemplarPerceptualLoss)
        return self.perceptual.terms(image, photo, extras.get("guide"), extras.get("own_exemplar"))

    def _more_terms(self, photo: Tensor, extras: dict[str, Tensor]) -> Terms:
        if "warp0" not in extras:
            raise ValueError(
                "this objective compares warped exemplars: it needs generator=cocosnet (loss=cocosnet)"
            )
        levels = range(sum(name.startswith("warp") for name in extras))
        found: Terms = {}
        if self.pair_features:
            pairs = [(extras[f"features{level}"], extras[f"pair_features{level}"]) for level in levels]
            found["pair_features"] = self.pair_features * feature_distance(pairs)
        if self.warp:
            warps = [extras[f"warp{level}"] for level in levels]
            found["warp"] = self.warp * warp_distance(warps, photo, extras.get("own_exemplar"))
        if self.cycle:
            found["cycle"] = self.cycle * F.l1_loss(
                extras["cycle"], reduced(extras["guide"], extras["cycle"])
            )
        return found


def feature_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The mean absolute difference of two maps (B, C, h, w) of unit vectors, summed over pairs of maps."""
    return torch.stack([F.l1_loss(_unit(one), _unit(other)) for one, other in pairs]).sum()


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features.float(), dim=1)


def warp_distance(warps: Sequence[Tensor], photo: Tensor, own: Tensor | None) -> Tensor:
    """L1 distance of warps (B, 3, h, w) to the photo, averaged down to each one's size; summed over warps."""
    return torch.stack([mean_of_own((warp - reduced(photo, warp)).abs(), own) for warp in warps]).sum()


def reduced(image: Tensor, like: Tensor) -> Tensor:
    """The image averaged over squares, down to the size of another map."""
    side = image.shape[-1] // like.shape[-1]
    return image.float() if side == 1 else F.avg_pool2d(image.float(), side)


def mean_of_own(values: Tensor, own: Tensor | None) -> Tensor:
    """The mean of (B, ..) over the images that count; 0 where none does."""
    each = values.flatten(1).mean(1)
    if own is None:
        return each.mean()
    chosen = own.to(each.dtype)
    return (each * chosen).sum() / chosen.sum().clamp(min=1)
