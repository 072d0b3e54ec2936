"""Frames of an opened video, decoded one after the other: of a file, or of a device."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from asap_lightning.errors import UserError
from asap_lightning.video.frames import MAX_FRAME_PIXELS, MOST_FRAMES, Frame, Item, Sound
from asap_lightning.video.library import pyav, said

if TYPE_CHECKING:
    from av.container import InputContainer

LACKING = 1.0
"""Seconds by which a video may be shorter than it says before it is called truncated."""
USUAL_RATE = Fraction(25)
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")


class DecodedFrames:
    """The frames of an opened container, and its sound between them; a `FrameSource`.

    Times count from the beginning on. A frame whose time is missing, or is not behind the one before, is
    shown one unit of time after it, as no container holds two frames at one time.

    Args:
        container: opened for reading.
        place: its name, for messages.
        to_condition: makes a condition of a frame, see `frame_reader`.
        frames: at most so many.
        keep_damaged: whether a video that is truncated or damaged is translated as far as it can be decoded.
        live: whether it goes on until it is stopped.

    Attributes:
        moved: frames whose times had to be changed.
        damage: what was wrong with a damaged video that is kept; empty if nothing was.

    Raises:
        UserError: no picture in it, a frame that is too large, or what the first frame is refused for.
    """

    def __init__(
        self,
        container: InputContainer,
        place: str,
        to_condition: Callable[[Any, str, str], NDArray],
        *,
        frames: int | None = None,
        keep_damaged: bool = False,
        live: bool = False,
    ) -> None:
        self._av, self._container, self._place = pyav(), container, place
        self._to_condition, self._most, self._keep = to_condition, frames, keep_damaged
        self.live = live
        self._stream = self._pictures()
        self._codec = self._stream.codec_context.codec.canonical_name
        self.sounds = [] if live else list(container.streams.audio)
        self.time_base = Fraction(self._stream.time_base or 1 / USUAL_RATE)
        rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or USUAL_RATE)
        self.rate = min(max(rate, Fraction(1, 100)), Fraction(1000))
        stated = self._stream.frames or None
        self.count = min(frames, stated) if frames and stated else frames or stated
        self._stop = threading.Event()
        self._number, self._last = 0, -1
        self.moved, self.damage = 0, ""
        self._begin = self._beginning()
        self._items = self._decoded()
        self._early: list[Item] = []
        self.height, self.width = self._first_size()
        self.aspect = self._pixel_aspect()

    def _pictures(self) -> Any:
        stream: Any = self._container.streams.best("video")
        if stream is None or stream.codec_context is None:
            raise UserError(f"{self._place} holds no pictures that can be decoded; a video was expected")
        context = stream.codec_context
        if context.width * context.height > MAX_FRAME_PIXELS:
            raise UserError(self._too_large(context.width, context.height))
        context.options = {
            "max_pixels": str(MAX_FRAME_PIXELS),  # a later frame may say another size
            **({} if self._keep else {"err_detect": "crccheck+bitstream+buffer+explode"}),
        }
        stream.thread_type = "AUTO"
        return stream

    def _too_large(self, width: int, height: int) -> str:
        return (
            f"{self._place} has frames of {width} x {height} pixels; at most {MAX_FRAME_PIXELS:,} are "
            "decoded, as "
            "a few bytes can unfold to any size. Make the video smaller"
        )

    def _beginning(self) -> int | None:
        """The time that becomes 0, in the pictures' units; None: that of the first frame."""
        if self.live:
            return None
        start = self._container.start_time or 0
        return max(0, int(Fraction(start, self._av.time_base) / self.time_base))

    def _first_size(self) -> tuple[int, int]:
        for item in self._items:
            self._early.append(item)
            if isinstance(item, Frame):
                return item.condition.shape[0], item.condition.shape[1]
        raise UserError(f"{self._place} holds no frame that can be decoded: it is damaged, or no video")

    def _pixel_aspect(self) -> Fraction:
        aspect = Fraction(self._stream.sample_aspect_ratio or 1)
        lying = self._stream.codec_context.width == self.width
        return (aspect if lying else 1 / aspect) if aspect > 0 else Fraction(1)

    def __iter__(self) -> Iterator[Item]:
        """The frames, once."""
        yield from self._early
        self._early.clear()
        yield from self._items

    def stop(self) -> None:
        """No more frames."""
        self._stop.set()

    def close(self) -> None:
        """Gives the file or device back."""
        self._items.close()
        self._container.close()

    def _decoded(self) -> Any:
        packets = self._container.demux([self._stream, *self.sounds])
        try:
            for packet in packets:
                if packet.stream is not self._stream:
                    if sound := self._sound(packet):
                        yield sound
                    continue
                for frame in self._frames_of(packet):
                    if self._stop.is_set() or self._number == self._most:
                        yield from self._rest_of_sound(packets)
                        return
                    yield self._frame(frame)
            self._require_whole()
        except self._av.FFmpegError as error:
            self._damaged(f"cannot be decoded: {said(error)}")

    def _frames_of(self, packet: Any) -> list[Any]:
        """The frames that a packet completes; none of a damaged one, where that is allowed."""
        if packet.is_corrupt:
            self._damaged("is damaged or truncated: a packet is incomplete")
        try:
            return list(packet.decode())
        except self._av.FFmpegError as error:
            self._damaged(f"cannot be decoded: {said(error)}")
            return []

    def _frame(self, frame: Any) -> Frame:
        where = f"{self._place}, frame {self._number}"
        if not self._most and not self.live and self._number >= MOST_FRAMES:
            raise UserError(
                f"{self._place} has more than {MOST_FRAMES:,} frames: frames=N says how many are meant"
            )
        if frame.is_corrupt:
            self._damaged(f"is damaged at frame {self._number}")
        condition = self._to_condition(frame, self._codec, where)
        if self._number and condition.shape[:2] != (self.height, self.width):
            raise UserError(
                f"{where} is {condition.shape[1]} x {condition.shape[0]} (width x height), the first was "
                f"{self.width} x {self.height}: a video has one size; cut it where the size changes"
            )
        made = Frame(condition, None, self._time(frame), frame.duration or 0, f"{self._number:06d}")
        self._number += 1
        return made

    def _time(self, frame: Any) -> int:
        """When the frame is shown, behind the one before."""
        given = frame.pts
        if self._begin is None:
            self._begin = given or 0
        time = self._last + 1 if given is None else given - self._begin
        if given is None and self._last >= 0:
            time = self._last + max(1, round(1 / (self.rate * self.time_base)))
        if time <= self._last or (given is None and self._number):
            self.moved += 1
            time = max(time, self._last + 1)
        self._last = max(time, 0)
        return self._last

    def _sound(self, packet: Any) -> Sound | None:
        """The packet, with times from the beginning on; None for the end of a stream, which has no
        content.
        """
        if packet.dts is None or not packet.size:
            return None
        assert self._begin is not None
        shift = round(self._begin * self.time_base / packet.time_base)
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        return Sound(packet, packet.stream)

    def _rest_of_sound(self, packets: Iterator[Any]) -> Iterator[Sound]:
        """The sound until the last frame ends, which lies a little behind it in the file."""
        end = (self._last + 1 / (self.rate * self.time_base)) * self.time_base
        open_streams = set(self.sounds)
        while open_streams and (packet := next(packets, None)) is not None:
            if packet.stream in open_streams and (sound := self._sound(packet)) is not None:
                if packet.dts * packet.time_base >= end:
                    open_streams.discard(packet.stream)
                else:
                    yield sound

    def _require_whole(self) -> None:
        """A video that says it is longer than it was."""
        stated = None if self.live else self._stated_seconds()
        if stated is None or self._number >= (self._stream.frames or self._number + 1):
            return
        lacking = float(stated - self._last * self.time_base - 1 / self.rate)
        if lacking > LACKING:
            self._damaged(f"ends {lacking:.1f} s before it says it does: it is truncated")

    def _stated_seconds(self) -> Fraction | None:
        """How long the pictures last by the file's own words; Matroska's are a text for each stream."""
        if self._stream.duration is not None:
            return Fraction(self._stream.duration) * self.time_base
        if match := _CLOCK.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = match.groups()
            return Fraction(int(hours) * 3600 + int(minutes) * 60) + Fraction(seconds)
        whole = self._container.duration
        return Fraction(whole, self._av.time_base) if whole and not self.sounds else None

    def _damaged(self, what: str) -> None:
        if not self._keep:
            raise UserError(
                f"{self._place} {what} (after {self._number} frames). Copy or download it again; "
                "damaged=keep "
                "translates what can be decoded"
            )
        self.damage = self.damage or what
