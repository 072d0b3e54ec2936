"""Coverage: share of photos with a generated image in their neighbourhood (nearest 5)."""

from __future__ import annotations

from asap_lightning.metrics.features.kinds import of_store
from asap_lightning.metrics.metric import Outcome

METRICS = of_store(
    "coverage",
    "Coverage",
    "max",
    "Naeem et al. 2020, nearest 5",
    lambda store: Outcome(store.neighbourhoods.coverage),
    least=6,
    order=42,
)
