"""FCN-8s (Long et al. 2015) as Caffe computes it: the network of pix2pix's FCN score."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

BORDER = 100
"""Zeros around the image, so that the 7x7 layer fits into any size."""
CROP4, CROP3, CROP = 5, 9, 31
"""Where the image begins in the padded grids: crops of pool4's and pool3's scores and of the result."""
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


class Fcn8s(nn.Module):
    """Images (B, 3, H, W) -> scores (B, classes, H, W).

    VGG-16 with its fully connected layers as convolutions; scores at 1/32 are doubled by learnt transposed
    convolutions and added to those of pool4 and pool3. Poolings round up, as Caffe's.

    Args:
        classes: number of classes.
        stages: width and number of the convolutions between two poolings.
        hidden: channels of the layers that were fully connected.
    """

    def __init__(
        self, classes: int = 20, *, stages: Sequence[Sequence[int]] = VGG16, hidden: int = 4096
    ) -> None:
        super().__init__()
        widths = [width for width, _ in stages]
        sources = [3, *widths]
        self.stages = nn.ModuleList(
            _stage(count, sources[i], width, border=0 if i else BORDER)
            for i, (width, count) in enumerate(stages)
        )
        self.dense = nn.Sequential(
            nn.Conv2d(widths[-1], hidden, 7), nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU()
        )
        self.score = nn.Conv2d(hidden, classes, 1)
        self.score4 = nn.Conv2d(widths[-2], classes, 1)
        self.score3 = nn.Conv2d(widths[-3], classes, 1)
        self.up = nn.ConvTranspose2d(classes, classes, 4, 2, bias=False)
        self.up4 = nn.ConvTranspose2d(classes, classes, 4, 2, bias=False)
        self.up3 = nn.ConvTranspose2d(classes, classes, 16, 8, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        features = [images]
        for stage in self.stages:
            features.append(stage(features[-1]))
        *_, pool3, pool4, pool5 = features
        fused = add_cropped(self.up(self.score(self.dense(pool5))), self.score4(pool4), CROP4)
        fused = add_cropped(self.up4(fused), self.score3(pool3), CROP3)
        height, width = images.shape[-2:]
        return self.up3(fused)[..., CROP : CROP + height, CROP : CROP + width]


def _stage(count: int, inputs: int, outputs: int, border: int) -> nn.Sequential:
    """3x3 convolutions and a pooling that halves, rounding up; ``border`` pads the first instead of 1."""
    layers: list[nn.Module] = []
    for index in range(count):
        padding = border if border and not index else 1
        layers += [nn.Conv2d(outputs if index else inputs, outputs, 3, padding=padding), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2, 2, ceil_mode=True))


def add_cropped(coarse: Tensor, fine: Tensor, offset: int) -> Tensor:
    """Coarse + the part of ``fine`` that begins at ``offset`` and has its size."""
    height, width = coarse.shape[-2:]
    return coarse + fine[..., offset : offset + height, offset : offset + width]
