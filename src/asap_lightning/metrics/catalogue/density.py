"""Density: how many photos' neighbourhoods (nearest 5) hold a generated image."""

from __future__ import annotations

from asap_lightning.metrics.features.kinds import of_store
from asap_lightning.metrics.metric import Outcome

METRICS = of_store(
    "density",
    "Density",
    "max",
    "Naeem et al. 2020, nearest 5",
    lambda store: Outcome(store.neighbourhoods.density),
    least=6,
    order=38,
)
