"""The generator: an exemplar, warped to the condition, is translated into the image."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.cocosnet.correspondence import CorrespondencePyramid, Matched
from asap_lightning.models.cocosnet.features import LEVELS
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import PositionalNorm2d, xavier_init
from asap_lightning.models.spade.generator import SpadeGenerator

WARPS = tuple(f"warp{level}" for level in range(LEVELS))


class CocosnetGenerator(Generator):
    """An image of the condition's layout in an exemplar's style (CoCosNet v2, figure 2).

    It needs `Condition.guide`, the exemplar, and `Condition.guide_condition`, the exemplar's own condition. A
    `CorrespondencePyramid` warps the exemplar to the condition at four sizes; the warps, enlarged by nearest
    pixel, and the condition modulate the norms of a SPADE generator with positional norm.

    PatchMatch takes over neighbours' candidates along rows first or along columns first, by chance: in
    training by torch's random state, in evaluation always in the same order, so that nothing is drawn there.

    Args:
        spec: the kind of condition. Exemplars have no instance maps, so that instance edges are not matched:
            they reach the translation network alone.
        width: ngf of the translation network.
        match_width: nef of the feature networks, and channels of what is matched.
        hidden: channels inside each SPADE.
        temperature: of the softmax over matches.
        iterations: of PatchMatch, at each finer level.
        teach_offsets: see `PatchMatch`.
        init_gain: of the Xavier initialisation.

    Extras of its output: ``warp0`` .. ``warp3`` (B, 3, h, w), from 1/8 of the size to all of it; in training
    also what its losses compare. `training_extras` adds what only losses need.
    """

    size_multiple = 32
    minimum_size = 64  # the smallest map, 1/32 of it, is reflected at its border
    draws = False
    takes_guide = True
    takes_guide_condition = True

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        match_width: int = 32,
        hidden: int = 128,
        temperature: float = 0.01,
        iterations: int = 5,
        teach_offsets: bool = True,
        init_gain: float = 0.02,
    ) -> None:
        super().__init__()
        if temperature <= 0 or iterations < 1:
            raise ValueError(
                f"temperature must be positive and iterations at least 1, got {temperature} and {iterations}"
            )
        self.spec, self.iterations = spec, iterations
        self.correspondence = CorrespondencePyramid(
            spec.planes,
            width=match_width,
            hidden=hidden,
            temperature=temperature,
            iterations=iterations,
            teach_offsets=teach_offsets,
        )
        xavier_init(self.correspondence, init_gain)
        self.translation = SpadeGenerator(
            ConditionSpec("image", channels=3 * LEVELS + spec.dense_channels),
            width=width,
            hidden=hidden,
            norm=PositionalNorm2d,
            padding="reflect",
            widest=8,
            init_gain=init_gain,
        )

    @property
    def needs_guide(self) -> bool:
        """It has no style of its own."""
        return True

    @property
    def independent(self) -> bool:
        """Not so: a batch rounds otherwise than one image, and rounding may decide where a match falls."""
        return False

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        matched = self._match(condition)
        planes = self.spec.encode(condition)
        extras = dict(zip(WARPS, matched.warps, strict=True))
        if self.training:
            left, right = matched.coarse
            extras |= {"coarse_condition": left, "coarse_exemplar": right}
            extras |= {f"features{level}": found for level, found in enumerate(matched.features)}
        return GeneratorOutput(self.translate(planes, matched.warps), extras)

    def translate(self, planes: Tensor, warps: list[Tensor]) -> Tensor:
        """The image (B, 3, H, W) from the condition's planes (B, C, H, W) and the warps, smallest first."""
        size = planes.shape[-2:]
        enlarged = [torch.nn.functional.interpolate(warp, size=size, mode="nearest") for warp in warps]
        grid = (size[0] // self.size_multiple, size[1] // self.size_multiple)
        stacked = torch.cat([*(warp.to(planes.dtype) for warp in enlarged), planes], 1)
        return self.translation.synthesize(stacked, grid)

    def orders(self) -> list[list[bool]]:
        """For each finer level and iteration whether matches wander along rows first."""
        source = None if self.training else torch.Generator("cpu").manual_seed(0)
        drawn = torch.rand(LEVELS - 1, self.iterations, generator=source, device="cpu")
        orders: list[list[bool]] = (drawn < 0.5).tolist()
        return orders

    def training_extras(
        self, condition: Condition, photo: Tensor, extras: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """``guide``, ``cycle`` (the coarse warp carried back), ``pair_features0`` .. of the photo itself.

        Args:
            condition: what `forward` was called with in training.
            photo: the image that belongs to it (B, 3, H, W).
            extras: what `forward` returned.
        """
        assert condition.guide is not None
        warps = [extras[name] for name in WARPS]
        matched = Matched(warps, (extras["coarse_condition"], extras["coarse_exemplar"]), [])
        pair = self.correspondence.exemplar_features(photo, self.spec.encode_planes(condition))
        found = {f"pair_features{level}": features for level, features in enumerate(pair)}
        return {**found, "guide": condition.guide, "cycle": self.correspondence.cycle(matched)}

    def _match(self, condition: Condition) -> Matched:
        planes, own = self.spec.encode_planes(condition), condition.of_guide()
        matched: Matched = self.correspondence(
            planes, condition.guide, self.spec.encode_planes(own), self.orders()
        )
        return matched
