"""Every metric declared once: its name, heading, unit, direction and scope.

Tables, curves, dashboards, studies and reports read all of this here. What is computed of images is declared
beside what computes it (`asap_lightning.metrics.catalogue`); costs and what a run shows of itself are
declared here. A name that is not declared has no direction: its values are shown, and nothing calls one of
them better. Light: imports neither torch nor torchmetrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from asap_lightning.errors import UserError
from asap_lightning.metrics.catalogue import CATALOGUE
from asap_lightning.metrics.metric import Direction, MetricDeclaration

METRICS = {
    declared.key: declared
    for declared in (
        *(metric.declaration for metric in CATALOGUE.values()),
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
            "gmacs", "Multiply-adds", "min", "model", "half the operations", "GMAC an image", place="model"
        ),
        MetricDeclaration(
            "peak_mib", "Peak memory", "min", "model", "beyond what lay there before", "MiB", place="model"
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

QUICK = ("psnr", "ssim", "l1")
"""What is measured where nothing is said: of every pair, without a network."""

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
