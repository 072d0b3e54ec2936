"""What both fits share: settings, batches of examples, the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asap_lightning.errors import UserError

Example = TypeVar("Example")
Network = TypeVar("Network", bound=nn.Module)
OnStep = Callable[[int, float], None]
"""Called after each update with its number, from 1 on, and its loss."""


@dataclass(frozen=True)
class PieceSettings:
    """How a network of pieces is fitted.

    Attributes:
        steps: updates.
        batch: examples an update.
        rate: learning rate of Adam; the order network's is at most this.
        start: the order network's rate in the first pass, as a share of ``rate``.
        fall: share of the steps, the last ones, in which the rate falls towards 0; the paper's does not.
        width: channels of the trunk's first stage.
        side: pixels of the square windows in which pieces are seen.
        scale: an alignment's pieces are made so many times as large, drawn evenly from low to high.
        shift: and moved by at most this share of their size, either way.
        seed: decides the initial weights, what is drawn, and dropout.
    """

    steps: int
    batch: int = 1
    rate: float = 1e-5
    start: float = 0.1
    fall: float = 0.0
    width: int = 64
    side: int = 64
    scale: tuple[float, float] = (0.9, 1.1)
    shift: float = 1 / 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("width", 1), ("side", 8), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is at least {least}, got {getattr(self, name)}")
        if not 0 <= self.fall <= 1 or not 0 < self.start <= 1:
            raise ValueError(f"fall and start are shares, got {self.fall} and {self.start}")
        if not self.rate > 0 or not 0 < self.scale[0] <= self.scale[1] or self.shift < 0:
            raise ValueError(
                "a rate above 0, scales above 0 in their order and a shift of 0 or more were expected, got "
                f"{self.rate}, {self.scale} and {self.shift}"
            )

    def falling(self, step: int) -> float:
        """What the rate of a step, from 1 on, is multiplied by."""
        last = self.fall * self.steps
        return min(1.0, (self.steps - step + 1) / last) if last else 1.0


def fitted(
    network: Network,
    loss: Callable[[Sequence[Example]], Tensor],
    examples: Iterable[Example],
    settings: PieceSettings,
    *,
    rate: Callable[[int], float],
    on_step: OnStep | None,
) -> Network:
    """The network after ``settings.steps`` updates by Adam; in evaluation mode.

    Args:
        network: on its device.
        loss: of a batch of examples.
        examples: gone through again and again; an iterator only once.
        settings: see there.
        rate: learning rate of the epoch, from 0 on: of a pass over the examples.
        on_step: see `OnStep`.

    Raises:
        UserError: there is no example, or an iterator has too few.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate)
    network.train()
    batches = _batches(examples, settings.batch)
    with torch.enable_grad(), torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        for step in range(1, settings.steps + 1):
            epoch, batch = next(batches)
            for group in optimizer.param_groups:
                group["lr"] = rate(epoch) * settings.falling(step)
            value = loss(batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            if on_step is not None:
                on_step(step, float(value.detach()))
    return network.eval()


def _batches(examples: Iterable[Example], size: int) -> Iterator[tuple[int, list[Example]]]:
    """Epoch and examples of each batch; a smaller rest of an epoch opens the next one's first."""
    epoch, held = 0, list[Example]()
    while True:
        found = False
        for example in examples:
            found = True
            held.append(example)
            if len(held) == size:
                yield epoch, held
                held = []
        if not found:
            raise UserError(
                "there are no examples to fit by"
                if not epoch
                else "there are fewer examples than steps take: give a list, or an iterable that begins anew"
            )
        epoch += 1


def initialised(make: Callable[[], Network], seed: int, device: torch.device | str) -> Network:
    """A network whose weights follow from the seed; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().to(device)


def stacked(arrays: Sequence[NDArray], device: torch.device | str) -> Tensor:
    """Arrays of one size as a batch.

    Raises:
        UserError: they differ in size.
    """
    if len({array.shape for array in arrays}) > 1:
        raise UserError("the examples of a batch differ in size: use batch=1, or pictures of one size")
    return torch.from_numpy(np.stack(arrays)).to(device)
