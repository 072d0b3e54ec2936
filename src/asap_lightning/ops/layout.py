"""The shape of the pixelwise MLP as one value, and the checks of what an operation is given.

Axes: B batch, P parameters of one MLP, N label channels, C image channels, H height, W width, S tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from asap_lightning.ops.encoding import encoding_channels

FLOAT_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
INTEGER_DTYPES = (
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.uint32,
)


@dataclass(frozen=True)
class MlpLayout:
    """What one tile's MLP looks like: everything about it but its parameters.

    Attributes:
        tile: side S of a tile in pixels, a power of two.
        width: hidden channels.
        depth: number of layers.
        num_classes: label channels N; 0 without a label map.
        image_channels: continuous channels C; 0 without an image.
        out_channels: channels of the result.
        positional_encoding: whether the 4 log2(S) encoding channels are appended.
        negative_slope: of the leaky ReLU.
    """

    tile: int
    width: int = 64
    depth: int = 5
    num_classes: int = 0
    image_channels: int = 0
    out_channels: int = 3
    positional_encoding: bool = True
    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        if self.out_channels < 1:
            raise ValueError(f"the MLP needs out_channels >= 1, got {self.out_channels}")
        if not self.negative_slope >= 0:
            raise ValueError(f"the leaky ReLU needs a negative_slope >= 0, got {self.negative_slope}")
        encoding_channels(self.tile)

    @property
    def encoding(self) -> int:
        """Encoding channels K."""
        return encoding_channels(self.tile) if self.positional_encoding else 0

    @property
    def inputs(self) -> int:
        """Input channels: label, image, encoding, in this order."""
        return self.num_classes + self.image_channels + self.encoding

    @property
    def widths(self) -> list[int]:
        """Channels along the MLP: [inputs, width, .., width, out_channels], ``depth`` layers.

        Raises:
            ValueError: there is no such MLP.
        """
        inputs, width, depth = self.inputs, self.width, self.depth
        if depth < 2 or width < 1 or inputs < 1:
            raise ValueError(
                f"an MLP needs inputs, width >= 1 and depth >= 2, got {inputs}, {width}, {depth}"
            )
        return [inputs, *[width] * (depth - 1), self.out_channels]

    @property
    def parameters(self) -> int:
        """Parameters P of one tile's MLP: (n_in + 1) n_out, summed over its layers."""
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.widths))

    @property
    def arguments(self) -> dict[str, Any]:
        """What `pixelwise_mlp` is told of it beside the label and the image."""
        return {
            "tile": self.tile,
            "width": self.width,
            "depth": self.depth,
            "num_classes": self.num_classes,
            "out_channels": self.out_channels,
            "positional_encoding": self.positional_encoding,
            "negative_slope": self.negative_slope,
        }

    def multiply_adds(self, pixels: int) -> int:
        """Multiply-adds the algorithm needs for ``pixels`` pixels once the first layer is a look-up.

        The label costs an addition and the encoding two, so the first layer has none but the image's.
        """
        widths = self.widths
        dense = sum(a * b for a, b in pairwise(widths[1:]))
        return pixels * (dense + self.image_channels * self.width)


def check_pixelwise(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> None:
    """Raises ValueError or TypeError unless phi, label and image fit each other and the layout."""
    if phi.dtype not in FLOAT_DTYPES:
        raise TypeError(f"phi must be float32, float16, bfloat16 or float64, got {phi.dtype}")
    if phi.ndim != 4 or phi.shape[1] != layout.parameters:
        raise ValueError(
            f"phi must be (B, {layout.parameters}, H/S, W/S) for an MLP with channels "
            f"{layout.widths}, got {tuple(phi.shape)}"
        )
    b, _, rows, columns = phi.shape
    height, width = rows * layout.tile, columns * layout.tile
    shapes = {"label": (b, height, width), "image": (b, layout.image_channels, height, width)}
    for name, tensor in (("label", label), ("image", image)):
        if tensor is None:
            continue
        if tuple(tensor.shape) != shapes[name]:
            raise ValueError(
                f"{name} must be {shapes[name]} (phi's grid of {rows} x {columns} tiles times "
                f"S = {layout.tile}), got {tuple(tensor.shape)}; S must divide the image"
            )
        if tensor.device != phi.device:
            raise ValueError(f"{name} is on {tensor.device}, phi on {phi.device}; move them to one device")
    if image is not None and image.dtype not in FLOAT_DTYPES:
        raise TypeError(f"the image must be floating point, got {image.dtype}")
    if label is not None:
        check_label(label, layout.num_classes)


def check_label(label: Tensor, num_classes: int) -> None:
    """Raises unless ``label`` is a (B, H, W) integer map and there are classes."""
    if label.dtype not in INTEGER_DTYPES:
        raise TypeError(f"label must hold integer class ids, got {label.dtype}")
    if label.ndim != 3:
        raise ValueError(f"label must be (B, H, W), got {tuple(label.shape)}")
    if num_classes < 1:
        raise ValueError(f"a label map needs num_classes >= 1, got {num_classes}")


def check_class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype) -> None:
    """Raises ValueError or TypeError unless the label map can be pooled by ``s1``."""
    check_label(label, num_classes)
    if dtype not in FLOAT_DTYPES:
        raise TypeError(f"class maps are floating point, got {dtype}")
    if s1 < 1 or (s1 > 1 and s1 % 2):
        raise ValueError(f"S1 must be 1 or even (the tent filter pads S1/2), got {s1}")
    _, height, width = label.shape
    if height % s1 or width % s1:
        raise ValueError(f"S1 = {s1} must divide the label map, got {height} x {width}")
    if s1 > 1 and min(height, width) and min(height, width) <= s1 // 2:
        raise ValueError(
            f"reflection padding of S1/2 = {s1 // 2} needs a larger label map than {height} x {width}"
        )


def check_label_ids(label: Tensor, num_classes: int) -> None:
    """Raises ValueError unless every id lies in [0, num_classes).

    On a GPU the check is asynchronous, so that it neither stalls the stream nor breaks a CUDA graph:
    a bad id raises at the next synchronisation.
    """
    if not label.numel():
        return
    ids = label.to(torch.int32) if label.dtype in (torch.uint16, torch.uint32) else label
    low, high = ids.aminmax()
    if label.is_cuda:
        torch._assert_async((low >= 0) & (high < num_classes), f"label ids must lie in [0, {num_classes})")
        return
    lowest, highest = (int(bound) for bound in (low, high))
    if lowest < 0 or highest >= num_classes:
        raise label_error(num_classes, lowest, highest)


def label_error(num_classes: int, low: int, high: int) -> ValueError:
    """The error for label ids ``low``..``high`` outside the classes."""
    return ValueError(
        f"label ids must lie in [0, {num_classes}), found {low}..{high}; map the unknown class "
        "(255 in files) to the last channel, or raise the number of classes"
    )
