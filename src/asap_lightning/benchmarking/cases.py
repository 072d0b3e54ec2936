"""What is measured: the paper's models at the paper's sizes, and how much work that is.

Axes: H height, W width, S tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from asap_lightning.benchmarking.sizes import SIZES, Size
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator
from asap_lightning.models.asap.generator import resolve_s1
from asap_lightning.models.asap.lowres_stream import PaddingMode
from asap_lightning.models.asap.prepared import conv_layers

FACADES = ConditionSpec("label", num_classes=12, has_unknown=True)
CITYSCAPES = ConditionSpec("label", num_classes=35, instance_edges=True)


@dataclass(frozen=True)
class Case:
    """One model at one size.

    Attributes:
        name: as in the tables.
        spec: kind of condition.
        height: of the image.
        width: of the image.
        padding: of the low-res stream.
        batch: images at a time.
    """

    name: str
    spec: ConditionSpec
    height: int
    width: int
    padding: PaddingMode = "reflection"
    batch: int = 1

    @property
    def megapixels(self) -> float:
        """Of all images of the batch."""
        return self.batch * self.height * self.width / 1e6

    def generator(self, device: torch.device, **settings: Any) -> AsapGenerator:
        """The generator with random weights, of full size unless ``settings`` say otherwise."""
        torch.manual_seed(0)
        s1 = settings.pop("s1", None) or resolve_s1(self.height, 16)
        made = AsapGenerator(self.spec, s1=s1, padding=self.padding, init_gain=1.0, **settings)
        return made.eval().to(device)

    def condition(self, device: torch.device) -> Condition:
        """A label map of random rectangles: long runs of one class, as in photographs."""
        random = torch.Generator().manual_seed(1)
        label = torch.zeros(self.batch, self.height, self.width, dtype=torch.uint8)
        for _ in range(60):
            y, x = (int(torch.randint(size, (), generator=random)) for size in (self.height, self.width))
            h, w = self.height // 6, self.width // 6
            label[:, y : y + h, x : x + w] = torch.randint(self.spec.label_channels, (), generator=random)
        label = label.to(device)
        return Condition(label=label, instance=label.int() if self.spec.instance_edges else None)

    def pixelwise_gflop(self, generator: AsapGenerator) -> float:
        """Of the pixelwise stream, the first layer being a look-up."""
        pixels = self.batch * self.height * self.width
        return 2 * generator.layout.multiply_adds(pixels) / 1e9

    def lowres_gflop(self, generator: AsapGenerator) -> float:
        """Of the low-res stream by direct convolution."""
        rows, columns = self.height // generator.s1, self.width // generator.s1
        total = 0
        for layer in conv_layers(generator.lowres_stream):
            rows, columns = rows // layer.stride, columns // layer.stride
            total += rows * columns * layer.weight.numel()
        total += rows * columns * generator.lowres_stream.to_phi.weight.numel()
        return 2 * self.batch * total / 1e9


def _case(name: str, size: Size) -> Case:
    spec = FACADES if size.data == "facades" else CITYSCAPES
    padding: PaddingMode = "reflection" if size.data == "facades" else "zeros"
    return Case(name, spec, size.height, size.width, padding, size.batch)


CASES = {name: _case(name, size) for name, size in SIZES.items()}
