"""The low-res stream of an image that is larger than memory, some rows at a time.

The convolutions are local, but every instance norm needs mean and variance over the whole image. So the
layers run one after the other, each over all strips: a layer's sums are kept, not yet normalised, and
normalised with what all strips gave when the next layer reads them. The result is that of `LowResStream` up
to rounding.

Sums that do not fit into the memory allowed lie in a temporary file. Those of the first layer, by far the
largest, are computed a second time instead: that layer has few channels, so reading them back would take
longer.

Axes: C and O channels, H height and W width of the low-res input, h and w those of a layer, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.models.asap.features import Features, FiledFeatures, HeldFeatures
from asap_lightning.models.asap.prepared import conv_layers
from asap_lightning.ops.fixed_convolution import Packed, can_run_fixed
from asap_lightning.ops.prepared_lowres import LEAST_CHANNELS, ConvLayer

if TYPE_CHECKING:
    from asap_lightning.models.asap.lowres_stream import LowResStream

LowResRows = Callable[[int, int], Tensor]
"""Rows ``top`` to ``bottom`` of the low-res input: (1, C, bottom - top, W)."""
Tick = Callable[[float], None]
"""Told the share of the whole work that has just been done."""
STRIP_BYTES = 16 << 20
"""Of a strip's largest tensor."""
CACHED = 1 << 18
"""Numbers that are looked at twice while they are in the cache."""
LEAST_ROWS = 8


