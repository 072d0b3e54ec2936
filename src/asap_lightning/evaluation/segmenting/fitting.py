"""Fitting a small segmenter to real photos and their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.models.segmenters.compact import CompactUNet
from asap_lightning.models.segmenters.segmenter import Normalisation

IGNORE = -100
SMOOTHING = 0.01
"""Added to every class's share of the pixels before it becomes a weight, lest a rare class outweigh all."""
GAIN, SHIFT = 0.2, 0.2
"""Strength of the random change of contrast and colour, in standard deviations of a photo."""
NORMALISATION = Normalisation()


@dataclass(frozen=True)
class FitSettings:
    """How the segmenter is fitted; a change of any is another segmenter.

    Attributes:
        steps: updates.
        batch: crops an update.
        crop: largest side of a crop.
        rate: highest learning rate, of one cycle of AdamW.
        width: channels of the network at half the resolution.
        levels: halvings.
        pairs: training pairs at most.
        seed: decides initial weights and the order of the crops.
    """

    steps: int = 600
    batch: int = 8
    crop: int = 256
    rate: float = 3e-3
    width: int = 32
    levels: int = 5
    pairs: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            least = {"seed": 0, "batch": 2}.get(name, 1)
            if name == "rate":
                valid = isinstance(value, float | int) and 0 < value < 1
                expected = "a number between 0 and 1"
            else:
                valid = type(value) is int and value >= least
                expected = f"a whole number from {least} on"
            if not valid:
                raise UserError(f"segmenter.fit.{name}={value}: {expected} was expected")


def fit(
    photos: Sequence[Tensor],
    labels: Sequence[Tensor],
    classes: int,
    settings: FitSettings,
    *,
    device: torch.device | str = "cpu",
    on_step: Callable[[int, float], None] | None = None,
) -> CompactUNet:
    """A segmenter by cross-entropy, weighted by 1 / sqrt(share of the class + 0.01).

    Crops of one size are mirrored at random, and their contrast and colours changed a little, so that images
    of slightly other colours than the photos' are still read. Torch's global random state is not touched.

    Args:
        photos: (3, H, W) uint8 each.
        labels: (H, W) integers each; ids from ``classes`` on are not learnt.
        classes: number of classes.
        settings: see `FitSettings`.
        device: where to.
        on_step: called after each update with its number and loss.

    Raises:
        UserError: no pair, or no pixel of any class.
    """
    weight = class_weights(labels, classes).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = CompactUNet(classes, width=settings.width, levels=settings.levels)
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=0.01)
    total = settings.steps + 1
    rising = max(0.2, 1.5 / total)  # torch divides by 0 where a rise of one step is all there is
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=total, pct_start=rising
    )
    crops = Crops(photos, labels, classes, settings)
    with torch.enable_grad():
        for step in range(1, settings.steps + 1):
            x, truth = crops.draw()
            x = x.to(device, memory_format=torch.channels_last)
            loss = F.cross_entropy(network(x), truth.to(device), weight, ignore_index=IGNORE, reduction="sum")
            loss = loss / (truth != IGNORE).sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if on_step is not None:
                on_step(step, float(loss.detach()))
    return network.eval()


def class_weights(labels: Sequence[Tensor], classes: int) -> Tensor:
    """(classes,) float32: 1 / sqrt(share + 0.01), mean 1 over the pixels; 0 for a class that is nowhere.

    Raises:
        UserError: no pixel of any class.
    """
    counts = torch.zeros(classes, dtype=torch.float64)
    for label in labels:
        counts += torch.bincount(label.flatten().long(), minlength=classes)[:classes]
    if not counts.sum():
        raise UserError("segmenter=train: the training pairs have no pixel of any class")
    share = counts / counts.sum()
    weights = torch.where(counts > 0, (share + SMOOTHING).rsqrt(), 0.0)
    return (weights / (weights * share).sum()).float()


class Crops:
    """Batches of crops, drawn by a generator of their own."""

    def __init__(
        self, photos: Sequence[Tensor], labels: Sequence[Tensor], classes: int, settings: FitSettings
    ) -> None:
        if not photos:
            raise UserError("segmenter=train: there are no training pairs")
        self.photos, self.labels, self.classes = photos, labels, classes
        self.batch = settings.batch
        self.height, self.width = (
            min(settings.crop, *(label.shape[axis] for label in labels)) for axis in (0, 1)
        )
        self.generator = torch.Generator().manual_seed(settings.seed)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Normalised photos (B, 3, h, w) and classes (B, h, w), `IGNORE` where there is none to learn."""
        cut = [self._cut() for _ in range(self.batch)]
        photos = NORMALISATION(torch.stack([photo for photo, _ in cut]))
        labels = torch.stack([label for _, label in cut]).long()
        shape = (self.batch, 1, 1, 1)
        gain = 1 + GAIN * (2 * torch.rand(shape, generator=self.generator) - 1)
        shift = SHIFT * torch.randn((self.batch, 3, 1, 1), generator=self.generator)
        return photos * gain + shift, torch.where(labels < self.classes, labels, IGNORE)

    def _cut(self) -> tuple[Tensor, Tensor]:
        index = self._below(len(self.photos))
        photo, label = self.photos[index], self.labels[index]
        top = self._below(label.shape[0] - self.height + 1)
        left = self._below(label.shape[1] - self.width + 1)
        part = (..., slice(top, top + self.height), slice(left, left + self.width))
        photo, label = photo[part], label[part]
        return (photo.flip(-1), label.flip(-1)) if self._below(2) else (photo, label)

    def _below(self, end: int) -> int:
        return int(torch.randint(end, (), generator=self.generator))
