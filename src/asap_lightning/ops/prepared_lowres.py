"""The low-res stream at inference, its weights prepared once.

Layers of stride 1 run by Winograd's minimal filtering F(m x m, 3 x 3) (Lavin & Gray 2015): with m = 2 it
needs 2.25 times fewer multiplications than the direct convolution, and no more error in float32; with m = 4
four times fewer, with an error about four times larger in phi. The price is memory: its weights take 16/9
(m = 2) or 4 times (m = 4) the originals. See `asap_lightning.ops.winograd`.

Axes: B batch, C input and O output channels, H height, W width, P parameters of one MLP.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.dispatch import requested_backend, resolve_backend
from asap_lightning.ops.native import check, describe, reference_to
from asap_lightning.ops.native_library import CConv, CRange, library
from asap_lightning.ops.winograd import transform_filters, winograd_convolution

WinogradSize = Literal[0, 2, 4]
LEAST_CHANNELS = 96


class ConvLayer(NamedTuple):
    """conv3x3 (padding 1, no bias), instance norm with affine, ReLU."""

    weight: Tensor  # (O, C, 3, 3)
    gamma: Tensor  # (O,)
    beta: Tensor  # (O,)
    stride: int = 1
    eps: float = 1e-5


class PreparedStream(Protocol):
    """What `prepare_lowres` gives: a callable that holds memory until `free`."""

    def __call__(self, lowres_input: Tensor) -> Tensor:
        """(B, C, H, W) -> phi (B, P, h, w), stored tile by tile: as (B, h, w, P) it is contiguous."""

    @property
    def memory(self) -> int:
        """Bytes held."""

    def free(self) -> None:
        """Gives the memory back; the stream cannot be called any more."""


def prepare_lowres(
    layers: Sequence[ConvLayer],
    weight: Tensor,
    bias: Tensor,
    *,
    zero_padding: bool = False,
    winograd: WinogradSize = 2,
    least_channels: int = LEAST_CHANNELS,
    backend: str | None = None,
) -> PreparedStream:
    """Packs the weights of a low-res stream for inference.

    Args:
        layers: the 3x3 convolutions, in order.
        weight: (P, C, 1, 1) of the last convolution.
        bias: (P,) of the last convolution.
        zero_padding: pad with zeros instead of by reflection.
        winograd: m of the layers with stride 1, or 0 for direct convolution.
        least_channels: layers with fewer inputs or outputs are convolved directly, because transforming a
            large, thin image costs more than it saves.
        backend: as of `asap_lightning.ops.pixelwise_mlp`; ``native`` computes in float32.

    Raises:
        ValueError: an unknown ``winograd``, or a backend that cannot run here.
        MemoryError: the prepared weights do not fit.
    """
    if winograd not in (0, 2, 4):
        raise ValueError(f"winograd must be 0, 2 or 4, got {winograd}")
    requested = requested_backend(backend)
    sizes = winograd_sizes(layers, winograd, least_channels)
    name = resolve_backend("low-res stream", requested, weight.device, weight.dtype)
    if name == "native":
        return NativeStream(layers, weight, bias, zero_padding, sizes)
    return TorchStream(layers, weight, bias, zero_padding, sizes)


def prepared_bytes(layers: Sequence[ConvLayer], weight: Tensor, winograd: WinogradSize) -> int:
    """About the bytes that `prepare_lowres` will hold, before any image is seen."""
    sizes = winograd_sizes(layers, winograd)
    growth = [(m + 2) ** 2 / 9 if m else 1 for m in sizes]
    floats = sum(layer.weight.numel() * factor for layer, factor in zip(layers, growth, strict=True))
    return int(floats + weight.numel()) * weight.element_size()


def winograd_sizes(
    layers: Sequence[ConvLayer], winograd: int, least_channels: int = LEAST_CHANNELS
) -> list[int]:
    """For each layer m of F(m x m, 3 x 3), or 0 where the direct convolution is better."""
    return [
        winograd if layer.stride == 1 and min(layer.weight.shape[:2]) >= least_channels else 0
        for layer in layers
    ]


class NativeStream:
    """The whole stream in C++: channels-last, Winograd, norm, ReLU and padding without leaving the cache."""

    def __init__(
        self,
        layers: Sequence[ConvLayer],
        weight: Tensor,
        bias: Tensor,
        zero_padding: bool,
        sizes: Sequence[int],
    ) -> None:
        tensors = [tuple(_plain(part) for part in layer[:3]) for layer in layers]
        structures = (CConv * len(layers))(
            *(
                CConv(
                    kernel.shape[1],
                    kernel.shape[0],
                    layer.stride,
                    m,
                    kernel.data_ptr(),
                    gamma.data_ptr(),
                    beta.data_ptr(),
                    layer.eps,
                )
                for layer, (kernel, gamma, beta), m in zip(layers, tensors, sizes, strict=True)
            )
        )
        last, last_bias = _plain(weight), _plain(bias)
        self.inputs, self.parameters = layers[0].weight.shape[1], weight.shape[0]
        self.convolutions, self.stride = len(layers), 1
        for layer in layers:
            self.stride *= layer.stride
        self._reflects = not zero_padding
        self._library = library()
        self._handle: int | None = self._library.asap_lowres_create(
            structures,
            len(layers),
            int(zero_padding),
            self.parameters,
            last.data_ptr(),
            last_bias.data_ptr(),
            torch.get_num_threads(),
        )
        if not self._handle:
            raise MemoryError("the weights of the low-res stream cannot be packed: out of memory")

    def __call__(self, lowres_input: Tensor) -> Tensor:
        """(B, C, H, W) -> phi (B, P, h, w), stored tile by tile."""
        if self._handle is None:
            raise RuntimeError("this prepared low-res stream was freed; prepare it again")
        image = lowres_input.float()
        b, channels, height, width = image.shape
        if channels != self.inputs:
            raise ValueError(f"the low-res stream takes {self.inputs} channels, got {channels}")
        if height % self.stride or width % self.stride:
            raise ValueError(f"height and width must be multiples of {self.stride}, got {height} x {width}")
        if self._reflects and min(height, width) < 2 * self.stride:
            raise ValueError(
                f"reflection padding needs at least 2 x 2 tiles, got an input of {height} x {width}"
            )
        phi = torch.empty(b, height // self.stride, width // self.stride, self.parameters)
        if phi.numel():
            status = self._library.asap_lowres_run(
                self._handle,
                reference_to(describe(image)),
                b,
                height,
                width,
                phi.data_ptr(),
                torch.get_num_threads(),
            )
            check(status, CRange(), 0)
        return phi.permute(0, 3, 1, 2)

    @property
    def memory(self) -> int:
        """Bytes held: prepared weights, and the workspace of the largest image so far."""
        return self._library.asap_lowres_bytes(self._handle) if self._handle else 0

    def layer_seconds(self) -> list[tuple[float, float]]:
        """Wall time and CPU time of the process, of each convolution and then the last 1x1, latest call."""
        if self._handle is None:
            raise RuntimeError("this prepared low-res stream was freed; prepare it again")
        seconds = (ctypes.c_double * (2 * (self.convolutions + 1)))()
        self._library.asap_lowres_seconds(self._handle, seconds)
        return list(zip(seconds[::2], seconds[1::2], strict=True))

    def free(self) -> None:
        """Gives the memory back."""
        handle, self._handle = self._handle, None
        if handle:
            self._library.asap_lowres_free(handle)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.free()


def _detached(layer: ConvLayer) -> ConvLayer:
    weight, gamma, beta = (part.detach() for part in (layer.weight, layer.gamma, layer.beta))
    return ConvLayer(weight, gamma, beta, layer.stride, layer.eps)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32).contiguous()


class TorchStream:
    """The stream in plain torch: Winograd as batched matmul."""

    def __init__(
        self,
        layers: Sequence[ConvLayer],
        weight: Tensor,
        bias: Tensor,
        zero_padding: bool,
        sizes: Sequence[int],
    ) -> None:
        self.mode = "constant" if zero_padding else "reflect"
        self.sizes = list(sizes)
        self.layers = [_detached(layer) for layer in layers]
        self.weights = [
            transform_filters(layer.weight, m) if m else layer.weight
            for layer, m in zip(self.layers, self.sizes, strict=True)
        ]
        self.last = weight.detach().flatten(1).T.contiguous()
        self.bias = bias.detach()

    def __call__(self, lowres_input: Tensor) -> Tensor:
        """(B, C, H, W) -> phi (B, P, h, w), stored tile by tile."""
        if not self.layers:
            raise RuntimeError("this prepared low-res stream was freed; prepare it again")
        features = lowres_input
        for layer, weight, m in zip(self.layers, self.weights, self.sizes, strict=True):
            if m:
                features = winograd_convolution(features, weight, m, self.mode)
            else:
                padded = F.pad(features, (1, 1, 1, 1), mode=self.mode)
                features = F.conv2d(padded, weight, stride=layer.stride)
            features = F.instance_norm(features, weight=layer.gamma, bias=layer.beta, eps=layer.eps).relu_()
        b, c, h, w = features.shape
        pixels = features.permute(0, 2, 3, 1).reshape(-1, c)
        return torch.addmm(self.bias, pixels, self.last).view(b, h, w, -1).permute(0, 3, 1, 2)

    @property
    def memory(self) -> int:
        """Bytes held beyond the model's own weights."""
        own = [weight for weight in self.weights if weight.ndim == 3]
        return sum(t.numel() * t.element_size() for t in (*own, self.last)) if self.layers else 0

    def free(self) -> None:
        """Gives the memory back."""
        self.layers, self.weights, self.sizes = [], [], []
        self.last = self.last.new_empty(0)