@dataclass
class Moments:
    """Mean and summed squared deviation of each channel, over the strips so far."""

    count: int
    mean: Tensor  # (O,) float64
    squares: Tensor  # (O,) float64

    @classmethod
    def none(cls, channels: int) -> Moments:
        return cls(0, torch.zeros(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64))

    def add(self, rows: Tensor) -> None:
        """Takes in (h, w, O) (Chan et al.: exact whatever the strips)."""
        average = rows.mean((0, 1))
        mean, squares = average.double().cpu(), torch.zeros_like(self.squares)
        some = max(1, CACHED // max(1, rows[0].numel()))
        for part in rows.split(some):
            squares += (part - average).square_().sum((0, 1)).double().cpu()
        count = rows.shape[0] * rows.shape[1]
        total = self.count + count
        apart = mean - self.mean
        self.mean = self.mean + apart * (count / total)
        self.squares = self.squares + squares + apart.square() * (self.count * count / total)
        self.count = total


class Layer:
    """One conv3x3 of the stream, and its instance norm once `moments` are complete.

    Args:
        conv: the weights.
        height, width: of its input.
        reflects: whether the border is padded by reflection, else with zeros.
        backend: of the operations.
    """

    def __init__(
        self, conv: ConvLayer, height: int, width: int, *, reflects: bool, backend: str | None
    ) -> None:
        self.conv, self.height, self.width, self.reflects = conv, height, width, reflects
        self.outputs, self.inputs = conv.weight.shape[:2]
        self.stride = conv.stride
        self.out_height, self.out_width = height // conv.stride, width // conv.stride
        self.moments = Moments.none(self.outputs)
        weight = conv.weight.detach()
        packable = conv.stride == 1 and min(weight.shape[:2]) >= LEAST_CHANNELS
        self._packed = None
        if packable and can_run_fixed(weight, weight, backend):
            self._packed = Packed(weight, None, 2)
        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._padded = weight.new_empty(0)

    def strips(self) -> Iterator[tuple[int, int]]:
        """Ranges of output rows, as even as may be; of a wide image a strip has few rows, but never one."""
        widest = (
            max((self.width + 2) * self.inputs * self.stride, (self.out_width + 2) * self.outputs)
            * self._weight.element_size()
        )
        rows = max(LEAST_ROWS, STRIP_BYTES // widest)
        count = -(-self.out_height // rows)
        for index in range(count):
            yield self.out_height * index // count, self.out_height * (index + 1) // count

    def convolve(self, top: int, bottom: int, source: Callable[[int, int, Tensor], None]) -> Tensor:
        """Rows (bottom - top, w, O) before the norm; ``source`` writes rows of the input into a view."""
        first, last = top * self.stride - 1, (bottom - 1) * self.stride + 2
        padded = self._space(last - first)
        inside = padded[:, 1:-1]
        upper, lower = max(first, 0), min(last, self.height)
        source(upper, lower, inside[upper - first : lower - first])
        self._pad_rows(inside, first, last)
        if self.reflects:
            padded[:, 0], padded[:, -1] = padded[:, 2], padded[:, -3]
        else:
            padded[:, 0], padded[:, -1] = 0, 0
        image = padded.permute(2, 0, 1)[None]
        if self._packed is not None:
            return self._packed(image)[0].permute(1, 2, 0)[1:-1, 1:-1]
        return F.conv2d(image, self._weight, stride=self.stride)[0].permute(1, 2, 0)

    def normalize(self, rows: Tensor, out: Tensor) -> None:
        """Instance norm and ReLU of (h, w, O), written into ``out``."""
        scale = (
            self.conv.gamma.detach().double().cpu()
            / (self.moments.squares / self.moments.count + self.conv.eps).sqrt()
        )
        shift = self.conv.beta.detach().double().cpu() - self.moments.mean * scale
        torch.addcmul(shift.to(rows), rows, scale.to(rows), out=out)
        out.clamp_(min=0)

    def release(self) -> None:
        """Gives its working memory back; the next strip takes it again."""
        self._padded = self._padded.new_empty(0)

    def _space(self, rows: int) -> Tensor:
        """(rows, w + 2, C), the same memory for every strip."""
        size = rows * (self.width + 2) * self.inputs
        if self._padded.numel() < size:
            self._padded = self._weight.new_empty(size)
        return self._padded[:size].view(rows, self.width + 2, self.inputs)

    def _pad_rows(self, inside: Tensor, first: int, last: int) -> None:
        if first < 0:
            inside[0] = inside[2] if self.reflects else 0
        if last > self.height:
            inside[-1] = inside[-3] if self.reflects else 0


class StripwiseLowRes:
    """`LowResStream` by strips.

    Args:
        stream: the network.
        height, width: of the low-res input; multiples of S2.
        rows: gives the low-res input.
        memory: bytes that sums which are kept may take; what does not fit goes to disk.
        folder: for temporary files; None takes the system's.
        backend: of the operations; None chooses.
    """

    def __init__(
        self,
        stream: LowResStream,
        height: int,
        width: int,
        rows: LowResRows,
        *,
        memory: int,
        folder: Path | None = None,
        backend: str | None = None,
    ) -> None:
        self._rows, self._folder = rows, folder
        self._to_phi = stream.to_phi
        self._layers: list[Layer] = []
        for conv in conv_layers(stream):
            layer = Layer(conv, height, width, reflects=stream.padding == "reflection", backend=backend)
            self._layers.append(layer)
            height, width = layer.out_height, layer.out_width
        self._memory = memory
        self._kept: list[Features | None] = [None] * len(self._layers)

    @torch.inference_mode()
    def run(self, tick: Tick = lambda share: None) -> None:
        """All layers up to the features that phi is made of."""
        costs = [math.prod((y.out_height, y.out_width, y.outputs, y.inputs)) for y in self._layers]
        for index, layer in enumerate(self._layers):
            kept = self._kept[index] = self._store(index)
            for top, bottom in layer.strips():
                sums = layer.convolve(top, bottom, self._source(index))
                layer.moments.add(sums)
                if kept is not None:
                    kept.write(top, sums)
                tick(costs[index] / sum(costs) * (bottom - top) / layer.out_height)
            layer.release()
            if index and (before := self._kept[index - 1]) is not None:
                before.close()
                self._kept[index - 1] = None

    @torch.inference_mode()
    def phi(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """The parameters (1, P, bottom - top, right - left) of a rectangle of tiles, stored tile by tile."""
        pixels = self._activation(len(self._layers) - 1, top, bottom)[:, left:right]
        weight = self._to_phi.weight.flatten(1)
        made = F.linear(pixels.reshape(-1, pixels.shape[-1]), weight, self._to_phi.bias)
        return made.view(bottom - top, right - left, -1).permute(2, 0, 1)[None]

    @torch.inference_mode()
    def mean_phi(self) -> Tensor:
        """Phi (1, P, 1, 1) averaged over all tiles: phi of the averaged features, as it is linear."""
        last = self._layers[-1]
        total = torch.zeros(last.outputs, dtype=torch.float64)
        for top, bottom in last.strips():
            total += self._activation(len(self._layers) - 1, top, bottom).sum((0, 1)).double().cpu()
        mean = (total / (last.out_height * last.out_width)).to(self._to_phi.weight)
        return F.linear(mean, self._to_phi.weight.flatten(1), self._to_phi.bias)[None, :, None, None]

    def close(self) -> None:
        """Gives memory and disk back."""
        for kept in self._kept:
            if kept is not None:
                kept.close()
        self._kept = [None] * len(self._layers)

    def _store(self, index: int) -> Features | None:
        """Where a layer's sums are kept, or None where they are computed twice."""
        layer = self._layers[index]
        shape = (layer.out_height, layer.out_width, layer.outputs)
        weight = layer.conv.weight
        if math.prod(shape) * weight.element_size() <= self._memory // 2:  # two layers' at a time
            return HeldFeatures(shape, weight)
        if index == 0:
            return None
        return FiledFeatures(shape, weight, self._folder)

    def _source(self, index: int) -> Callable[[int, int, Tensor], None]:
        """What writes rows of a layer's input."""
        if index == 0:

            def write(top: int, bottom: int, out: Tensor) -> None:
                out.copy_(self._rows(top, bottom)[0].permute(1, 2, 0))

            return write
        before = self._layers[index - 1]
        return lambda top, bottom, out: before.normalize(self._sums(index - 1, top, bottom), out)

    def _sums(self, index: int, top: int, bottom: int) -> Tensor:
        kept = self._kept[index]
        if kept is not None:
            return kept.read(top, bottom)
        return self._layers[index].convolve(top, bottom, self._source(index))

    def _activation(self, index: int, top: int, bottom: int) -> Tensor:
        sums = self._sums(index, top, bottom)
        out = torch.empty_like(sums, memory_format=torch.contiguous_format)
        self._layers[index].normalize(sums, out)
        return out
