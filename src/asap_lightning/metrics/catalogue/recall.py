"""Recall: share of photos near a generated image (nearest 3)."""

from __future__ import annotations

from asap_lightning.metrics.features.kinds import of_store
from asap_lightning.metrics.metric import Outcome

METRICS = of_store(
    "recall",
    "Recall",
    "max",
    "Kynkaanniemi et al. 2019, nearest 3",
    lambda store: Outcome(store.neighbourhoods.recall),
    least=6,
    order=34,
)
