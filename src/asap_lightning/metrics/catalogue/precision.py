"""Precision: share of generated images near a photo (nearest 3)."""

from __future__ import annotations

from asap_lightning.metrics.features.kinds import of_store
from asap_lightning.metrics.metric import Outcome

METRICS = of_store(
    "precision",
    "Precision",
    "max",
    "Kynkaanniemi et al. 2019, nearest 3",
    lambda store: Outcome(store.neighbourhoods.precision),
    least=6,
    order=30,
)
