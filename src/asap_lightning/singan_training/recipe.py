"""What is trained and how, as plain values: what a resume must find as it was."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.singan.pyramid import Plan, plan, plan_super_resolution
from asap_lightning.singan.updates import UpdateSettings, widths

MOST_ITERATIONS, LARGEST_SIDE = 1_000_000, 4_096
ANIMATION_MIN_SIZE = 20


@dataclass(frozen=True)
class Recipe:
    """How an image is learned; the defaults are the paper's.

    Attributes:
        task: ``generate``, ``super_resolution`` or ``animation``.
        factor: enlargement that a super-resolution is trained for.
        min_size, max_size: shorter side of the coarsest scale, longer side of the finest, in pixels.
        scale_factor: wanted factor between two scales.
        iterations: a scale.
        width, max_width: channels at the coarsest scales, doubled every four up to the second number.
        layers: convolutions of each network.
        learning_rate, beta: of Adam, betas (beta, 0.999).
        decay_at: share of a scale's iterations after which the rate is a tenth.
        updates: of an iteration.
    """

    task: str = "generate"
    factor: float = 4.0
    min_size: int = 25
    max_size: int = 250
    scale_factor: float = 0.75
    iterations: int = 2000
    width: int = 32
    max_width: int = 128
    layers: int = 5
    learning_rate: float = 5e-4
    beta: float = 0.5
    decay_at: float = 0.8
    updates: UpdateSettings = field(default_factory=UpdateSettings)

    def __post_init__(self) -> None:
        """Refuses numbers with which nothing can be trained.

        Raises:
            UserError: names the key.
        """
        if self.task not in ("generate", "super_resolution", "animation"):
            raise UserError(f"task={self.task}: generate, super_resolution or animation was expected")
        _whole("iterations", self.iterations, 1, MOST_ITERATIONS)
        _whole("min_size", self.min_size, 12, LARGEST_SIDE)
        _whole("max_size", self.max_size, self.min_size + 1, LARGEST_SIDE)
        _whole("network.width", self.width, 1, 1024)
        _whole("network.max_width", self.max_width, self.width, 1024)
        _whole("network.layers", self.layers, 2, 16)
        _whole("updates.discriminator_steps", self.updates.discriminator_steps, 1, 100)
        _whole("updates.generator_steps", self.updates.generator_steps, 1, 100)
        for key, value, low, high in (
            ("scale_factor", self.scale_factor, 0.2, 0.95),
            ("factor", self.factor, 1.01, 64.0),
            ("optimizer.learning_rate", self.learning_rate, 1e-9, 1.0),
            ("optimizer.beta", self.beta, 0.0, 0.999),
            ("optimizer.decay_at", self.decay_at, 0.0, 1.0),
            ("updates.reconstruction", self.updates.reconstruction, 0.0, 1e6),
            ("updates.penalty", self.updates.penalty, 0.0, 1e6),
        ):
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                raise UserError(f"{key}={value}: a number from {low:g} to {high:g} was expected")

    def plan(self, height: int, width: int) -> Plan:
        """The scales of an image of this size.

        Raises:
            UserError: it is too small.
        """
        if self.task == "super_resolution":
            return plan_super_resolution(height, width, self.factor, max_size=self.max_size)
        return plan(height, width, min_size=self.min_size, max_size=self.max_size, factor=self.scale_factor)

    def networks(self, count: int) -> list[dict[str, int]]:
        """The arguments of the networks of every scale."""
        return [
            {"width": width, "layers": self.layers} for width in widths(count, self.width, self.max_width)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain containers."""
        return asdict(self)

    def changes(self, stored: Any) -> list[str]:
        """Lines 'key: there, here' of what is other than in a stored ``as_dict``."""
        before, now = _flat(stored if isinstance(stored, dict) else {}), _flat(self.as_dict())
        return [
            f"{key}: {before.get(key, 'absent')} in the checkpoint, {value} here"
            for key, value in now.items()
            if before.get(key) != value
        ]


def fingerprint(*images: Tensor | None) -> str:
    """Sixteen hexadecimal digits that stand for the image and the mask."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(b"none" if image is None else image.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def cost(size: tuple[int, int], width: int, layers: int) -> float:
    """Products of one pass through a scale's network, about: what an iteration's time goes with."""
    return math.prod(size) * 9.0 * (6 * width + (layers - 2) * width * width)


def _whole(key: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(f"{key}={value}: a whole number from {low} to {high} was expected")


def _flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
