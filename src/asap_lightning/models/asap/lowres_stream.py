"""The low-res stream: a convolutional network that predicts one MLP's parameters a tile."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

PaddingMode = Literal["reflection", "zeros"]
_TORCH_MODE: dict[str, Literal["reflect", "zeros"]] = {"reflection": "reflect", "zeros": "zeros"}


def conv_block(
    inputs: int, outputs: int, *, stride: int = 1, padding: PaddingMode = "reflection"
) -> nn.Sequential:
    """conv3x3 without bias, instance norm with affine, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False, padding_mode=_TORCH_MODE[padding]),
        nn.InstanceNorm2d(outputs, affine=True),
        nn.ReLU(inplace=True),
    )


class LowResStream(nn.Module):
    """(B, C, h, w) -> phi (B, P, h/S2, w/S2) (ASAP-Net section 3.1).

    conv3x3 to ``width``; log2(S2) strided conv3x3, ``width`` wide but the last ``max_width``; ``depth``
    conv3x3 of ``max_width``; conv1x1 to the P parameters. Each conv3x3 is followed by instance norm and ReLU.

    Args:
        inputs: channels of the low-res input.
        parameters: P, number of parameters of one MLP.
        s2: the factor by which the convolutions downsample, a power of two.
        width: channels at the low-res input's own resolution.
        max_width: channels of the body.
        depth: number of body blocks.
        padding: ``reflection`` (facades) or ``zeros`` (Cityscapes).
    """

    def __init__(
        self,
        inputs: int,
        parameters: int,
        *,
        s2: int,
        width: int = 64,
        max_width: int = 1024,
        depth: int = 7,
        padding: PaddingMode = "reflection",
    ) -> None:
        super().__init__()
        if s2 < 1 or s2 & (s2 - 1):
            raise ValueError(f"S2 must be a power of two, got {s2}")
        if padding not in _TORCH_MODE:
            raise ValueError(f"padding must be one of {', '.join(_TORCH_MODE)}, got {padding!r}")
        strides = s2.bit_length() - 1
        self.padding: PaddingMode = padding
        self.head = conv_block(inputs, width if strides or depth else max_width, padding=padding)
        widths = [width] * strides + [max_width] if strides else [width]
        self.down = nn.Sequential(*(conv_block(a, b, stride=2, padding=padding) for a, b in pairwise(widths)))
        self.body = nn.Sequential(
            *(
                conv_block(widths[-1] if i == 0 else max_width, max_width, padding=padding)
                for i in range(depth)
            )
        )
        self.to_phi = nn.Conv2d(max_width, parameters, 1)

    def forward(self, lowres_input: Tensor) -> Tensor:
        return self.to_phi(self.body(self.down(self.head(lowres_input))))
