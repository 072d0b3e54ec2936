"""The steps of `asap_lightning.ops.patch_steps` in torch, on any device; arrays are (B, C, H, W)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.ops.patch_steps import ConvBlock, Normed


@dataclass
class Filters:
    """A convolution's weights and zero padding; ``sums`` is its weights' gradient so far."""

    weight: Tensor
    padding: tuple[int, ...]
    sums: Tensor | None = None


class TorchPatch:
    """See `patch_steps.PatchKernels`. Under autocast, convolutions alone run in its type."""

    def enter(self, image: Tensor) -> Tensor:
        return image

    def leave(self, array: Tensor) -> Tensor:
        return array

    def filters(self, conv: nn.Conv2d) -> Filters:
        assert not isinstance(conv.padding, str)
        return Filters(conv.weight.detach(), conv.padding)

    def convolve(self, x: Tensor, filters: Filters) -> Tensor:
        return F.conv2d(x, filters.weight, padding=filters.padding).to(x.dtype)

    def image_gradient(self, g: Tensor, filters: Filters, like: Tensor) -> Tensor:
        return _backward(g, like, filters, (True, False))[0].to(g.dtype)

    def weight_sums(self, filters: Filters) -> Filters:
        return Filters(filters.weight, filters.padding, torch.zeros_like(filters.weight))

    def add_weight_gradient(self, sums: Filters, x: Tensor, g: Tensor) -> None:
        assert sums.sums is not None
        sums.sums += _backward(g, x, sums, (False, True))[1]

    def weight_gradient(self, sums: Filters) -> Tensor:
        assert sums.sums is not None
        return sums.sums

    def normalize(self, z: Tensor, block: ConvBlock) -> tuple[Tensor, Normed]:
        norm = block.norm
        b, c = z.shape[:2]
        # each image's channels as channels of their own: statistics of that image
        n, mean, inv = torch.native_batch_norm(
            z.reshape(1, b * c, *z.shape[2:]),
            norm.weight.detach().repeat(b),
            norm.bias.detach().repeat(b),
            None,
            None,
            True,
            0.0,
            norm.eps,
        )
        mean, inv = mean.view(b, c), inv.view(b, c)
        pixels = z.shape[2] * z.shape[3]
        variances = (1 / inv.square() - norm.eps) * (pixels / max(pixels - 1, 1))
        running_mean, running_variance, momentum = block.running()
        for image in range(b):
            running_mean.lerp_(mean[image] + block.bias(), momentum)
            running_variance.lerp_(variances[image], momentum)
        block.count(b)
        slope = block.activation.negative_slope
        gamma = norm.weight.detach().clone()
        normed = Normed(z, mean, inv, gamma, norm.bias.detach().clone(), gamma, slope, c, pixels)
        return F.leaky_relu(n.view_as(z), slope), normed

    def present(self, normed: Normed, block: ConvBlock) -> Normed:
        return replace(normed, gain=block.norm.weight.detach())

    def reverse(self, normed: Normed, g: Tensor) -> tuple[Tensor, Tensor]:
        zh = _standard(normed)
        u = _gated(g, normed, zh)
        means = torch.stack([u.mean((2, 3)), (u * zh).mean((2, 3))], 1)
        plain, weighted = _spread(means)
        return _spread(normed.inv) * normed.gain[:, None, None] * (u - plain - zh * weighted), means

    def tangent(self, normed: Normed, g: Tensor, tz: Tensor) -> tuple[Tensor, Tensor]:
        zh = _standard(normed)
        middle = tz.mean((2, 3))
        a = tz - _spread(middle)
        along, crossed = (a * zh).mean((2, 3)), (a * _gated(g, normed, zh)).mean((2, 3))
        made = _spread(normed.inv) * normed.gamma[:, None, None] * (a - zh * _spread(along))
        return _gated(made, normed, zh), torch.stack([middle, along, crossed], 1)

    def second(
        self, normed: Normed, upstream: Tensor, g: Tensor, tz: Tensor, reverse: Tensor, tangent: Tensor
    ) -> tuple[Tensor, Tensor]:
        zh, inv, gamma = _standard(normed), _spread(normed.inv), normed.gamma[:, None, None]
        v, u, scale = _gated(upstream, normed, zh), _gated(g, normed, zh), gamma * inv
        means = torch.stack([v.mean((2, 3)), (v * zh).mean((2, 3))], 1)
        (v1, v2), (u1, u2), (middle, k, ua) = _spread(means), _spread(reverse), _spread(tangent)
        constant = gamma * v1 - k * scale * u1
        slant = gamma * v2 + scale * (ua - 3 * k * u2)
        found = inv * (gamma * v - k * scale * u - scale * u2 * (tz - middle) - constant - zh * slant)
        return found, means


def _backward(g: Tensor, x: Tensor, filters: Filters, wanted: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
    weight, device = filters.weight, x.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        g, x, weight = g.to(dtype), x.to(dtype), weight.to(dtype)
    found = torch.ops.aten.convolution_backward(
        g, x, weight, None, [1, 1], filters.padding, [1, 1], False, [0, 0], 1, [*wanted, False]
    )
    return found[0], found[1]


def _spread(values: Tensor) -> Tensor:
    """A value a channel over the pixels: (B, C) -> (B, C, 1, 1), (B, K, C) -> (K, B, C, 1, 1)."""
    return values[..., None, None] if values.ndim == 2 else values.transpose(0, 1)[..., None, None]


def _standard(normed: Normed) -> Tensor:
    return (normed.z - _spread(normed.mean)) * _spread(normed.inv)


def _gated(gradient: Tensor, normed: Normed, zh: Tensor) -> Tensor:
    """Times the leaky ReLU's slope at n."""
    n = torch.addcmul(normed.beta[:, None, None], zh, normed.gamma[:, None, None])
    return torch.where(n > 0, gradient, gradient * normed.slope)
