"""The graph that is exported: integer labels of any size in, an image of that size out.

Checks, padding and cutting are inside, so that a file says no, or answers rightly, wherever it runs.

Axes: B batch, C channels, H height, W width; N label channels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.condition import Condition
from asap_lightning.data.labels import UNKNOWN
from asap_lightning.export.folding import SeededDropout, Seeds, evaluation_copy
from asap_lightning.export.inputs import GraphInput, StyleInput, graph_inputs
from asap_lightning.models import CrnGenerator, Generator, SimsGenerator, SpadeGenerator


class TranslationGraph(nn.Module):
    """A generator as a function of plain tensors.

    Args:
        generator: a trained one; it is copied.
        style: see `graph_inputs`.
        pads: whether sizes that the generator does not take are padded in the graph.

    Attributes:
        inputs: what it is called with, in this order.
        fixed_size: height and width, where the generator was built for one size; else None.
        step: what sides are multiples of: the generator's own multiple, but SIMS's `step` where nothing is
            padded inside, as padding would be another picture to its norms.
    """

    ids: Tensor

    def __init__(self, generator: Generator, *, style: StyleInput = "code", pads: bool = True) -> None:
        super().__init__()
        self.pads = pads
        self.inputs: tuple[GraphInput, ...] = graph_inputs(generator, style)
        self.generator = evaluation_copy(generator)
        spec = self.generator.spec
        self.register_buffer("ids", torch.arange(spec.label_channels, dtype=torch.int32))
        self.fixed_size = fixed_size(generator)
        self.step = self.generator.size_multiple
        if not pads and isinstance(self.generator, SimsGenerator):
            self.generator.even, self.step = True, self.generator.step
        dropouts = [layer for layer in self.modules() if isinstance(layer, SeededDropout)]
        self._seeds = dropouts[0].seeds if dropouts else Seeds()

    @property
    def exact(self) -> bool:
        """Whether other sizes than multiples of `step` are refused, because nobody may pad them."""
        return self.step != self.generator.size_multiple

    def forward(self, *values: Tensor) -> Tensor:
        """The image (B, 3, H, W) float32 in [-1, 1] from values of `inputs`.

        Raises:
            IndexError: ids outside the classes (an error of whatever runtime the graph is in).
        """
        given = {entry.name: value for entry, value in zip(self.inputs, values, strict=True)}
        first = values[0]
        height, width = first.shape[-2:]
        if "label" in given:
            given["label"] = self._checked(given["label"])
        padded = self._padded(given, height, width)
        self._seeds.given = given.get("seed")
        if "noise" in padded:
            padded["style"] = self._style_around(padded.pop("guide"), padded.pop("noise"))
        padded.pop("seed", None)
        image = self.generator(Condition(**padded)).image
        self._seeds.given = None
        return image[..., :height, :width]

    def _checked(self, label: Tensor) -> Tensor:
        """The ids, 255 as 'unknown' where the model has that class; looking them up refuses all others."""
        spec = self.generator.spec
        count = spec.label_channels
        if spec.has_unknown and count <= UNKNOWN:
            label = torch.where(label == UNKNOWN, spec.num_classes, label)
        if torch.jit.is_tracing():
            label = label & -1  # TorchScript looks at no types; this operation has none but whole numbers
        label = torch.where(label < 0, count, label)  # a runtime may count negative places from the end
        return self.ids[label.long()]

    def _style_around(self, guide: Tensor, noise: Tensor) -> Tensor:
        assert isinstance(self.generator, SpadeGenerator) and self.generator.encoder is not None
        mu, logvar = self.generator.encoder(guide)
        return mu + noise * torch.exp(0.5 * logvar)

    def _padded(self, given: dict[str, Tensor], height: int, width: int) -> dict[str, Tensor]:
        """Every value at a size that the generator takes; the last row and column are repeated.

        The values are joined for it, so that sizes and batches which differ are an error in any runtime.
        """
        spatial = [entry for entry in self.inputs if entry.spatial]
        planes = {
            entry.name: given[entry.name].unsqueeze(1) if given[entry.name].ndim == 3 else given[entry.name]
            for entry in spatial
        }
        padded = dict(given)
        first = planes[self.inputs[0].name][:, :1]
        for kind in ("int32", "float32"):
            names = [entry.name for entry in spatial if entry.dtype == kind]
            if not names:
                continue
            parts = [planes[name] for name in names]
            counts = [part.shape[1] for part in parts]
            if self.inputs[0].dtype != kind:  # only to be of one size with them
                parts.append(first.to(parts[0].dtype))
            joined = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
            if self.pads and self.fixed_size is None:
                joined = self._extended(joined, height, width)
            start = 0
            for name, count in zip(names, counts, strict=True):
                part = joined[:, start : start + count]
                padded[name] = part.squeeze(1) if given[name].ndim == 3 else part
                start += count
        for entry in self.inputs:
            if not entry.spatial and entry.name != "seed":  # one style for each image
                value = given[entry.name]
                joined = torch.cat([value, first[:, :, 0, 0].to(value.dtype)], dim=1)
                padded[entry.name] = joined[:, : value.shape[1]]
        return padded

    def _extended(self, planes: Tensor, height: int, width: int) -> Tensor:
        multiple, least = self.generator.size_multiple, self.generator.minimum_size
        if multiple == 1 and least <= 1:
            return planes
        for axis, side in ((2, height), (3, width)):
            wanted = (_at_least(side, least) + multiple - 1) // multiple * multiple
            places = torch.arange(wanted, device=planes.device).clamp(max=side - 1)
            planes = planes.index_select(axis, places)
        return planes


def _at_least(side: Any, least: int) -> Any:
    """The greater of both, as something that follows the size in whatever captures the graph."""
    if isinstance(side, Tensor):  # `torch.jit.trace` hands sizes on as tensors
        return side.clamp(min=least)
    return torch.sym_max(side, least)


def fixed_size(generator: Generator) -> tuple[int, int] | None:
    """Height and width that a generator alone takes; None where it takes any multiples."""
    if isinstance(generator, SpadeGenerator) and generator.grid is not None:
        rows, columns = generator.grid
        return rows * generator.size_multiple, columns * generator.size_multiple
    return None


def smallest_side(generator: Generator) -> int:
    """Fewest pixels of a side that an exported graph takes.

    One, as smaller conditions are padded; but CRN and SIMS pad nothing, and CRN's second module, SIMS's first
    level has to see more than one row, or the graph would be another. So it is with instance edges, which
    compare neighbours, where a generator takes every size.
    """
    if isinstance(generator, CrnGenerator):
        return 2 ** max(len(generator.refine) - 2, 0) + 1
    if isinstance(generator, SimsGenerator):
        return 2 ** (len(generator.decode) - 1) + 1
    if generator.spec.instance_edges and generator.size_multiple == 1 and generator.minimum_size <= 1:
        return 3
    return 1
