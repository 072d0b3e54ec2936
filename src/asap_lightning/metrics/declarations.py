"""Every metric declared once: its name, heading, unit, direction and scope.

Tables, curves, dashboards, studies and reports read all of this here, so a new metric is one entry of
`METRICS` and the code that computes it. A name that is not declared has no direction: its values are shown,
and nothing calls one of them better. Light: imports neither torch nor torchmetrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from asap_lightning.errors import UserError

Direction = Literal["max", "min"]
Scope = Literal["image", "set", "model", "run"]


@dataclass(frozen=True)
class MetricDeclaration:
    """What is known of a metric before any value of it.

    Attributes:
        key: its name in tables and files: ``psnr``.
        heading: its name for readers, without the unit.
        direction: ``max`` if the larger value is the better one, ``min`` if the smaller; None if neither is.
        scope: what has a value: an ``image`` (a data set has the mean), a ``set`` of images (no image has one
            of its own), a ``model`` (a cost, known without data), a training ``run`` as it goes.
        source: where it is defined.
        unit: behind the heading; empty for a plain number.
        place: first part of the name under which it is logged.
        scale: what a value is multiplied by where it is shown under `title`.
    """

    key: str
    heading: str
    direction: Direction | None
    scope: Scope
    source: str
    unit: str = ""
    place: str = "val"
    scale: float = 1.0

    @property
    def logged(self) -> str:
        """The name under which it is logged: ``val/psnr``."""
        return f"{self.place}/{self.key}"

    @property
    def title(self) -> str:
        """Heading and unit."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading

    @property
    def higher_is_better(self) -> bool:
        """Whether the larger value is the better one.

        Raises:
            ValueError: neither is.
        """
        if self.direction is None:
            raise ValueError(f"no value of {self.key} is better than another")
        return self.direction == "max"

    @property
    def better(self) -> str:
        """``higher is better`` or ``lower is better``."""
        return "higher is better" if self.higher_is_better else "lower is better"

    def best(self, values: Iterable[float]) -> float:
        """The best of ``values``; NaN if none is finite."""
        numbers = [value for value in values if math.isfinite(value)]
        if not numbers:
            return float("nan")
        return max(numbers) if self.higher_is_better else min(numbers)


METRICS = {
    declared.key: declared
    for declared in (
        MetricDeclaration("psnr", "PSNR", "max", "image", "of 8-bit images, at most 100", "dB"),
        MetricDeclaration("ssim", "SSIM", "max", "image", "Wang et al. 2004, window of sigma 1.5"),
        MetricDeclaration("l1", "L1", "min", "image", "mean absolute difference", "images in [0, 1]"),
        MetricDeclaration("lpips", "LPIPS", "min", "image", "Zhang et al. 2018"),
        MetricDeclaration("fid", "FID", "min", "set", "Heusel et al. 2017"),
        MetricDeclaration("kid", "KID", "min", "set", "Binkowski et al. 2018"),
        MetricDeclaration("miou", "mIoU", "max", "set", "Long et al. 2015, of the labels seen in the images"),
        MetricDeclaration("pixel_accuracy", "Pixel accuracy", "max", "set", "Long et al. 2015, as mIoU"),
        MetricDeclaration(
            "latency_ms", "Latency", "min", "model", "fastest of several calls", "ms an image", place="model"
        ),
        MetricDeclaration(
            "parameters",
            "Parameters",
            "min",
            "model",
            "their number",
            "millions",
            place="model",
            scale=1e-6,
        ),
        MetricDeclaration(
            "gflops", "Operations", "min", "model", "products and sums", "GFLOP an image", place="model"
        ),
        MetricDeclaration(
            "images_per_second",
            "Training speed",
            "max",
            "run",
            "of all processes",
            "images/s",
            place="speed",
        ),
        MetricDeclaration(
            "data_wait", "Share of the time waiting for data", None, "run", "the loader", place="speed"
        ),
        MetricDeclaration("gpu_gib", "GPU memory", None, "run", "its peak", "GiB", place="memory"),
    )
}
"""By key, the most telling first."""

VALIDATED = tuple(declared for declared in METRICS.values() if declared.place == "val")
"""The metrics of a validation."""


def _split(name: str) -> tuple[str, str]:
    place, slash, key = name.partition("/")
    return (place, key) if slash else ("", name)


def declaration_of(name: str) -> MetricDeclaration | None:
    """The declaration of ``psnr`` or ``val/psnr``; None for others (``loss_g/l1``, ``val/new``)."""
    place, key = _split(name)
    declared = METRICS.get(key)
    return declared if declared is not None and place in ("", declared.place) else None


def direction_of(name: str) -> Direction | None:
    """Which way is better by the declaration of ``name``; None if neither is, or nothing is declared."""
    declared = declaration_of(name)
    return None if declared is None else declared.direction


def title_of(name: str) -> str:
    """Heading and unit; of what is not declared the name itself, without ``val/``."""
    declared = declaration_of(name)
    return name.removeprefix("val/") if declared is None else declared.title


def best_value(name: str, values: Iterable[float]) -> float | None:
    """The best of ``values`` of the metric ``name``; None if no direction is declared for it."""
    declared = declaration_of(name)
    return None if declared is None or declared.direction is None else declared.best(values)


def is_better(value: float, than: float | None, *, higher: bool) -> bool:
    """Whether a value beats the best so far: what is not finite beats nothing, any number beats it."""
    if not math.isfinite(value):
        return False
    if than is None or not math.isfinite(than):
        return True
    return value > than if higher else value < than


def metric_named(text: str, option: str = "metric ") -> MetricDeclaration:
    """The metric that a user names, with a direction.

    Args:
        text: ``psnr``, ``val/psnr``; for a metric without a declared direction with it: ``val/new:max``.
        option: where it is named, for messages: ``--metric ``, ``hydra.sweeper.metric=``.

    Raises:
        UserError: no direction is known, or another one than the declared is asked for.
    """
    name, colon, way = text.partition(":")
    place, key = _split(name)
    declared = declaration_of(name)
    if colon and way not in ("max", "min"):
        raise UserError(f"{option}{text}: behind the colon max or min was expected, found {way or 'nothing'}")
    known = None if declared is None else declared.direction
    if known is not None and way not in ("", known):
        raise UserError(f"{option}{text}: {key} is declared the other way; write {name}, or {name}:{known}")
    direction: Direction | None = known or ("max" if way == "max" else "min" if way == "min" else None)
    if direction is None:
        rated = ", ".join(one.key for one in METRICS.values() if one.direction is not None)
        raise UserError(
            f"{option}{name}: which way is better is known of {rated}; for another metric say it: "
            f"{name}:max if the larger value is the better one, {name}:min if the smaller"
        )
    if declared is not None:
        return replace(declared, direction=direction)
    return MetricDeclaration(key, key, direction, "set", "named with its direction", place=place or "val")
