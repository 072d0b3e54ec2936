"""A scale's network forwards and backwards without autograd: the steps of `asap_lightning.ops.patch_steps`.

Autograd would record a graph of several hundred nodes for every update, and another for the second derivative
of the gradient penalty. Here the passes are written out: images that meet the same weights go through
together, each with its own statistics, and a convolution's weights get all their gradients in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from asap_lightning.ops.patch import patch_kernels
from asap_lightning.ops.patch_steps import ConvBlock, Normed, PatchKernels
from asap_lightning.singan.networks import ScaleNetwork


@dataclass(frozen=True)
class Trace:
    """What a pass forwards leaves: every convolution's input, and every block's normalisation."""

    inputs: list[Tensor]
    normed: list[Normed]

    def of(self, images: slice) -> Trace:
        """That of some images of the batch."""
        return Trace([x[images] for x in self.inputs], [block.of(images) for block in self.normed])


class Passes:
    """Passes of one network in training mode; `changed` must be called when its parameters have.

    Args:
        network: the running statistics of its norms are updated by `forward`.
        backend: see `patch_kernels`.
    """

    def __init__(self, network: ScaleNetwork, *, backend: str | None = None) -> None:
        self.network, self._backend = network, backend
        self.blocks = cast(list[ConvBlock], list(network.blocks))
        self.convs: list[nn.Conv2d] = [block.conv for block in self.blocks] + [network.last]
        self._filters: list[Any] = []

    @cached_property
    def kernels(self) -> PatchKernels:
        """Chosen at the first pass: under autocast others than without."""
        return patch_kernels(self.network, backend=self._backend)

    def filters(self, index: int) -> Any:
        """A convolution's prepared weights, as they are now."""
        if not self._filters:
            self._filters = [self.kernels.filters(conv) for conv in self.convs]
        return self._filters[index]

    def changed(self) -> None:
        """To be called when the parameters have changed. (A fused optimizer does not count it on them.)"""
        self._filters = []

    def forward(self, image: Tensor) -> tuple[Tensor, Trace]:
        """The network's result; the running statistics take the images of the batch one after the other."""
        inputs, normed = [image], []
        for index, block in enumerate(self.blocks):
            x, norm = self.kernels.normalize(self.kernels.convolve(inputs[-1], self.filters(index)), block)
            inputs.append(x)
            normed.append(norm)
        made = self.kernels.convolve(inputs[-1], self.filters(len(self.blocks)))
        bias = self.network.last.bias
        assert bias is not None
        self.kernels.leave(made).add_(bias.detach()[:, None, None])
        return made, Trace(inputs, normed)

    def present(self, trace: Trace) -> Trace:
        """For a pass backwards by parameters that have changed since."""
        pairs = zip(trace.normed, self.blocks, strict=True)
        return Trace(trace.inputs, [self.kernels.present(normed, block) for normed, block in pairs])

    def image_gradient(self, trace: Trace, upstream: Tensor) -> Tensor:
        """The gradient of <upstream, result> with respect to the image."""
        return Reverse(self, trace, upstream).image


class Reverse:
    """A pass backwards to the image.

    Args:
        passes: of the network.
        trace: of the pass forwards.
        upstream: gradient of its result.

    Attributes:
        x, z: every block's gradients of x and of z.
        means: those that the reverse step gives.
        image: the image's gradient.
    """

    def __init__(self, passes: Passes, trace: Trace, upstream: Tensor) -> None:
        kernels, last = passes.kernels, len(passes.blocks)
        self.upstream = upstream
        self.x: list[Tensor] = [upstream] * last
        self.z, self.means = list(self.x), list(self.x)
        g = kernels.image_gradient(upstream, passes.filters(last), trace.inputs[last])
        for index in reversed(range(last)):
            self.x[index] = g
            self.z[index], self.means[index] = kernels.reverse(trace.normed[index], g)
            g = kernels.image_gradient(self.z[index], passes.filters(index), trace.inputs[index])
        self.image = g


