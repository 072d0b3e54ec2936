"""The synthesis network: a canvas of pieces and the layout become an image (section 4.3).

Axes: B batch, C channels, H height, W width, N label channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import layer_norm
from asap_lightning.models.sims.trunk import block_means, convolutions, halve

ENCODER_WIDTHS, ENCODER_CONVOLUTIONS = (1, 2, 4, 8, 8, 8), (2, 2, 3, 3, 3, 3)
DECODER_WIDTHS = (8, 8, 8, 8, 8, 4, 4)
"""Over the first width: 64, 128, 256, 512 .. of the encoder's stages, 512 .. 512, 256, 256 of the levels."""
ENCODED_ROWS = 256
"""The encoder works at this height at most; a higher image enters it by halves."""


class SimsGenerator(Generator):
    """A U-Net with CRN's decoder: it sees layout, canvas and what is missing in every level.

    Encoder: six stages of convolutions, each followed by an average pool. Decoder: a level at each of the
    pools' sizes, coarsest first, and one at the encoder's: two convolutions on the input resized to it (means
    of 2 x 2, again and again), the encoder's pooled features of that size, and the level's before, enlarged
    (bilinear, corners aligned). Any output size is possible: sizes are halved, rounding up.

    For images higher than 256 rows the encoder works at half their size, and a level of ``2 * width``
    channels follows; for more than 512 at a quarter, with two of them. A smaller network's weights fit the
    levels that both have (`training.initialize_from`).

    Args:
        spec: the kind of condition; label maps get a head of classes.
        height: rows of the training images, from which the number of levels follows.
        width: channels of the first stage (64 in the paper).
        norm: makes a norm from a number of channels.

    The last layer is linear (the paper's output is (y + 1) * 127.5); in evaluation mode the image is clamped
    to [-1, 1]. Extras of its output, for label maps: ``class_logits`` (B, N, H, W), what class each pixel of
    the image looks like, which the loss compares with the layout.

    Attributes:
        even: whether all sides are multiples of `step`: the same images, from a simpler graph.

    Raises:
        UserError: when it is called with a condition that has no canvas.
    """

    takes_canvas = True

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        height: int = 256,
        width: int = 64,
        norm: Callable[[int], nn.Module] = layer_norm,
    ) -> None:
        super().__init__()
        if height < 1:
            raise ValueError(f"images have at least one row, got height={height}")
        self.spec, self.draws, self.even = spec, False, False
        inputs = spec.dense_channels + 4  # the canvas's colours, and where it is empty
        widths = [width * factor for factor in ENCODER_WIDTHS]
        self.encode = nn.ModuleList(
            convolutions(before, after, count, norm=norm)
            for before, after, count in zip([inputs, *widths[:-1]], widths, ENCODER_CONVOLUTIONS, strict=True)
        )
        self.doublings = max(0, -(-height // ENCODED_ROWS) - 1).bit_length()
        levels = [width * factor for factor in DECODER_WIDTHS] + [2 * width] * self.doublings
        skips = widths[::-1] + [0] * (1 + self.doublings)
        self.decode = nn.ModuleList(
            convolutions(inputs + skip + below, after, 2, norm=norm)
            for skip, below, after in zip(skips, [0, *levels[:-1]], levels, strict=True)
        )
        self.to_image = nn.Conv2d(levels[-1], 3, 1)
        self.to_classes = nn.Conv2d(levels[-1], spec.label_channels, 1) if spec.kind == "label" else None

    @property
    def step(self) -> int:
        """Sides of multiples of it are even on every level but the coarsest."""
        return 2 ** (len(self.decode) - 1)

    def features(self, planes: Tensor) -> Tensor:
        """Features (B, C', H, W) of layout, canvas and missing planes (B, C, H, W)."""
        inputs = [planes]
        for _ in self.decode[1:]:
            inputs.append(block_means(inputs[-1], even=self.even))
        x, skips = inputs[self.doublings], []
        for stage in self.encode:
            x = halve(stage(x), "average", even=self.even)
            skips.append(x)
        made: Tensor | None = None
        for level in self.decode:
            parts = [inputs.pop()]
            if made is not None:
                size = parts[0].shape[-2:]
                made = F.interpolate(made, size=size, mode="bilinear", align_corners=True)
            parts += [part for part in (skips.pop() if skips else None, made) if part is not None]
            made = level(torch.cat(parts, dim=1))
        assert made is not None
        return made

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        planes, canvas = self.spec.encode(condition), condition.require_canvas()
        features = self.features(torch.cat([planes, canvas[:, :3], 1 - canvas[:, 3:]], dim=1))
        image = self.to_image(features)
        if not self.training:
            image = image.clamp(-1, 1)
        if self.to_classes is None:
            return GeneratorOutput(image)
        return GeneratorOutput(image, {"class_logits": self.to_classes(features)})
