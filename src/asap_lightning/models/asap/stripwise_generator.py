"""ASAP-Net on an image that is larger than memory.

The low-res stream goes over the image by strips (`StripwiseLowRes`), then the pixelwise stream renders some
tiles at a time, with phi for these tiles alone: the last convolution of the low-res stream is 1 x 1, so phi
of a tile needs that tile's features and no neighbours.

Axes: P parameters, S tile, R and C rows and columns of tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.models.asap.generator import AsapGenerator
from asap_lightning.models.asap.stripwise import StripwiseLowRes, Tick

BLOCK_BYTES = 48 << 20
"""Of a block's phi, and of its image before it is made whole numbers."""
MEMORY = 512 << 20
"""Of the low-res stream's features, unless said otherwise."""
LOWRES_SHARE = 0.7
"""Of the time, about, that goes by before the first tile is rendered."""


class ConditionRows(Protocol):
    """A condition that is read by rows.

    Attributes:
        height, width: multiples of the tile.
    """

    height: int
    width: int

    def condition(self, top: int, bottom: int, left: int = 0, right: int | None = None) -> Condition:
        """A rectangle of it, as a batch of one on the generator's device."""


class Block(NamedTuple):
    """Tiles that are rendered at a time: ranges of rows and columns of the grid."""

    top: int
    bottom: int
    left: int
    right: int


class StripwiseAsap:
    """What `AsapGenerator` gives for a condition, without ever holding all of it.

    Args:
        generator: in evaluation mode.
        rows: the condition. It is read from top to bottom two or three times.
        memory: bytes for features of the low-res stream; what does not fit goes to a temporary file.
        folder: for that file; None takes the system's.

    Raises:
        ValueError: a size that the generator does not translate.
    """

    def __init__(
        self,
        generator: AsapGenerator,
        rows: ConditionRows,
        *,
        memory: int = MEMORY,
        folder: Path | None = None,
    ) -> None:
        generator.check_size(rows.height, rows.width)
        self._generator, self._rows = generator, rows
        self._down, self._across = rows.height // generator.tile, rows.width // generator.tile
        self._lowres = StripwiseLowRes(
            generator.lowres_stream,
            rows.height // generator.s1,
            rows.width // generator.s1,
            self._lowres_input,
            memory=memory,
            folder=folder,
            backend=generator.backend,
        )

    @torch.inference_mode()
    def image(self, tick: Tick = lambda share: None) -> Iterator[list[Tensor]]:
        """Strips of the image from top to bottom, each as blocks (1, 3, h, w) in [-1, 1] side by side.

        Args:
            tick: told the share of the work done since it was called last.
        """
        try:
            self._lowres.run(lambda share: tick(share * LOWRES_SHARE))
            constant = self._lowres.mean_phi() if self._generator.phi_mode == "constant" else None
            step_down, step_across = self._steps()
            for top in range(0, self._down, step_down):
                bottom = min(top + step_down, self._down)
                blocks = []
                for left in range(0, self._across, step_across):
                    block = Block(top, bottom, left, min(left + step_across, self._across))
                    blocks.append(self._render(block, constant))
                yield blocks
                tick((1 - LOWRES_SHARE) * (bottom - top) / self._down)
        finally:
            self._lowres.close()

    def _steps(self) -> tuple[int, int]:
        """Rows and columns of tiles in a block: whole rows if one fits."""
        tile = max(self._generator.layout.parameters, 3 * self._generator.tile**2) * 4
        tiles = max(1, BLOCK_BYTES // tile)
        return max(1, tiles // self._across), min(tiles, self._across)

    def _render(self, block: Block, constant: Tensor | None) -> Tensor:
        halo = int(self._generator.phi_mode == "bilinear")  # phi of the tiles around has a share there
        wide = Block(
            max(block.top - halo, 0),
            min(block.bottom + halo, self._down),
            max(block.left - halo, 0),
            min(block.right + halo, self._across),
        )
        if constant is None:
            phi = self._lowres.phi(*wide)
        else:
            phi = constant.expand(-1, -1, wide.bottom - wide.top, wide.right - wide.left)
        tile = self._generator.tile
        condition = self._rows.condition(*(edge * tile for edge in wide))
        image = self._generator.render(condition, phi)
        if not halo:
            return image
        y, x = (block.top - wide.top) * tile, (block.left - wide.left) * tile
        return image[
            :, :, y : y + (block.bottom - block.top) * tile, x : x + (block.right - block.left) * tile
        ]

    def _lowres_input(self, top: int, bottom: int) -> Tensor:
        """Rows of the low-res input (1, C, bottom - top, W/S1): pooled from pixels a block of S1 beyond them.

        The tent filter and the edges of instances reach no farther, so what the reflection at the cut gives
        is in the rows that are dropped.
        """
        s1 = self._generator.s1
        above = max(top - 1, 0)
        condition = self._rows.condition(above * s1, min((bottom + 1) * s1, self._rows.height))
        return self._generator.lowres_input(condition)[:, :, top - above : bottom - above]


def whole_bytes(generator: AsapGenerator, height: int, width: int) -> int:
    """About the bytes that translating an image at once takes beside the weights, in float32."""
    per_pixel = 8.0 + 12.0 + 4 * generator.layout.parameters / generator.tile**2
    scale, largest = 1.0 / generator.s1**2, 0.0
    for block in (
        generator.lowres_stream.head,
        *generator.lowres_stream.down,
        *generator.lowres_stream.body,
    ):
        conv = block[0]
        before, scale = scale, scale / conv.stride[0] ** 2
        # input, output, and the output before its norm; Winograd's transforms take as much again
        largest = max(largest, 4 * (conv.in_channels * before + 3 * conv.out_channels * scale))
    return int((per_pixel + largest) * height * width)
