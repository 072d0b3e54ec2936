"""Learning-rate schedules as pure functions of progress.

The module sets ``lr = base x factor(epoch, step)`` before every update, so a resumed run needs no
scheduler state to continue exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ConstantThenLinear:
    """1 for ``constant`` epochs (or steps), then linearly down to zero over ``decay`` more.

    factor(t) = 1 - max(0, t - constant) / decay, t counted from 0 (pix2pix, SPADE, ASAP-Net: 200 + 100
    epochs).

    Attributes:
        constant: length of the constant part.
        decay: length of the linear part; 0 keeps the rate constant for ever.
        unit: what both count, ``epoch`` or ``step`` (generator updates).
    """

    constant: int = 200
    decay: int = 100
    unit: Literal["epoch", "step"] = "epoch"

    def __post_init__(self) -> None:
        if self.constant < 0 or self.decay < 0:
            raise ValueError(f"constant and decay must be >= 0, got {self.constant} and {self.decay}")
        if self.unit not in ("epoch", "step"):
            raise ValueError(f"unit must be 'epoch' or 'step', got {self.unit!r}")

    def __call__(self, epoch: int, step: int) -> float:
        """The factor during 0-based ``epoch`` or before 0-based generator update ``step``."""
        done = epoch if self.unit == "epoch" else step
        over = max(0, done - self.constant)
        return 1.0 if not self.decay else max(0.0, 1 - over / self.decay)
