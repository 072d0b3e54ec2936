"""The steps of `asap_lightning.ops.patch_steps` in the native library: float32 on the CPU, 3 x 3 kernels.

Arrays are (B, H, W, P), P being the channels rounded up to 16, for images of at most 3 channels the channels
themselves. Convolutions of hidden layers are Winograd's F(4x4, 3x3): four times fewer multiplications than
direct ones. Their results are ten times further from exact ones than those of a direct convolution in float32
(2e-6 of the results' root mean square); gradients of weights are closer.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from asap_lightning.ops.native import check
from asap_lightning.ops.native_library import CNorm, CPatch, CRange, library
from asap_lightning.ops.patch_steps import MOST_THIN, ConvBlock, Normed

LINE = 16


def pitch(channels: int) -> int:
    """Floats from a pixel to the next."""
    return channels if channels <= MOST_THIN else -(-channels // LINE) * LINE


@dataclass
class Filters:
    """A convolution's weights (O, C, 3, 3), and prepared for both directions when they are needed."""

    weight: Tensor
    forward: Tensor | None = None
    backward: Tensor | None = None

    @property
    def outputs(self) -> int:
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        return self.weight.shape[1]


@dataclass
class Sums:
    """Gradients of weights that are being added up."""

    inputs: int
    outputs: int
    data: Tensor


def prepare(weight: Tensor, *, backward: bool = False) -> Tensor:
    """Filters of a convolution, or of the gradient of its input, from contiguous (O, C, 3, 3) float32."""
    outputs, inputs = weight.shape[:2]
    if backward:
        outputs, inputs = inputs, outputs
    made = torch.empty(library().asap_patch_filter_floats(inputs, outputs))
    library().asap_patch_filters(weight.data_ptr(), inputs, outputs, int(backward), made.data_ptr())
    return made


def convolve(
    x: Tensor,
    filters: Tensor,
    inputs: int,
    outputs: int,
    *,
    pad: int = 0,
    bias: Tensor | None = None,
    slope: float = 1.0,
) -> Tensor:
    """leaky(convolution of the array + bias); ``bias`` is `padded`, or None, and then ``slope`` is 1."""
    b, h, w, _ = x.shape
    made = torch.empty(b, h + 2 * pad - 2, w + 2 * pad - 2, pitch(outputs))
    status = library().asap_patch_convolve(
        CPatch(b, h, w, inputs, outputs),
        x.data_ptr(),
        filters.data_ptr(),
        None if bias is None else bias.data_ptr(),
        slope,
        pad,
        made.data_ptr(),
        torch.get_num_threads(),
    )
    check(status, CRange(), 0)
    return made


def padded(values: Tensor) -> Tensor:
    """A value a channel, with zeros up to a whole line."""
    made = values.new_zeros(-(-len(values) // LINE) * LINE)
    made[: len(values)] = values.detach()
    return made


class NativePatch:
    """See `asap_lightning.ops.patch_steps.PatchKernels`."""

    def enter(self, image: Tensor) -> Tensor:
        return image.permute(0, 2, 3, 1).contiguous()

    def leave(self, array: Tensor) -> Tensor:
        return array.permute(0, 3, 1, 2)

    def filters(self, conv: nn.Conv2d) -> Filters:
        return Filters(conv.weight.detach().contiguous())

    def convolve(self, x: Tensor, filters: Filters) -> Tensor:
        if filters.forward is None:
            filters.forward = prepare(filters.weight)
        return convolve(x, filters.forward, filters.inputs, filters.outputs)

    def image_gradient(self, g: Tensor, filters: Filters, like: Tensor) -> Tensor:
        if filters.backward is None:
            filters.backward = prepare(filters.weight, backward=True)
        return convolve(g, filters.backward, filters.outputs, filters.inputs, pad=2)

    def weight_sums(self, filters: Filters) -> Sums:
        floats = library().asap_patch_gradient_floats(filters.inputs, filters.outputs)
        return Sums(filters.inputs, filters.outputs, torch.zeros(floats))

    def add_weight_gradient(self, sums: Sums, x: Tensor, g: Tensor) -> None:
        b, h, w, _ = x.shape
        status = library().asap_patch_gradient(
            CPatch(b, h, w, sums.inputs, sums.outputs),
            x.data_ptr(),
            g.data_ptr(),
            sums.data.data_ptr(),
            torch.get_num_threads(),
        )
        check(status, CRange(), 0)

    def weight_gradient(self, sums: Sums) -> Tensor:
        made = torch.empty(sums.outputs, sums.inputs, 3, 3)
        library().asap_patch_gradient_finish(sums.data.data_ptr(), sums.inputs, sums.outputs, made.data_ptr())
        return made

    def normalize(self, z: Tensor, block: ConvBlock) -> tuple[Tensor, Normed]:
        norm = block.norm
        b, height, width, across = z.shape
        gamma, beta = padded(norm.weight), padded(norm.bias)
        mean, inv = torch.empty(b, across), torch.empty(b, across)
        normed = Normed(
            z,
            mean,
            inv,
            gamma,
            beta,
            gamma,
            block.activation.negative_slope,
            norm.num_features,
            height * width,
        )
        running_mean, running_variance, momentum = block.running()
        x = torch.empty_like(z)
        status = library().asap_patch_norm_forward(
            _described(normed),
            norm.eps,
            block.bias().data_ptr(),
            running_mean.data_ptr(),
            running_variance.data_ptr(),
            momentum,
            x.data_ptr(),
            torch.get_num_threads(),
        )
        check(status, CRange(), 0)
        block.count(b)
        return x, normed

    def present(self, normed: Normed, block: ConvBlock) -> Normed:
        return replace(normed, gain=padded(block.norm.weight))

    def reverse(self, normed: Normed, g: Tensor) -> tuple[Tensor, Tensor]:
        return self._step("asap_patch_norm_reverse", normed, 2, g)

    def tangent(self, normed: Normed, g: Tensor, tz: Tensor) -> tuple[Tensor, Tensor]:
        return self._step("asap_patch_norm_tangent", normed, 3, g, tz)

    def second(
        self, normed: Normed, upstream: Tensor, g: Tensor, tz: Tensor, reverse: Tensor, tangent: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self._step("asap_patch_norm_second", normed, 2, upstream, g, tz, reverse, tangent)

    @staticmethod
    def _step(name: str, normed: Normed, means: int, *arrays: Tensor) -> tuple[Tensor, Tensor]:
        made = torch.empty_like(normed.z)
        found = normed.z.new_empty(len(normed.z), means, normed.z.shape[-1])
        status = getattr(library(), name)(
            _described(normed),
            *(array.data_ptr() for array in arrays),
            made.data_ptr(),
            found.data_ptr(),
            torch.get_num_threads(),
        )
        check(status, CRange(), 0)
        return made, found


def _described(normed: Normed) -> object:
    pointers = (
        t.data_ptr() for t in (normed.z, normed.mean, normed.inv, normed.gamma, normed.beta, normed.gain)
    )
    return ctypes.byref(CNorm(len(normed.z), normed.pixels, normed.channels, normed.slope, *pointers))
