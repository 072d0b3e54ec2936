"""What is read off a confusion matrix (Long et al. 2015).

n_ij pixels of true class i where class j was found, t_i = sum_j n_ij.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Absent = Literal["left out", "zero"]
FCN_EPSILON = 1e-12


@dataclass(frozen=True)
class SegmentationScores:
    """The scores of a set of images, from (K + 1, K + 1) integers; see `count_confusion`.

    Attributes:
        matrix: the counts. The last row is not scored, but where `pixel_accuracy_all` counts it as wrong.
        fcn: whether classes are averaged as in pix2pix's FCN score: all of them, absent ones as 0, with 1e-12
            below every fraction.
    """

    matrix: Tensor
    fcn: bool = False

    @property
    def counts(self) -> Tensor:
        """(K, K + 1) float64: the pixels that are scored. Exact up to 2^53 pixels."""
        return self.matrix[:-1].double()

    @property
    def hits(self) -> Tensor:
        """(K,) n_ii."""
        return self.counts.diagonal()

    @property
    def iou(self) -> Tensor:
        """(K,) n_ii / (t_i + sum_j n_ji - n_ii); NaN for a class that is neither there nor found."""
        counts = self.counts
        union = counts.sum(1) + counts.sum(0)[:-1] - self.hits
        return self.hits / (union + FCN_EPSILON if self.fcn else union)

    @property
    def recall(self) -> Tensor:
        """(K,) n_ii / t_i; NaN for a class that is not there."""
        there = self.counts.sum(1)
        return self.hits / (there + FCN_EPSILON if self.fcn else there)

    @property
    def miou(self) -> float:
        """Mean IoU over the classes that are there or found."""
        return _mean(self.iou)

    @property
    def class_accuracy(self) -> float:
        """Mean over the classes that are there of n_ii / t_i."""
        return _mean(self.recall)

    @property
    def pixel_accuracy(self) -> float:
        """sum_i n_ii / sum_i t_i: pixels that are not scored are left out."""
        return self._ratio(self.hits.sum(), self.counts.sum())

    @property
    def pixel_accuracy_all(self) -> float:
        """As `pixel_accuracy`, of all pixels: those that are not scored count as wrong."""
        return self._ratio(self.hits.sum(), self.matrix.double().sum())

    @property
    def fw_iou(self) -> float:
        """sum_i t_i IoU_i / sum_i t_i: classes weigh as often as they are there."""
        there = self.counts.sum(1)
        weighted = torch.where(there > 0, there * self.iou, 0.0)
        return self._ratio(weighted.sum(), there.sum())

    @property
    def scored_pixels(self) -> int:
        """Number of pixels that are scored."""
        return int(self.matrix[:-1].sum())

    def _ratio(self, part: Tensor, whole: Tensor) -> float:
        return float(part / (whole + FCN_EPSILON if self.fcn else whole))


def _mean(values: Tensor) -> float:
    """Of what is a number; NaN if nothing is."""
    known = values[torch.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
