"""Class maps in plain torch: weighted label counts by scatter-add.

Along a row, place j of the result covers the two blocks j and j + 1 of S1 padded pixels with the rising
and the falling half of the tent; the counts of the rows are then added with the same weights.

Axes: B batch, N classes, H height, W width (both padded by S1/2), h and w those of the result.
"""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.ops.reference import tent_downsample, tent_filter


def reflect_index(size: int, pad: int, device: torch.device) -> Tensor:
    """Places that reflection padding reads: (size + 2 pad,), without repeating the edge."""
    place = torch.arange(-pad, size + pad, device=device).abs()
    return torch.where(place < size, place, 2 * (size - 1) - place)


def class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype) -> Tensor:
    """(B, H, W) ids -> (B, N, h, w); ids outside the classes raise in the scatter."""
    b, height, width = label.shape
    sums = torch.float64 if dtype == torch.float64 else torch.float32
    if s1 == 1:
        planes = torch.zeros(b, num_classes, height, width, dtype=dtype, device=label.device)
        return planes.scatter_(1, label.long().unsqueeze(1), 1.0)
    rows = reflect_index(height, s1 // 2, label.device)
    columns = reflect_index(width, s1 // 2, label.device)
    blocks = label.long()[:, rows][:, :, columns].unflatten(2, (width // s1 + 1, s1))
    tent = tent_filter(s1).to(device=label.device, dtype=sums)
    counts = torch.zeros(b, height + s1, width // s1, num_classes, dtype=sums, device=label.device)
    for half, ids in ((tent[:s1], blocks[:, :, :-1]), (tent[s1:], blocks[:, :, 1:])):
        counts = counts.scatter_add(-1, ids, half.expand(ids.shape))
    strips = counts.view(b, height // s1 + 1, s1, width // s1, num_classes)
    weighted = torch.einsum("bruwn,u->bnrw", strips[:, :-1], tent[:s1])
    return (weighted + torch.einsum("bruwn,u->bnrw", strips[:, 1:], tent[s1:])).to(dtype).contiguous()


def in_graphs(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype) -> Tensor:
    """As `class_pool`, for graphs that other runtimes run: ONNX Runtime filters faster than it scatters.

    The ids are looked up in a table, which refuses those outside the classes whatever runs the graph.
    """
    known = torch.arange(num_classes, dtype=torch.int32, device=label.device)
    ids = known[torch.where(label < 0, num_classes, label).long()]
    planes = (ids.unsqueeze(1) == known.view(1, -1, 1, 1)).to(dtype)
    return tent_downsample(planes, s1)
