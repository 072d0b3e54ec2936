"""Convolutions and residual blocks (He et al. 2016) that the papers' segmenters share."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm and, if asked for, ReLU: ``.conv``, ``.norm``.

    Padded with zeros so that a stride of 1 keeps the size.
    """

    conv: nn.Conv2d

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        activation: bool = True,
    ) -> None:
        padding = dilation * (kernel // 2)
        layers: dict[str, nn.Module] = {
            "conv": nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
            "norm": nn.BatchNorm2d(outputs),
        }
        if activation:
            layers["activation"] = nn.ReLU(inplace=True)
        super().__init__(OrderedDict(layers))


class ResidualUnit(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = body
        changes = stride != 1 or inputs != outputs
        self.shortcut = (
            ConvNorm(inputs, outputs, 1, stride=stride, activation=False) if changes else nn.Identity()
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.body(x) + self.shortcut(x))


class BasicBlock(ResidualUnit):
    """Two 3x3 convolutions."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> None:
        body = nn.Sequential(
            ConvNorm(inputs, outputs, stride=stride, dilation=dilation),
            ConvNorm(outputs, outputs, dilation=dilation, activation=False),
        )
        super().__init__(body, inputs, outputs, stride)


class Bottleneck(ResidualUnit):
    """1x1 to a quarter of the output's channels, 3x3, 1x1.

    Args:
        inputs, outputs: channels.
        stride: of the 3x3 convolution; of the first 1x1 with ``stride_first``, as Caffe's models have it.
        dilation: of the 3x3 convolution.
        stride_first: where the stride lies.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, stride_first: bool = False
    ) -> None:
        width = outputs // 4
        first, second = (stride, 1) if stride_first else (1, stride)
        body = nn.Sequential(
            ConvNorm(inputs, width, 1, stride=first),
            ConvNorm(width, width, stride=second, dilation=dilation),
            ConvNorm(width, outputs, 1, activation=False),
        )
        super().__init__(body, inputs, outputs, stride)


def bottlenecks(
    count: int, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1, stride_first: bool = False
) -> nn.Sequential:
    """A stage of `Bottleneck`s; the first one changes size and channels."""
    return nn.Sequential(
        *(
            Bottleneck(
                outputs if index else inputs,
                outputs,
                stride=1 if index else stride,
                dilation=dilation,
                stride_first=stride_first,
            )
            for index in range(count)
        )
    )