class Along:
    """The derivative of every layer along a direction in the image.

    With s the gradient of the summed scores with respect to the image and p(s) a penalty on it whose gradient
    with respect to s is v, the gradient of p with respect to the parameters is that of <v, s> at constant v:
    that of the summed scores' derivative along v.

    Args:
        passes: of the network.
        trace: of the pass forwards.
        reverse: of that pass, from the scores' sum.
        direction: v, like the image.

    Attributes:
        inputs: the derivative of every convolution's input.
    """

    def __init__(self, passes: Passes, trace: Trace, reverse: Reverse, direction: Tensor) -> None:
        self.kernels, self.trace, self.reverse = passes.kernels, trace, reverse
        self.inputs, self._steps = [direction], []
        for index, normed in enumerate(trace.normed):
            tz = self.kernels.convolve(self.inputs[-1], passes.filters(index))
            t, means = self.kernels.tangent(normed, reverse.x[index], tz)
            self.inputs.append(t)
            self._steps.append((tz, means))

    def __len__(self) -> int:
        return len(self.reverse.upstream)

    def block(self, index: int, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Of <upstream, x> and the derivative: z's gradient, and beta's and gamma's a pixel, (B, 2, C)."""
        normed, first, (tz, second) = self.trace.normed[index], self.reverse.means[index], self._steps[index]
        z, means = self.kernels.second(normed, upstream, self.reverse.x[index], tz, first, second)
        means[:, 1] += normed.inv * (second[:, 2] - second[:, 1] * first[:, 1])
        return z, means


class Gradients:
    """Adds up the gradients of a network's parameters.

    Args:
        passes: of the network.
    """

    def __init__(self, passes: Passes) -> None:
        self.passes, self.kernels = passes, passes.kernels
        self._weights = [self.kernels.weight_sums(passes.filters(i)) for i in range(len(passes.convs))]
        self._affine: list[list[Tensor]] = [[] for _ in passes.blocks]
        self._bias: list[Tensor] = []

    def add(self, trace: Trace, upstream: Tensor, along: Along | None = None) -> None:
        """Those of <upstream, result>, and of the summed scores' derivative.

        Args:
            trace: of a pass forwards.
            upstream: the gradient of its result.
            along: of the last images of the trace.
        """
        last, kernels = len(self.passes.blocks), self.kernels
        # image by image, so that equal and opposite ones cancel exactly
        self._bias.append(kernels.leave(upstream).sum((2, 3)).sum(0))
        g = self._conv(last, trace, upstream, along, along.reverse.upstream if along else None)
        for index in reversed(range(last)):
            z = self._block(index, trace.normed[index], g, along)
            g = self._conv(index, trace, z, along, along.reverse.z[index] if along else None)

    def _conv(
        self, index: int, trace: Trace, g: Tensor, along: Along | None, second: Tensor | None
    ) -> Tensor:
        """Adds a convolution's weights; the gradient of its input, unless that is the image."""
        self.kernels.add_weight_gradient(self._weights[index], trace.inputs[index], g)
        if along and second is not None:
            self.kernels.add_weight_gradient(self._weights[index], along.inputs[index], second)
        if not index:
            return g
        return self.kernels.image_gradient(g, self.passes.filters(index), trace.inputs[index])

    def _block(self, index: int, normed: Normed, g: Tensor, along: Along | None) -> Tensor:
        """Z's gradient from x's; that of the affine is kept."""
        plain = len(g) - (len(along) if along else 0)
        parts = [self.kernels.reverse(normed.of(slice(plain)), g[:plain])]
        if along:
            parts.append(along.block(index, g[plain:]))
        self._affine[index] += [means.sum(0) * normed.pixels for _, means in parts]
        return parts[0][0] if len(parts) == 1 else torch.cat([z for z, _ in parts])

    def set(self) -> None:
        """As every parameter's ``grad``.

        The bias of a convolution before a normalisation changes nothing: its gradient is exactly zero, where
        autograd has what rounding leaves.
        """
        for conv, sums in zip(self.passes.convs, self._weights, strict=True):
            conv.weight.grad = self.kernels.weight_gradient(sums)
        for block, found in zip(self.passes.blocks, self._affine, strict=True):
            beta, gamma = sum(found[1:], found[0])[:, : block.norm.num_features].clone()
            block.norm.weight.grad, block.norm.bias.grad = gamma, beta
            assert block.conv.bias is not None
            block.conv.bias.grad = torch.zeros_like(block.conv.bias)
        last = self.passes.convs[-1].bias
        assert last is not None
        last.grad = sum(self._bias[1:], self._bias[0])
