"""Learning-rate schedules as pure functions of progress.

The module sets ``lr = base x factor(epoch, step)`` before every update, so a resumed run needs no
scheduler state to continue exactly.
"""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class ExponentialWarmup(ConstantThenLinear):
    """min(start growth ** t, peak) for ``warmup`` epochs (or steps), and from then on `ConstantThenLinear`.

    SIMS: 1e-6 x 1.1 ** t, at most 1e-3, for 112 epochs, then 1e-4, which is the base rate here.

    Attributes:
        warmup: length of the part that grows; the constant part counts it, too.
        start: the factor at the beginning.
        growth: of the factor, each epoch or step.
        peak: of it at most.
    """

    warmup: int = 112
    start: float = 0.01
    growth: float = 1.1
    peak: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup < 0 or min(self.start, self.peak) <= 0 or self.growth < 1:
            raise ValueError(
                "warmup must be >= 0, start and peak above 0 and growth at least 1, got "
                f"{self.warmup}, {self.start}, {self.peak} and {self.growth}"
            )

    def __call__(self, epoch: int, step: int) -> float:
        """The factor during 0-based ``epoch`` or before 0-based generator update ``step``."""
        done = epoch if self.unit == "epoch" else step
        if done >= self.warmup:
            return super().__call__(epoch, step)
        grown = math.log(self.start) + done * math.log(self.growth)  # growth ** done may overflow
        return self.peak if grown >= math.log(self.peak) else math.exp(grown)
