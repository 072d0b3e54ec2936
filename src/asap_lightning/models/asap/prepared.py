"""The generator's inference path: what `AsapGenerator.prepare_for_inference` sets up."""

from __future__ import annotations

import copy
import logging
import threading
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from asap_lightning.models.asap.fingerprint import Fingerprint
from asap_lightning.ops.graphs import GraphedFunction
from asap_lightning.ops.prepared_lowres import (
    ConvLayer,
    PreparedStream,
    WinogradSize,
    prepare_lowres,
    prepared_bytes,
)

if TYPE_CHECKING:
    from asap_lightning.models.asap.lowres_stream import LowResStream

logger = logging.getLogger("asap_lightning.models")


class PreparedLowRes:
    """A low-res stream made fast for inference, and made again when its weights change (see `Fingerprint`).

    On a CPU the weights are packed (`asap_lightning.ops.prepared_lowres`) at the first call. On a GPU a copy
    in ``dtype``, channels last, runs under CUDA graphs.

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
        self._dtype, self._limit, self._winograd, self._backend = dtype, memory, winograd, backend
        self._computes_in(stream.to_phi.weight.device)  # refuses a dtype now rather than at the first call
        self._lock = threading.Lock()
        self._made_of: Fingerprint | None = None
        self._run: PreparedStream | GraphedFunction | None = None

    def __call__(self, stream: LowResStream, lowres_input: Tensor) -> Tensor:
        """(B, C, h, w) -> phi (B, P, h/S2, w/S2), as ``stream`` gives; threads may call at once."""
        return self._current(stream)(lowres_input)

    def _current(self, stream: LowResStream) -> PreparedStream | GraphedFunction:
        """What is prepared of the stream's weights as they are now."""
        with self._lock:
            if self._run is None or self._made_of is None or not self._made_of.matches(stream):
                self._run = self._made_of = None  # given back before the next takes its memory
                made_of = Fingerprint(stream)  # first: a change from now on is noticed
                self._run, self._made_of = self._prepare(stream), made_of
            return self._run

    def _computes_in(self, device: torch.device) -> torch.dtype:
        dtype = self._dtype or (torch.float16 if device.type == "cuda" else torch.float32)
        if device.type != "cuda" and dtype != torch.float32:
            raise ValueError(f"inference on {device} computes in float32, got dtype={dtype}")
        return dtype

    def _prepare(self, stream: LowResStream) -> PreparedStream | GraphedFunction:
        device = stream.to_phi.weight.device
        dtype = self._computes_in(device)
        if device.type == "cuda":
            fast = copy.deepcopy(stream).to(dtype).eval()
            fast = fast.to(memory_format=torch.channels_last)
            return GraphedFunction(lambda image: fast(image.to(dtype)))
        layers = conv_layers(stream)
        last = stream.to_phi
        winograd = self._affordable(layers, last.weight)
        bias = last.bias if last.bias is not None else last.weight.new_zeros(last.out_channels)
        zeros = stream.padding == "zeros"
        made = prepare_lowres(
            layers, last.weight, bias, zero_padding=zeros, winograd=winograd, backend=self._backend
        )
        logger.info(
            "prepared the low-res stream for inference: %s, %.0f MiB",
            f"Winograd F({winograd}x{winograd})" if winograd else "direct convolution",
            made.memory / 2**20,
        )
        return made

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
        run = self._run
        return 0 if run is None or isinstance(run, GraphedFunction) else run.memory

    def free(self) -> None:
        """Gives the memory back, once no other thread computes with it; the next call prepares again."""
        with self._lock:
            self._run = self._made_of = None


def conv_layers(stream: LowResStream) -> list[ConvLayer]:
    """The 3x3 convolutions of a low-res stream, in order."""
    layers = []
    for block in (stream.head, *stream.down, *stream.body):
        conv, norm = cast(nn.Conv2d, block[0]), cast(nn.InstanceNorm2d, block[1])
        layers.append(ConvLayer(conv.weight, norm.weight, norm.bias, conv.stride[0], norm.eps))
    return layers
