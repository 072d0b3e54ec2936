"""A finished scale's generator on the CPU: batch norm folded into its convolutions, which run natively.

The result is within 1e-5 of torch's. Between two scales an image is truncated to 8 bits, so that in a few
places of a sample a grey level (1 of 255) falls to the other side, as it does from processor to processor.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from asap_lightning.ops.dispatch import requested_backend
from asap_lightning.ops.patch import why_not_native
from asap_lightning.ops.patch_native import convolve, padded, prepare
from asap_lightning.ops.patch_steps import ConvBlock
from asap_lightning.singan.networks import ScaleGenerator, center_crop

Generate = Callable[[Tensor, Tensor], Tensor]


class FoldedGenerator:
    """As a `ScaleGenerator` in evaluation mode, whose weights are copied: later changes are not seen.

    Args:
        generator: one that the native library can run (`why_not_native`).
    """

    def __init__(self, generator: ScaleGenerator) -> None:
        network = generator.network
        folded = [_folded(block) for block in network.blocks if isinstance(block, ConvBlock)]
        assert network.last.bias is not None
        folded.append((network.last.weight.detach(), network.last.bias.detach(), 1.0))
        self._layers = []
        for weight, bias, slope in folded:
            outputs, inputs = weight.shape[:2]
            filters = prepare(weight.float().contiguous())
            self._layers.append((filters, inputs, outputs, padded(bias.float()), slope))

    @torch.no_grad()
    def __call__(self, noise: Tensor, previous: Tensor) -> Tensor:
        """See `ScaleGenerator.forward`."""
        x = noise.permute(0, 2, 3, 1).contiguous()
        for filters, inputs, outputs, bias, slope in self._layers:
            x = convolve(x, filters, inputs, outputs, bias=bias, slope=slope)
        residual = torch.tanh(x).permute(0, 3, 1, 2)
        return residual + center_crop(previous, residual.shape[-2], residual.shape[-1])


def _folded(block: ConvBlock) -> tuple[Tensor, Tensor, float]:
    """Weight and bias of one convolution in place of the block's first two steps, in double; the slope."""
    norm, (mean, variance, _) = block.norm, block.running()
    scale = norm.weight.detach().double() / torch.sqrt(variance.double() + norm.eps)
    weight = block.conv.weight.detach().double() * scale[:, None, None, None]
    bias = (block.bias().double() - mean.double()) * scale + norm.bias.detach().double()
    return weight, bias, block.activation.negative_slope


def finished(generator: ScaleGenerator) -> Generate:
    """The fastest way to run a generator whose weights will not change again, in evaluation mode.

    Native where the library can run it, unless ``ASAP_BACKEND`` names another; else the module itself.
    """
    if requested_backend(None) in ("", "native") and not why_not_native(generator.network):
        return FoldedGenerator(generator)
    return generator
