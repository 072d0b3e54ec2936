"""Correspondences between a condition and an exemplar, from coarse to full resolution (section 3.1).

Axes: B batch, C channels, H, W height and width of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.cocosnet.features import COARSEST, LEVELS, MatchingFeatures
from asap_lightning.models.cocosnet.matching import initial_offsets, match_everywhere, unit_features
from asap_lightning.models.cocosnet.patch_match import PatchMatch


@dataclass
class Matched:
    """What a condition and an exemplar have in common.

    Attributes:
        warps: the exemplar laid out as the condition is, at 1/8, 1/4, 1/2 and all of the size (B, 3, h, w).
        coarse: the vectors of both that were matched at 1/8 (B, C, h, w).
        features: of the condition, before its projections, one map a level.
    """

    warps: list[Tensor]
    coarse: tuple[Tensor, Tensor]
    features: list[Tensor]


class CorrespondencePyramid(nn.Module):
    """Warps an exemplar to a condition: a full match at 1/8 of the size, `PatchMatch` at each finer level.

    Features are scaled to length 1, projected by a 1x1 convolution, centred over channels and scaled again.

    Args:
        planes: channels of the condition.
        width: nef of both feature networks, and channels of what is matched.
        hidden: channels inside each SPADE of theirs.
        temperature: of every softmax.
        iterations: of `PatchMatch`, at each level.
        teach_offsets: as of `PatchMatch`.
    """

    def __init__(
        self,
        planes: int,
        *,
        width: int = 32,
        hidden: int = 128,
        temperature: float = 0.01,
        iterations: int = 5,
        teach_offsets: bool = True,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.of_condition = MatchingFeatures(planes, width=width, hidden=hidden)
        self.of_exemplar = MatchingFeatures(planes + 3, width=width, hidden=hidden)
        widths = (4 * width, 4 * width, 2 * width, width)
        self.project_condition = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)
        self.project_exemplar = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)
        self.patch_match = PatchMatch(
            width, iterations=iterations, temperature=temperature, teach_offsets=teach_offsets
        )

    def exemplar_features(self, exemplar: Tensor, planes: Tensor) -> list[Tensor]:
        """The features of a photo (B, 3, H, W) in [-1, 1] with its own condition (B, planes, H, W)."""
        features: list[Tensor] = self.of_exemplar(torch.cat([exemplar, planes], 1))
        return features

    @staticmethod
    def project(layers: nn.ModuleList, features: Sequence[Tensor]) -> list[Tensor]:
        """What is matched at every level: unit vectors (B, C, h, w), in float32."""
        projected = (layer(unit_features(found)) for layer, found in zip(layers, features, strict=True))
        return [unit_features(found.float(), centred=True) for found in projected]

    def forward(
        self, planes: Tensor, exemplar: Tensor, exemplar_planes: Tensor, rows_first: Sequence[Sequence[bool]]
    ) -> Matched:
        """Matches.

        Args:
            planes: (B, planes, H, W), H and W multiples of 8.
            exemplar: (B, 3, H, W) in [-1, 1].
            exemplar_planes: (B, planes, H, W).
            rows_first: for each of the three finer levels, the order of every iteration.
        """
        features = self.of_condition(planes)
        left = self.project(self.project_condition, features)
        right = self.project(self.project_exemplar, self.exemplar_features(exemplar, exemplar_planes))
        warps = self._warps(left, right, exemplar.float(), rows_first)
        return Matched(warps, (left[0], right[0]), features)

    @torch.autocast("cpu", enabled=False)  # pixel numbers need all of float32
    @torch.autocast("cuda", enabled=False)
    def _warps(
        self,
        left: list[Tensor],
        right: list[Tensor],
        exemplar: Tensor,
        rows_first: Sequence[Sequence[bool]],
    ) -> list[Tensor]:
        colours = F.avg_pool2d(exemplar, COARSEST)
        warp, best = match_everywhere(left[0], right[0], colours, self.temperature)
        warps = [warp]
        for level in range(1, LEVELS):
            colours = F.avg_pool2d(exemplar, COARSEST // 2**level)
            warp, best = self.patch_match(
                left[level], right[level], colours, initial_offsets(best), rows_first[level - 1]
            )
            warps.append(warp)
        return warps

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def cycle(self, matched: Matched) -> Tensor:
        """The coarse warp carried back to the exemplar's own place (B, 3, H/8, W/8)."""
        left, right = matched.coarse
        return match_everywhere(right, left, matched.warps[0], self.temperature)[0]
