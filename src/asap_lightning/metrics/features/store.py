"""Features of all images in temporary files, for metrics that compare every image with every other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cached_property
from typing import IO

import numpy as np
import torch
from torch import Tensor

from asap_lightning.metrics.features.kernel import squared_discrepancy
from asap_lightning.metrics.features.neighbours import Neighbourhoods, neighbourhoods
from asap_lightning.metrics.features.networks import FeatureNetwork
from asap_lightning.metrics.pairs import Pairs
from asap_lightning.metrics.processes import gathered
from asap_lightning.metrics.refusals import require_finite
from asap_lightning.ranks import world_size

BLOCK = 1024
"""Rows that are in memory at once."""


class FeatureFile:
    """Rows of features in a file that goes when it is closed; read in blocks.

    Args:
        dimension: D.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension, self.count = dimension, 0
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="asap_features_")  # noqa: SIM115  (lives on)

    def add(self, features: Tensor) -> None:
        """Appends (B, D)."""
        self._file.write(features.to("cpu", torch.float32).contiguous().numpy().tobytes())
        self.count += len(features)

    def blocks(self, rows: int = BLOCK) -> Iterator[Tensor]:
        """All rows, some at a time, (up to ``rows``, D) float64."""
        self._file.flush()
        for begin in range(0, self.count, rows):
            yield self._rows(begin, min(rows, self.count - begin)).double()

    def _rows(self, begin: int, number: int) -> Tensor:
        width = 4 * self.dimension
        self._file.seek(begin * width)
        data = self._file.read(number * width)
        self._file.seek(0, 2)
        return torch.from_numpy(np.frombuffer(bytearray(data), np.float32).reshape(number, self.dimension))

    def gather(self) -> None:
        """Appends the rows of all other processes; block by block, so that none holds more than one each."""
        if world_size() == 1:
            return
        own, most = self.count, max(gathered(self.count))
        everything = FeatureFile(self.dimension)
        for begin in range(0, most, BLOCK):
            number = max(0, min(BLOCK, own - begin))
            for part in gathered(self._rows(begin, number).numpy() if number else None):
                if part is not None:
                    everything.add(torch.from_numpy(part))
        self._file, everything._file, self.count = everything._file, self._file, everything.count

    def __del__(self) -> None:
        self._file.close()


class FeatureStore:
    """A state: the features of all generated images and of all photos."""

    def __init__(self, network: FeatureNetwork) -> None:
        self.network = network
        self.generated, self.real = FeatureFile(network.dimension), FeatureFile(network.dimension)

    def update(self, pairs: Pairs) -> None:
        """Describes and writes."""
        for images, file in ((pairs.generated, self.generated), (pairs.photo, self.real)):
            if images is not None:
                file.add(require_finite(self.network(images), images.names))

    def gather(self) -> None:
        """Collects all processes'."""
        self.generated.gather()
        self.real.gather()

    @cached_property
    def neighbourhoods(self) -> Neighbourhoods:
        """Who lies among whose neighbours; four metrics ask, it is worked out once."""
        return neighbourhoods(self.generated.blocks, self.real.blocks)

    @cached_property
    def discrepancy(self) -> float:
        """The squared maximum mean discrepancy."""
        return squared_discrepancy(self.generated.blocks, self.real.blocks, self.network.dimension)
