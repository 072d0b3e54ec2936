"""Every metric of images and of sets of images: one file each, found by itself.

A file defines ``METRIC``, or ``METRICS`` where one computation with another network is another metric. It is
imported wherever a metric's heading is shown, so it imports nothing heavy at its top.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from asap_lightning.metrics.metric import Metric


def _found() -> dict[str, Metric]:
    metrics: list[Metric] = []
    for module in iter_modules(__path__):
        found = import_module(f"{__name__}.{module.name}")
        metrics += found.METRICS if hasattr(found, "METRICS") else [found.METRIC]
    metrics.sort(key=lambda metric: (metric.declaration.order, metric.declaration.key))
    catalogue = {metric.declaration.key: metric for metric in metrics}
    if len(catalogue) != len(metrics):
        raise ValueError("two files of the catalogue declare metrics of one key")
    return catalogue


CATALOGUE = _found()
"""By key, the most telling first."""
