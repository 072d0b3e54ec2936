"""The fitted networks as what canvases ask: where a segment goes, which of two pieces lies in front.

Axes: H height, W width of the layout; S side of the windows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.data.batch import to_signed
from asap_lightning.models.sims.affine import warped as mapped
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.models.sims.order import OrderNetwork
from asap_lightning.models.sims.planes import coloured, one_hot
from asap_lightning.models.sims.window import box_of, in_picture, nearest, seen, window_about
from asap_lightning.segments.bank import Segment
from asap_lightning.segments.pieces import IDENTITY, Affine, Piece, warped
from asap_lightning.segments.regions import Mask, region_of_mask


class Aligner:
    """An alignment network as `segments.pieces.Align`: what `Canvases(bank, align=..)` takes.

    The map's numbers are rounded (SIMS at test), about the middle of the region. Rounded to whole ones, which
    is how we read the authors' program, it is a shift by whole pixels and mixes none; more ``decimals`` keep
    its scale. Canvases reject it where the overlap does not grow.

    Args:
        network: fitted.
        side: S, that it was fitted with.
        decimals: of the map's numbers.
        digest: what tells it from other networks; see `Canvases.identity`.
    """

    def __init__(
        self, network: AlignmentNetwork, *, side: int = 64, decimals: int = 0, digest: str | None = None
    ) -> None:
        self.network, self.side, self.decimals, self.digest = network.eval(), side, decimals, digest

    @torch.no_grad()
    def __call__(self, segment: Segment, mask: Mask, layout: NDArray) -> Affine:
        """The map (2, 3) of a segment for a region (H, W) of a layout (H, W)."""
        device = next(self.network.parameters()).device
        height, width = mask.shape
        region = region_of_mask(segment.region.class_id, mask, (0, 0), (height, width))
        piece = None if region is None else warped(segment, region, IDENTITY)
        if region is None or piece is None:
            return IDENTITY
        top, left, bottom, right = region.box
        box = torch.tensor([[left, top, right - 1, bottom - 1]], dtype=torch.float32, device=device)
        window = window_about(box, self.side, height, width)
        theta = self.network(
            seen(_picture(piece, mask.shape, device), window, self.side),
            (seen(torch.from_numpy(mask).to(device).float()[None, None], window, self.side) >= 0.5).float(),
            one_hot(nearest(_ids(layout, device), window, self.side), self.network.label_channels),
        )
        made = in_picture(theta, window)[0].double().cpu().numpy()
        return _rounded(made, window[0, :, 2].double().cpu().numpy(), self.decimals)


def _rounded(theta: Affine, middle: NDArray[np.float64], decimals: int) -> Affine:
    """The map with rounded numbers, as a map about ``middle``, which goes where it went but for rounding."""
    linear = np.round(theta[:, :2], decimals)
    shift = np.round(theta[:, :2] @ middle + theta[:, 2] - middle, decimals)
    return np.column_stack([linear, shift + middle - linear @ middle])


class FrontJudge:
    """An order network as `segments.laying.Front`: what `Canvases(bank, front=..)` takes.

    Pieces of one class lie as they are laid.

    Args:
        network: fitted.
        colours: (N, 3) levels, those that it was fitted with.
        side: S, that it was fitted with.
        digest: what tells it from other networks; see `Canvases.identity`.
    """

    def __init__(
        self, network: OrderNetwork, colours: NDArray, *, side: int = 64, digest: str | None = None
    ) -> None:
        self.network, self.side, self.digest = network.eval(), side, digest
        self.colours = torch.from_numpy(np.asarray(colours, np.float32))

    @torch.no_grad()
    def __call__(self, first: Piece, second: Piece, layout: NDArray) -> bool:
        """Whether the piece that was laid first lies in front of the second."""
        classes = first.region.class_id, second.region.class_id
        if classes[0] == classes[1]:
            return False
        device = next(self.network.parameters()).device
        masks = torch.zeros(2, *layout.shape, device=device)
        for mask, piece in zip(masks, (first, second), strict=True):
            mask[piece.window] = torch.from_numpy(piece.mask).to(device).float()
        shown = pictures_of(
            _ids(layout, device),
            masks[:1, None],
            masks[1:, None],
            [classes],
            self.colours.to(device),
            self.side,
        )
        ids = [torch.tensor([class_id], device=device) for class_id in classes]
        return bool(self.network.first_in_front(*shown, (ids[0], ids[1]))[0])


def pictures_of(
    label: Tensor, first: Tensor, second: Tensor, classes: list[tuple[int, int]], colours: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What an order network is called with: two pieces and the layout, (B, 3, S, S) each.

    Seen through windows about both pieces.

    Args:
        label: (B, 1, H, W) class ids, as floats.
        first, second: (B, 1, H, W) in {0, 1}, the pieces; not both empty.
        classes: theirs, for each pair.
        colours: (N, 3).
        side: S.
    """
    boxes = torch.stack([box_of(one) for one in torch.maximum(first, second)[:, 0]])
    window = window_about(boxes, side, *label.shape[-2:])
    ids = nearest(label, window, side)
    inside = (ids >= 0).float().unsqueeze(1)
    made = []
    for place, mask in enumerate((first, second)):
        own = torch.tensor([pair[place] for pair in classes], device=label.device)[:, None, None]
        visible = mapped(mask, window, (side, side), mode="nearest")
        made.append(coloured(own.expand(-1, side, side), colours, visible))
    return made[0], made[1], coloured(ids.clamp(min=0), colours, inside)


def _ids(layout: NDArray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(layout, np.float32))[None, None].to(device)


def _picture(piece: Piece, size: tuple[int, ...], device: torch.device) -> Tensor:
    """A piece on an empty picture: (1, 4, H, W), RGB in [-1, 1] and 1; 0 where it is not."""
    picture = torch.zeros(1, 4, *size, device=device)
    solid = torch.from_numpy(piece.mask).to(device)
    window = picture[0][:, *piece.window]
    window[:3] = to_signed(torch.from_numpy(piece.colours)[None].to(device))[0] * solid
    window[3] = solid
    return picture
