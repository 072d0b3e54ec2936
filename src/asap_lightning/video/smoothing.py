"""Temporal smoothing of ASAP-Net's phi: the tiles' MLPs change slowly, the pixels do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.inference.padding import pad_condition
from asap_lightning.inference.translator import Translator, to_array
from asap_lightning.models import AsapGenerator

GRID = 64
"""Rows and columns of the points at which two conditions are compared, at most."""
LABEL_CUT, PICTURE_CUT = 0.4, 0.2
"""Change from which on the scene is another one: the share of points of another class, or the mean absolute
difference of a picture's levels (of 1)."""


class PhiAverage:
    """Exponential average of phi over the frames of a scene.

        phi'_t = s phi'_{t-1} + (1 - s) phi_t,   phi'_t = phi_t where a scene begins

    Kept in float32, whatever phi is.

    Args:
        smoothing: s, from 0 (no memory) to below 1.
    """

    def __init__(self, smoothing: float) -> None:
        require_smoothing(smoothing)
        self.smoothing = smoothing
        self._average: Tensor | None = None

    def __call__(self, phi: Tensor, *, begins: bool = False) -> Tensor:
        """The average after this frame, of phi's shape and dtype.

        Args:
            phi: (B, P, rows, columns).
            begins: whether a scene begins here, so that nothing before it counts.
        """
        before = self._average
        if before is None or begins or before.shape != phi.shape:
            self._average = phi.float().clone()
        else:
            self._average = torch.lerp(phi.float(), before, self.smoothing)
        return self._average.to(phi.dtype)


def average_reference(phis: Sequence[Tensor], smoothing: float, begins: Sequence[bool]) -> list[Tensor]:
    """`PhiAverage`, written out: every frame's weights on all frames of its scene, in float64."""
    averages = []
    for t in range(len(phis)):
        first = max(k for k in range(t + 1) if k == 0 or begins[k])
        total = smoothing ** (t - first) * phis[first].double()
        for k in range(first + 1, t + 1):
            total = total + (1 - smoothing) * smoothing ** (t - k) * phis[k].double()
        averages.append(total.to(phis[t].dtype))
    return averages


class CutDetector:
    """Where another scene begins: the condition differs at many points of a coarse grid.

    A pan moves every border by a little and changes few points; a cut changes most of them.

    Args:
        threshold: from 0 to 1; None: `LABEL_CUT` for class ids, `PICTURE_CUT` for pictures and depths.
    """

    def __init__(self, threshold: float | None = None) -> None:
        if threshold is not None and not 0 < threshold <= 1:
            raise UserError(f"cut={threshold:g}: a share above 0, at most 1, was expected")
        self.threshold = threshold
        self._before: NDArray | None = None

    def __call__(self, condition: NDArray) -> bool:
        """Whether a scene begins with this condition; the first one begins one."""
        height, width = condition.shape[:2]
        points = condition[:: -(-height // GRID), :: -(-width // GRID)]
        before, self._before = self._before, points.copy()
        if before is None or before.shape != points.shape:
            return True
        if condition.dtype.kind in "iu" and condition.ndim == 2:
            return float(np.mean(points != before)) > (self.threshold or LABEL_CUT)
        scale = 255 if condition.dtype.kind in "iu" else 2  # floats lie in [-1, 1]
        change = float(np.mean(np.abs(points.astype(np.float32) - before.astype(np.float32)))) / scale
        return change > (self.threshold or PICTURE_CUT)


class SmoothedTranslator:
    """Translates the frames of one video in their order, with phi averaged over time.

    Args:
        translator: of an ASAP-Net; other generators have no phi.
        smoothing: see `PhiAverage`.
        cut: see `CutDetector`.

    Attributes:
        scenes: how many have begun.

    Raises:
        UserError: another generator, or a number out of range.
    """

    def __init__(self, translator: Translator, smoothing: float, cut: float | None = None) -> None:
        if not isinstance(translator.generator, AsapGenerator):
            raise UserError(
                f"smoothing={smoothing:g}: the parameters of ASAP-Net's tiles are smoothed, and this model "
                "is a "
                f"{type(translator.generator).__name__}; leave smoothing out, or take an ASAP-Net"
            )
        self.translator, self.generator = translator, translator.generator
        self._average, self._begins = PhiAverage(smoothing), CutDetector(cut)
        self.scenes = 0

    @torch.inference_mode()
    def __call__(self, condition: NDArray, instance: NDArray | None = None) -> NDArray[np.uint8]:
        """As `Translator`, for the next frame.

        Raises:
            UserError: as `Translator`.
        """
        generator = self.generator
        made = self.translator.to_condition(condition, instance)
        padded = pad_condition(made, generator.size_multiple, generator.minimum_size)
        begins = self._begins(condition)
        self.scenes += begins
        phi = self._average(generator.predict_phi(padded), begins=begins)
        image = generator.render(padded, phi)[..., : made.height, : made.width]
        return to_array(image[0])


def require_smoothing(smoothing: float) -> None:
    """A `UserError` for a number that is no weight of the past."""
    if not 0 <= smoothing < 1:
        raise UserError(f"smoothing={smoothing:g}: a number from 0 (none) to below 1 was expected")
