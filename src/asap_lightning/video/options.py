"""What a user may say about the translation of a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from asap_lightning.errors import UserError
from asap_lightning.inference.folder import LabelOptions
from asap_lightning.video.smoothing import require_smoothing

Damaged = Literal["stop", "keep"]
Audio = Literal["copy", "none"]
FASTEST = 1000


@dataclass(frozen=True)
class VideoOptions:
    """Everything beside the model, the source and the output.

    Attributes:
        smoothing: weight of the past in the average of phi, see `PhiAverage`; 0 smooths nothing.
        cut: change of a condition from which on a scene begins anew, see `CutDetector`; None: by its kind.
        frames: translate the first of them alone; None: all.
        fps: frames a second, of a folder and of a camera; a file has its own times.
        codec: of the output, one that its container holds; None: the container's usual one.
        crf: the codec's constant rate factor, lower is better and larger; None: a nearly transparent one.
        audio: ``copy`` takes every stream of sound over as it is; ``none`` leaves it out.
        damaged: ``stop`` refuses a video that is truncated or cannot be decoded to its end, ``keep``
            translates what can be decoded.
        labels: how label maps are read where they differ from the training's.
        pattern: which files of a folder, as a glob.
        instances: a folder of instance maps with the names of the frames, for models with instance edges.
        seed: decides what a model draws, equally for every frame.
        overwrite: whether an output file that is there may be replaced.
    """

    smoothing: float = 0.0
    cut: float | None = None
    frames: int | None = None
    fps: float | None = None
    codec: str | None = None
    crf: int | None = None
    audio: Audio = "copy"
    damaged: Damaged = "stop"
    labels: LabelOptions = field(default_factory=LabelOptions)
    pattern: str = "**/*"
    instances: Path | None = None
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        require_smoothing(self.smoothing)
        if self.frames is not None and self.frames < 1:
            raise UserError(f"frames={self.frames}: at least 1 was expected")
        if self.fps is not None and not 0.01 <= self.fps <= FASTEST:  # NaN too
            raise UserError(f"fps={self.fps:g}: a number from 0.01 to {FASTEST} was expected")
        for key, value, known in (
            ("audio", self.audio, ("copy", "none")),
            ("damaged", self.damaged, ("stop", "keep")),
        ):
            if value not in known:
                raise UserError(f"{key}={value}: {' or '.join(known)} was expected")

    @property
    def rate(self) -> Fraction | None:
        """`fps` as a fraction: 29.97 is 30000/1001."""
        if self.fps is None:
            return None
        ntsc = Fraction(round(self.fps * 1.001) * 1000, 1001)
        near = ntsc if ntsc and abs(float(ntsc) - self.fps) < 5e-3 * 1.001 and self.fps % 1 else None
        return near or Fraction(self.fps).limit_denominator(100_000)
