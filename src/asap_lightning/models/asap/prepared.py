"""The generator's inference path: what `AsapGenerator.prepare_for_inference` sets up."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from asap_lightning.ops.graphs import GraphedFunction
from asap_lightning.ops.lowres import (
    ConvLayer,
    PreparedStream,
    WinogradSize,
    prepare_lowres,
    prepared_bytes,
)

if TYPE_CHECKING:
    from asap_lightning.models.asap.lowres import LowResStream

logger = logging.getLogger("asap_lightning.models")


class PreparedLowRes:
    """A low-res stream made fast for inference; it notices when the weights it was made from change.

    On a CPU the weights are packed for `asap_lightning.ops.lowres` at the first call. On a GPU a copy in
    ``dtype``, channels last, runs under CUDA graphs.

    Args:
        stream: the low-res stream as trained.
        dtype: of the computation; None takes float32 on a CPU and float16 on a GPU.
        memory: most bytes the prepared weights may take; None sets no limit.
        winograd: m of F(m x m, 3 x 3) on a CPU, 0 for direct convolution.
        backend: of the operations on a CPU.

    Raises:
        ValueError: a dtype other than float32 on a CPU.
    """

    def __init__(
        self,
        stream: LowResStream,
        *,
        dtype: torch.dtype | None,
        memory: int | None,
        winograd: WinogradSize,
        backend: str | None,
    ) -> None:
        self.device = stream.to_phi.weight.device
        self.dtype = dtype or (torch.float16 if self.device.type == "cuda" else torch.float32)
        if self.device.type != "cuda" and self.dtype != torch.float32:
            raise ValueError(f"inference on {self.device} computes in float32, got dtype={dtype}")
        self._limit, self._winograd, self._backend = memory, winograd, backend
        self._source = stream
        self._versions: tuple[int, ...] = ()
        self._run: PreparedStream | GraphedFunction | None = None

    def __call__(self, lowres_input: Tensor) -> Tensor:
        """(B, C, h, w) -> phi (B, P, h/S2, w/S2)."""
        versions = tuple(0 if p.is_inference() else p._version for p in self._source.parameters())
        if self._run is None or versions != self._versions:
            self.free()
            self._run, self._versions = self._prepare(), versions
        return self._run(lowres_input)

    def _prepare(self) -> PreparedStream | GraphedFunction:
        if self.device.type == "cuda":
            fast = copy.deepcopy(self._source).to(self.dtype).eval()
            fast = fast.to(memory_format=torch.channels_last)
            return GraphedFunction(lambda image: fast(image.to(self.dtype)))
        layers = conv_layers(self._source)
        last = self._source.to_phi
        winograd = self._affordable(layers, last.weight)
        bias = last.bias if last.bias is not None else last.weight.new_zeros(last.out_channels)
        zeros = self._source.padding == "zeros"
        stream = prepare_lowres(
            layers, last.weight, bias, zero_padding=zeros, winograd=winograd, backend=self._backend
        )
        logger.info(
            "prepared the low-res stream for inference: %s, %.0f MiB",
            f"Winograd F({winograd}x{winograd})" if winograd else "direct convolution",
            stream.memory / 2**20,
        )
        return stream

    def _affordable(self, layers: list[ConvLayer], weight: Tensor) -> WinogradSize:
        """The Winograd size asked for, or a smaller one that fits the memory limit."""
        sizes: tuple[WinogradSize, ...] = (4, 2, 0)
        for size in sizes:
            if size > self._winograd:
                continue
            needed = prepared_bytes(layers, weight, size)
            if self._limit is None or needed <= self._limit:
                return size
        raise MemoryError(
            f"the low-res stream prepared for inference takes at least {needed / 2**20:.0f} MiB, "
            f"memory={self._limit / 2**20 if self._limit else 0:.0f} MiB allows less"
        )

    @property
    def memory(self) -> int:
        """Bytes of prepared weights and workspace held now; 0 before the first call."""
        return self._run.memory if self._run is not None and not isinstance(self._run, GraphedFunction) else 0

    def free(self) -> None:
        """Gives the memory back; the next call prepares again."""
        if isinstance(self._run, GraphedFunction):
            self._run.clear()
        elif self._run is not None:
            self._run.free()
        self._run = None


def conv_layers(stream: LowResStream) -> list[ConvLayer]:
    """The 3x3 convolutions of a low-res stream, in order."""
    layers = []
    for block in (stream.head, *stream.down, *stream.body):
        conv, norm = cast(nn.Conv2d, block[0]), cast(nn.InstanceNorm2d, block[1])
        layers.append(ConvLayer(conv.weight, norm.weight, norm.bias, conv.stride[0], norm.eps))
    return layers
