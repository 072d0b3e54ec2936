"""Matching of two feature maps, as pure functions: everywhere at once, or among a few candidates a pixel.

A match is an offset: pixel (row, column) of the left map goes with (row + x, column + y) of the right one, so
that x counts rows and y columns.

Axes: B batch, C channels, K candidates, h, w height and width, P = h w pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

SIDE = 4
DILATION = 2
CANDIDATES = SIDE * SIDE
"""Candidates of a pixel: 4 x 4, two pixels apart, about twice the best match of the level below."""
ROWS_AT_ONCE = 2**22
"""Similarities that the full match holds at once, for each image."""


def unit_features(features: Tensor, *, centred: bool = False) -> Tensor:
    """(B, C, h, w), every pixel's vector of length 1; ``centred``: its mean over channels taken off first."""
    if centred:
        features = features - features.mean(1, keepdim=True)
    return features / (features.norm(dim=1, keepdim=True) + torch.finfo(torch.float64).eps)


def match_everywhere(
    left: Tensor, right: Tensor, values: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Every left pixel against every right one (section 3.1): softmax(left . right / t) values.

    Some rows at a time, so that the P x P similarities are never held at once; in training those of a part
    are computed anew on the way back.

    Args:
        left, right: (B, C, h, w) unit vectors.
        values: (B, V, h, w): what is carried from the right to the left, colours for example.
        temperature: t.

    Returns:
        The carried values (B, V, h, w), and each left pixel's best right pixel (B, h, w), row * w + column.
    """
    size = left.shape[-2:]
    rows, columns = left.flatten(2).transpose(1, 2), right.flatten(2)
    carried = values.flatten(2).transpose(1, 2)
    step = max(1, ROWS_AT_ONCE // columns.shape[2])

    def part(rows: Tensor, columns: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        similarity = rows @ columns
        return (similarity / temperature).softmax(2) @ carried, similarity.argmax(2)

    keeps = torch.is_grad_enabled() and any(given.requires_grad for given in (left, right, values))
    found = [
        checkpoint(part, piece, columns, carried, use_reentrant=False)
        if keeps
        else part(piece, columns, carried)
        for piece in rows.split(step, 1)
    ]
    warped = torch.cat([piece for piece, _ in found], 1).transpose(1, 2).unflatten(2, size)
    return warped, torch.cat([best for _, best in found], 1).unflatten(1, size)


def pixel_grid(like: Tensor) -> tuple[Tensor, Tensor]:
    """Row numbers (h, 1) and column numbers (1, w) of a map (.., h, w), in its float type."""
    height, width = like.shape[-2:]
    kind = like.dtype if like.is_floating_point() else torch.float32
    rows = torch.arange(height, device=like.device, dtype=kind).unsqueeze(1)
    return rows, torch.arange(width, device=like.device, dtype=kind).unsqueeze(0)


def initial_offsets(best: Tensor) -> tuple[Tensor, Tensor]:
    """Candidates of the next level, twice as large, from each pixel's best match.

    Twice the offset of the pixel below, and `SIDE` x `SIDE` about it, `DILATION` apart: -2, 0, 2, 4.

    Args:
        best: (B, h, w): row * w + column of the best match.

    Returns:
        x and y (B, K, 2h, 2w), float32.
    """
    rows, columns = pixel_grid(best)
    width = best.shape[-1]
    around = DILATION * (torch.arange(SIDE, device=best.device, dtype=rows.dtype) - (SIDE // 2 - 1))
    found = []
    for offset, spread in (
        (torch.div(best, width, rounding_mode="floor") - rows, around.repeat_interleave(SIDE)),
        (best % width - columns, around.repeat(SIDE)),
    ):
        enlarged = F.interpolate(2 * offset.unsqueeze(1), scale_factor=2, mode="nearest")
        found.append(enlarged + spread.view(1, -1, 1, 1))
    return found[0], found[1]


def propagate(offsets: Tensor, *, along_rows: bool) -> Tensor:
    """Each pixel's candidates and those of its two neighbours (B, 3K, h, w); beyond the border they are 0.

    Args:
        offsets: (B, K, h, w), x or y.
        along_rows: the neighbours to the left and right; else those above and below.
    """
    shift = (1, 0, 0, 0) if along_rows else (0, 0, 1, 0)
    back = (0, 1, 0, 0) if along_rows else (0, 0, 0, 1)
    height, width = offsets.shape[-2:]
    before = F.pad(offsets, shift)[..., :height, :width]
    after = F.pad(offsets, back)[..., -height:, -width:]
    return torch.cat([before, offsets, after], 1)


def pixel_indices(x: Tensor, y: Tensor) -> Tensor:
    """The right pixels that offsets lead to, kept inside the map: (B, K, h, w) of row * w + column.

    A fractional row is multiplied by the width before all is truncated, as in the authors' program: half a
    row further down is half a row of pixels further on.
    """
    rows, columns = pixel_grid(x)
    height, width = x.shape[-2:]
    row, column = (rows + x).clamp(0, height - 1), (columns + y).clamp(0, width - 1)
    return (row * width + column).long().clamp_(max=height * width - 1)


def similarities(left: Tensor, right: Tensor, indices: Tensor) -> Tensor:
    """left(p) . right(indices(p)), candidate after candidate: what they gather is never held together.

    Args:
        left, right: (B, C, h, w).
        indices: (B, K, h, w).

    Returns:
        (B, K, h, w).
    """
    ours = left.flatten(2).transpose(1, 2)
    theirs = right.flatten(2).transpose(1, 2).contiguous()

    def score(ours: Tensor, theirs: Tensor, which: Tensor) -> Tensor:
        return (ours * at_pixels(theirs, which)).sum(2)

    keeps = torch.is_grad_enabled() and (left.requires_grad or right.requires_grad)
    scores = [
        checkpoint(score, ours, theirs, which, use_reentrant=False) if keeps else score(ours, theirs, which)
        for which in indices.flatten(2).unbind(1)
    ]
    return torch.stack(scores, 1).unflatten(2, indices.shape[-2:])


def at_pixels(values: Tensor, which: Tensor) -> Tensor:
    """The values (B, P, C) at the pixels ``which`` (B, P)."""
    batch, count, channels = values.shape
    first = count * torch.arange(batch, device=which.device).unsqueeze(1)
    rows = values.reshape(batch * count, channels).index_select(0, (which + first).flatten())
    return rows.unflatten(0, which.shape)


def keep_best(left: Tensor, right: Tensor, x: Tensor, y: Tensor, temperature: float) -> tuple[Tensor, ...]:
    """The `CANDIDATES` most similar ones of more candidates.

    Args:
        left, right: (B, C, h, w) unit vectors.
        x, y: (B, 3K, h, w) offsets.
        temperature: of the softmax over all 3K.

    Returns:
        x and y (B, K, h, w), whole numbers that stay inside the map, the best first; and their shares of the
        softmax over all 3K.
    """
    indices = pixel_indices(x, y)
    share, order = (similarities(left, right, indices) / temperature).softmax(1).topk(CANDIDATES, 1)
    kept = indices.gather(1, order)
    rows, columns = pixel_grid(left)
    width = left.shape[-1]
    return torch.div(kept, width, rounding_mode="floor") - rows, kept % width - columns, share
