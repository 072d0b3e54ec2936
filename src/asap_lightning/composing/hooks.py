"""The fitted networks as what canvases ask: where a segment goes, which of two pieces lies in front.

Axes: H height, W width of the layout; S side of the windows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.data.batch import to_signed
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.models.sims.order import OrderNetwork
from asap_lightning.models.sims.planes import coloured, one_hot
from asap_lightning.models.sims.window import GROWN, LEAST, in_picture, nearest, seen, window_about
from asap_lightning.segments.bank import Segment
from asap_lightning.segments.pieces import IDENTITY, Affine, Piece, warped
from asap_lightning.segments.regions import Box, Mask, region_of_mask

Window = tuple[slice, slice]


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
        height, width = mask.shape
        region = region_of_mask(segment.region.class_id, mask, (0, 0), (height, width))
        piece = None if region is None else warped(segment, region, IDENTITY)
        if region is None or piece is None:
            return IDENTITY
        near = surroundings(region.box, (height, width))
        theta, middle = self._asked(piece, region.box, mask[near], layout[near], near)
        sides = zip(near, mask.shape, strict=True)
        centre = np.array([(one.start + one.stop - side) / 2 for one, side in sides])
        return _rounded(theta, middle, centre[::-1], self.decimals)

    def _asked(
        self, piece: Piece, box: Box, mask: Mask, layout: NDArray, near: Window
    ) -> tuple[Affine, NDArray[np.float64]]:
        """The network's map of the surroundings' pixels, and the region's middle, about their centre."""
        device = next(self.network.parameters()).device
        top, left = near[0].start, near[1].start
        corners = [box[1] - left, box[0] - top, box[3] - 1 - left, box[2] - 1 - top]
        boxes = torch.tensor([corners], dtype=torch.float32, device=device)
        window = window_about(boxes, self.side, *mask.shape)
        place = torch.from_numpy(mask).to(device).float()[None, None]
        label = torch.from_numpy(np.asarray(layout, np.float32))[None, None].to(device)
        theta = self.network(
            seen(_picture(piece, near, device), window, self.side),
            (seen(place, window, self.side) >= 0.5).float(),
            one_hot(nearest(label, window, self.side), self.network.label_channels),
        )
        made, middle = in_picture(theta, window)[0], window[0, :, 2]
        return made.double().cpu().numpy(), middle.double().cpu().numpy()


def surroundings(box: Box, size: tuple[int, int]) -> Window:
    """The part of a picture that a window about a box shows; the rest need not be looked at."""
    near = []
    for first, last, side in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        reach = max(GROWN * (last - first) / 2, LEAST) + 1
        middle = (first + last) / 2
        near.append(slice(max(0, int(middle - reach)), min(side, int(np.ceil(middle + reach)))))
    return near[0], near[1]


def _rounded(
    theta: Affine, middle: NDArray[np.float64], centre: NDArray[np.float64], decimals: int
) -> Affine:
    """The map with rounded numbers, as a map about ``middle``, which goes where it went but for rounding.

    Args:
        theta: in pixels about a point.
        middle: about the same point.
        centre: that point, in pixels about the picture's centre, about which the result is.
        decimals: that are kept.
    """
    linear = np.round(theta[:, :2], decimals)
    shift = np.round(theta[:, :2] @ middle + theta[:, 2] - middle, decimals)
    fixed = middle + centre
    return np.column_stack([linear, shift + fixed - linear @ fixed])


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
        colours = self.colours.to(next(self.network.parameters()).device)
        shown = pictures_of([window_on(first, second, layout, self.side)], colours)
        ids = [torch.tensor([class_id], device=colours.device) for class_id in classes]
        return bool(self.network.first_in_front(*shown, (ids[0], ids[1]))[0])


def window_on(first: Piece, second: Piece, layout: NDArray, side: int) -> NDArray[np.int64]:
    """(3, S, S) class ids of two pieces and of the layout, through a window about both; -1 for none.

    By the nearest pixel, and without a look at others: layouts may be large.
    """
    both = (first, second)
    rows, columns = (
        _places(min(one.corner[axis] for one in both), max(_end(one, axis) for one in both), side)
        for axis in (0, 1)
    )
    shown = [_looked_up(np.asarray(layout), rows, columns)]
    for piece in both:
        mask = _looked_up(piece.mask, rows - piece.corner[0], columns - piece.corner[1])
        shown.append(np.where(mask == 1, piece.region.class_id, -1))
    return np.stack([shown[1], shown[2], shown[0]])


def _end(piece: Piece, axis: int) -> int:
    return piece.corner[axis] + piece.mask.shape[axis]


def _places(low: int, high: int, side: int) -> NDArray[np.int64]:
    """(S,) the row or column of each of a window's pixels; see `models.sims.window`."""
    half = max(GROWN * (high - low) / 2, LEAST)
    places = (low + high - 1) / 2 + (np.arange(side) - (side - 1) / 2) * half / (side / 2)
    return np.rint(places).astype(np.int64)


def _looked_up(array: NDArray, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """What lies at rows and columns; -1 outside."""
    down, across = ((one >= 0) & (one < end) for one, end in zip((rows, columns), array.shape, strict=True))
    found = np.full((len(rows), len(columns)), -1, np.int64)
    found[np.ix_(down, across)] = array[np.ix_(rows[down], columns[across])]
    return found


def pictures_of(windows: list[NDArray[np.int64]], colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What an order network is called with: two pieces and the layout, (B, 3, S, S) each; see `window_on`."""
    ids = torch.from_numpy(np.stack(windows)).to(colours.device)
    made = [coloured(one.clamp(min=0), colours, (one >= 0).float().unsqueeze(1)) for one in ids.unbind(1)]
    return made[0], made[1], made[2]


def _picture(piece: Piece, near: Window, device: torch.device) -> Tensor:
    """A piece on a part of an empty picture: (1, 4, h, w), RGB in [-1, 1] and 1; 0 where it is not."""
    picture = torch.zeros(1, 4, *(one.stop - one.start for one in near), device=device)
    cut, there = [], []
    for one, part in zip(piece.window, near, strict=True):
        first, last = max(one.start, part.start), min(one.stop, part.stop)
        cut.append(slice(first - one.start, max(first, last) - one.start))
        there.append(slice(first - part.start, max(first, last) - part.start))
    solid = torch.from_numpy(piece.mask[cut[0], cut[1]]).to(device)
    colours = to_signed(torch.from_numpy(piece.colours[cut[0], cut[1]])[None].to(device))[0]
    picture[0, :3, there[0], there[1]] = colours * solid
    picture[0, 3, there[0], there[1]] = solid.float()
    return picture
