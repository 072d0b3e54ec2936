"""The networks whose features metrics of sets compare: names and sources. Light."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, Direction, Metric, MetricDeclaration, Outcome, SetScore

if TYPE_CHECKING:
    from asap_lightning.metrics.features.networks import FeatureNetwork
    from asap_lightning.metrics.features.store import FeatureStore


@dataclass(frozen=True)
class Kind:
    """A network.

    Attributes:
        key: end of the metrics' names; empty for the network that the metric's authors use.
        heading: its name for readers.
        order: its place among the networks.
    """

    key: str
    heading: str
    order: int

    def load(self, bench: Bench) -> FeatureNetwork:
        """The network, once a suite.

        Raises:
            Unavailable: its weights or a package are missing.
        """
        from asap_lightning.metrics.features.networks import load_network

        network: FeatureNetwork = bench.network(("features", self.key), lambda: load_network(self.key, bench))
        return network


INCEPTION = Kind("inception", "Inception", 0)
EFFNET = Kind("effnet", "EfficientNet-Lite0", 1)
DINOV2 = Kind("dinov2", "DINOv2", 2)
CUSTOM = Kind("custom", "own network", 3)
KINDS = (INCEPTION, EFFNET, DINOV2, CUSTOM)


def declared(
    kind: Kind, key: str, heading: str, direction: Direction, source: str, *, least: int, order: int
) -> MetricDeclaration:
    """The declaration of one of a family: ``kid`` on Inception's features, ``kid_effnet``, .."""
    name = key if kind is INCEPTION else f"{key}_{kind.key}"
    title = heading if kind is INCEPTION else f"{heading} ({kind.heading})"
    place = order + kind.order
    return MetricDeclaration(
        name, title, direction, "set", source, needs=("photo", "weights"), least=least, order=place
    )


def of_store(
    key: str,
    heading: str,
    direction: Direction,
    source: str,
    score: Callable[[FeatureStore], Outcome],
    *,
    least: int,
    order: int,
    kinds: Iterable[Kind] = KINDS,
) -> tuple[Metric, ...]:
    """A family of metrics that compare every image with every other, one for each network."""

    def maker(kind: Kind) -> Callable[[Bench], SetScore]:
        def make(bench: Bench) -> SetScore:
            from asap_lightning.metrics.features.store import FeatureStore

            network = kind.load(bench)
            store = bench.state(("store", kind.key), lambda: FeatureStore(network))
            return lambda: score(store)

        return make

    return tuple(
        Metric(declared(kind, key, heading, direction, source, least=least, order=order), maker(kind))
        for kind in kinds
    )
