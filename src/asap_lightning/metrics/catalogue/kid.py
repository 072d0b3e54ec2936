"""Kernel distance of two sets of images in a network's features."""

from __future__ import annotations

from asap_lightning.metrics.features.kinds import of_store
from asap_lightning.metrics.metric import Outcome

METRICS = of_store(
    "kid",
    "KID",
    "min",
    "Binkowski et al. 2018: unbiased, over all images instead of drawn subsets",
    lambda store: Outcome(store.discrepancy),
    least=2,
    order=24,
)
