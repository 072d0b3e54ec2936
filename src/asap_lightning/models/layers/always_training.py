"""Layers that behave at test time as in training: the only noise of pix2pix, and its batch statistics."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BatchStatisticsNorm2d(nn.BatchNorm2d):
    """Batch norm that normalises by the batch's own statistics also at test time (pix2pix, section 3.3).

    With one image in the batch it is instance norm with learned scale and shift. Running statistics are
    still gathered in training, so that a checkpoint can be read as plain batch norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


class Dropout(nn.Dropout):
    """Dropout that may stay on at test time (pix2pix's noise z).

    Args:
        p: probability of dropping an entry.
        at_test: whether entries are dropped in evaluation mode, too.
    """

    def __init__(self, p: float = 0.5, *, at_test: bool = False) -> None:
        super().__init__(p)
        self.at_test = at_test

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, training=self.training or self.at_test)
