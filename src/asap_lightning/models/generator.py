"""The one contract for generators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from asap_lightning.models.layers.always_training import BatchStatisticsNorm2d

if TYPE_CHECKING:
    from asap_lightning.condition import Condition, ConditionSpec


@dataclass
class GeneratorOutput:
    """What a generator returns.

    Attributes:
        image: (B, 3, H, W) in [-1, 1].
        extras: whatever more it has to say, by name (``phi``, ``mu``, ``logvar``).
    """

    image: Tensor
    extras: dict[str, Tensor] = field(default_factory=dict)


class Generator(nn.Module):
    """A module called with a `Condition` that returns a `GeneratorOutput`.

    Attributes:
        spec: the kind of condition it was built for.
        size_multiple: height and width of the condition must be multiples of this.
        minimum_size: and at least this; 0 means ``size_multiple``.
        style_channels: Z, length of the style code that it takes; 0 if it takes none.
        draws: whether translating may draw random numbers, so that it is done with a seed, one at a time.
        takes_guide: whether it has an encoder, so that `Condition.guide` (in training: the photo) is read.
        takes_guide_condition: whether the guide's own condition, `Condition.guide_condition`, is read too.
        takes_canvas: whether it completes `Condition.canvas`, which it cannot do without.
    """

    spec: ConditionSpec
    size_multiple: int = 1
    minimum_size: int = 0
    style_channels: int = 0
    draws: bool = True
    takes_guide: bool = False
    takes_guide_condition: bool = False
    takes_canvas: bool = False

    @property
    def needs_guide(self) -> bool:
        """Whether it cannot translate without a guide or a style for now."""
        return False

    @property
    def independent(self) -> bool:
        """Whether an image of a batch is what it would be alone: no draws, no norms over the batch."""
        return not self.draws and not any(isinstance(part, BatchStatisticsNorm2d) for part in self.modules())

    def forward(self, condition: Condition) -> GeneratorOutput:
        raise NotImplementedError

    def training_extras(
        self, condition: Condition, photo: Tensor, extras: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """What losses need beside the extras of `forward`, by name; the generator's step alone asks for it.

        Args:
            condition: what `forward` was called with.
            photo: the real images (B, 3, H, W).
            extras: what `forward` returned with its image.
        """
        return {}

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError if an image of this size cannot be translated."""
        multiple = self.size_multiple
        if height % multiple or width % multiple or not height or not width:
            raise ValueError(
                f"{type(self).__name__} needs height and width to be multiples of {multiple}, "
                f"got {height} x {width}; pad or resize the image"
            )
        if min(height, width) < self.minimum_size:
            raise ValueError(
                f"{type(self).__name__} with these settings needs at least "
                f"{self.minimum_size} x {self.minimum_size} pixels, got {height} x {width}; "
                "use a larger image"
            )
