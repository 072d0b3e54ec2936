"""The fitted networks as what canvases ask: where a segment goes, which of two pieces lies in front.

Axes: H height, W width of the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.data.batch import to_signed
from asap_lightning.data.dataset import PairedDataset
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.models.sims.order import OrderNetwork, coloured
from asap_lightning.segments.bank import Segment
from asap_lightning.segments.pieces import IDENTITY, Affine, Piece, warped
from asap_lightning.segments.regions import Mask, Region, region_of_mask
from asap_lightning.training.sims.alignment import AlignmentExample
from asap_lightning.training.sims.loop import one_hot


class Aligner:
    """An alignment network as `segments.pieces.Align`: what `Canvases(bank, align=..)` takes.

    The map's numbers are rounded (SIMS at test). Rounded to whole ones, which is how we read the authors'
    program, it is a shift by whole pixels and mixes none; more ``decimals`` keep its scale. Canvases reject
    it where the overlap does not grow.

    Args:
        network: fitted; layouts should be about as large as the training's, since shifts are in pixels.
        label_channels: of the layouts.
        decimals: of the map's numbers.
    """

    def __init__(self, network: AlignmentNetwork, label_channels: int, *, decimals: int = 0) -> None:
        self.network, self.label_channels, self.decimals = network.eval(), label_channels, decimals

    @torch.no_grad()
    def __call__(self, segment: Segment, mask: Mask, layout: NDArray) -> Affine:
        """The map (2, 3) of a segment for a region (H, W) of a layout (H, W)."""
        device = next(self.network.parameters()).device
        region = region_of_mask(segment.region.class_id, mask, (0, 0), (mask.shape[0], mask.shape[1]))
        piece = None if region is None else warped(segment, region, IDENTITY)
        if piece is None:
            return IDENTITY
        theta = self.network(
            _picture(piece, mask.shape, device),
            torch.from_numpy(mask).to(device).float()[None, None],
            one_hot(_ids(layout, device), self.label_channels),
        )
        return np.asarray(torch.round(theta[0], decimals=self.decimals).cpu().double().numpy())


class FrontJudge:
    """An order network as `segments.laying.Front`: what `Canvases(bank, front=..)` takes.

    Pieces of one class lie as they are laid.

    Args:
        network: fitted.
        colours: (N, 3) levels, those that it was fitted with.
    """

    def __init__(self, network: OrderNetwork, colours: NDArray) -> None:
        self.network = network.eval()
        self.colours = torch.from_numpy(np.asarray(colours, np.float32))

    @torch.no_grad()
    def __call__(self, first: Piece, second: Piece, layout: NDArray) -> bool:
        """Whether the piece that was laid first lies in front of the second."""
        classes = first.region.class_id, second.region.class_id
        if classes[0] == classes[1]:
            return False
        device = next(self.network.parameters()).device
        colours = self.colours.to(device)
        label = _ids(layout, device)

        def shown(piece: Piece) -> Tensor:
            mask = torch.zeros(1, 1, *layout.shape, device=device)
            mask[0, 0][piece.window] = torch.from_numpy(piece.mask).to(device).float()
            return coloured(torch.full_like(label, piece.region.class_id), colours, mask)

        one, other = (torch.tensor([class_id], device=device) for class_id in classes)
        whole = coloured(label, colours)
        return bool(self.network.first_in_front(shown(first), shown(second), whole, (one, other))[0])


class OwnSegments:
    """The segments of a data set's pairs as examples for `fit_alignment`, in another order on every pass.

    Args:
        pairs: with photos; transformed to the size of the canvases.
        regions: cuts a layout: `Canvases.regions`, so that examples are like the pieces.
        seed: decides the order.
    """

    def __init__(
        self, pairs: PairedDataset, regions: Callable[[NDArray], Sequence[Region]], seed: int = 0
    ) -> None:
        self.pairs, self.regions = pairs, regions
        self._random = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[AlignmentExample]:
        for index in self._random.permutation(len(self.pairs)):
            sample = self.pairs[int(index)]
            if sample.label is None or sample.photo is None:
                raise ValueError(f"'{sample.name}' has no label map or no photo")
            found = self.regions(sample.label)
            for number in self._random.permutation(len(found)):
                region = found[int(number)]
                mask = np.zeros(sample.size, np.bool_)
                mask[region.window] = region.mask
                yield AlignmentExample(sample.photo, sample.label, mask)


def _ids(layout: NDArray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(layout, np.int64))[None].to(device)


def _picture(piece: Piece, size: tuple[int, ...], device: torch.device) -> Tensor:
    """A piece on an empty picture: (1, 3, H, W) in [-1, 1], 0 where it is not."""
    picture = torch.zeros(1, 3, *size, device=device)
    solid = torch.from_numpy(piece.mask).to(device)
    picture[0][:, *piece.window] = to_signed(torch.from_numpy(piece.colours)[None].to(device))[0] * solid
    return picture
