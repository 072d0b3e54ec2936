"""Frechet distance of two sets of images in a network's features; FID is that of the Inception network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asap_lightning.metrics.features.kinds import INCEPTION, KINDS, Kind, declared
from asap_lightning.metrics.metric import Bench, Metric, MetricDeclaration, SetScore

SOURCE = "Heusel et al. 2017, covariance divided by n - 1"


def maker(kind: Kind) -> Callable[[Bench], SetScore]:
    """What makes the distance in the features of one network."""

    def make(bench: Bench) -> SetScore:
        from asap_lightning.metrics.features.sums import FeatureSums

        network = kind.load(bench)
        return bench.state(("sums", kind.key), lambda: FeatureSums(network)).distance

    return make


def declaration(kind: Kind) -> MetricDeclaration:
    """``fid`` for Inception alone: what another network measures has another name."""
    made = declared(kind, "fd", "Frechet distance", "min", SOURCE, least=2, order=20)
    return replace(made, key="fid", heading="FID") if kind is INCEPTION else made


METRICS = tuple(Metric(declaration(kind), maker(kind)) for kind in KINDS)
