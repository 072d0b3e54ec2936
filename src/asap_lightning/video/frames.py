"""What travels from the reader of a video to its writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

MAX_FRAME_PIXELS = 2**26
"""Pixels of one frame, about 8,192 x 8,192: a few bytes can unfold to any size."""
MOST_FRAMES = 2**20
"""Frames of a video that nobody has bounded: ten hours at thirty a second. A small file can go on for
ever."""


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        condition: what is translated, see `Translator`; behind the translator the image (H, W, 3) uint8.
        instance: (H, W) instance ids, for models with instance edges.
        pts: when it is shown, in units of the source's time base from the beginning on.
        duration: for how long, in the same units; 0 where the source does not say.
        name: of the picture that it becomes in a folder, without ending.
    """

    condition: NDArray
    instance: NDArray | None
    pts: int
    duration: int
    name: str


@dataclass(frozen=True)
class Sound:
    """A packet of compressed sound.

    Attributes:
        packet: PyAV's, with its times from the beginning on.
        stream: its stream in the source.
    """

    packet: Any
    stream: AudioStream


Item = Frame | Sound


class FrameSource(Protocol):
    """Frames in the order in which they are shown, and the sound between them.

    Attributes:
        height, width: of every frame.
        time_base: seconds that a unit of time lasts.
        rate: frames a second, for encoders; times decide when frames are shown.
        count: how many frames there will be, where that is known.
        live: whether it goes on until it is told to stop.
        sounds: the streams of sound.
        aspect: width of a pixel by its height.
    """

    height: int
    width: int
    time_base: Fraction
    rate: Fraction
    count: int | None
    live: bool
    sounds: list[AudioStream]
    aspect: Fraction

    def __iter__(self) -> Iterator[Item]:
        """The frames, once.

        Raises:
            UserError: what cannot be decoded, or is no condition of the model.
        """

    def stop(self) -> None:
        """No more frames; may be called by another thread."""

    def close(self) -> None:
        """Gives files and devices back."""
