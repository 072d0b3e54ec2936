"""What a metric is: a declaration that readers need, and what computes it.

A file of `asap_lightning.metrics.catalogue` holds both. Light: imports neither torch nor torchmetrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

Direction = Literal["max", "min"]
Scope = Literal["image", "set", "model", "run"]
Need = Literal["photo", "label", "weights"]


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
        needs: what must be there beside the generated images: ``photo``, ``label``, ``weights`` of a network.
        least: images below which it has no value.
        order: place among the metrics: the smaller, the earlier a reader sees it.
    """

    key: str
    heading: str
    direction: Direction | None
    scope: Scope
    source: str
    unit: str = ""
    place: str = "val"
    scale: float = 1.0
    needs: tuple[Need, ...] = ()
    least: int = 1
    order: int = 50

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


@dataclass(frozen=True)
class Outcome:
    """What a metric of a set has found.

    Attributes:
        value: the score.
        details: plain values beside it, for the report: the score of every class.
        pictures: name -> (H, W, 3) uint8, saved beside the report: a confusion matrix.
        warnings: what a reader of the score must know.
    """

    value: float
    details: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, NDArray] = field(default_factory=dict)
    warnings: Sequence[str] = ()


class State(Protocol):
    """What metrics of a set gather while images pass by; metrics of one kind share one."""

    def update(self, pairs: Pairs) -> None:
        """Takes some images; `Unavailable` where it cannot, which ends all metrics that share it."""

    def gather(self) -> None:
        """Adds up what all processes have; called once, on all of them, before scores are asked for."""


StateT = TypeVar("StateT", bound=State)


class Bench:
    """One measurement's states; the networks are kept by the suite from one measurement to the next.

    Attributes:
        settings: what the user has set for all metrics: plain values and built parts.
        networks: by name, made once.
        states: by key, updated with every batch.
        asked: keys of the states that have been asked for; whoever wants to know by whom empties it.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        networks: dict[Hashable, Any] | None = None,
    ) -> None:
        self.settings = dict(settings or {})
        self.networks = {} if networks is None else networks
        self.states: dict[Hashable, State] = {}
        self.asked: set[Hashable] = set()

    def state(self, key: Hashable, make: Callable[[], StateT]) -> StateT:
        """The state of this key, which metrics share; made by whoever asks first."""
        self.asked.add(key)
        if key not in self.states:
            self.states[key] = make()
        return cast(StateT, self.states[key])

    def network(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The network of this key, likewise."""
        if key not in self.networks:
            self.networks[key] = make()
        return self.networks[key]


ImageScore = Callable[["Pairs"], "Tensor"]
"""Of a metric of images: pairs -> (B,), one score a pair."""
SetScore = Callable[[], Outcome]
"""Of a metric of a set: called when all states have been gathered."""


@dataclass(frozen=True)
class Metric:
    """A metric and what computes it.

    Attributes:
        declaration: what readers need to know.
        make: bench -> an `ImageScore` or, where the declared scope is ``set``, a `SetScore`. What it needs
            (torch, networks) it imports when it is called. Raises `Unavailable` where something is missing.
    """

    declaration: MetricDeclaration
    make: Callable[[Bench], ImageScore | SetScore]
