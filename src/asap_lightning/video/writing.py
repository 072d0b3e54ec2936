"""Translated frames as a video file or as a folder of pictures; whole under its name, or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_folder, atomic_write
from asap_lightning.video.frames import Frame, FrameSource, Item
from asap_lightning.video.library import failing_as, pyav

BT709 = 1
"""FFmpeg's number of the standard by which colours become luma and chroma, in each of its four lists."""


@dataclass(frozen=True)
class Codec:
    """How one codec is used.

    Attributes:
        encoder: FFmpeg's name.
        pixels: its pixel format.
        crf: nearly transparent; None for a codec without loss.
        options: of the encoder. Frames are kept in order (no B-frames), so that every time is exact.
    """

    encoder: str
    pixels: str
    crf: int | None
    options: dict[str, str]


CODECS = {
    "h264": Codec("libx264", "yuv420p", 18, {"preset": "veryfast", "bf": "0", "rc-lookahead": "10"}),
    "vp9": Codec(
        "libvpx-vp9", "yuv420p", 24, {"b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}
    ),
    "ffv1": Codec("ffv1", "bgr0", None, {"level": "3"}),
}
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "vp9")),
    ".webm": ("webm", ("vp9",)),
    ".mkv": ("matroska", ("ffv1", "h264", "vp9")),
}
"""Ending -> FFmpeg's name of the container, and the codecs it may hold, the usual one first."""


class Writer(Protocol):
    """Takes the items of a video in order."""

    def __call__(self, item: Item) -> None:
        """Writes one."""


def choose_codec(output: Path, codec: str | None, crf: int | None) -> tuple[str, Codec]:
    """The container and the codec of an output file.

    Raises:
        UserError: another ending, a codec that the container does not hold, no such quality.
    """
    container, names = CONTAINERS[output.suffix.lower()]
    name = codec or names[0]
    if name not in names:
        raise UserError(f"codec={codec}: for {output.suffix} one of {', '.join(names)} was expected")
    chosen = CODECS[name]
    if crf is None:
        return container, chosen
    if chosen.crf is None or not 0 <= crf <= 51:
        known = "no crf, as it loses nothing" if chosen.crf is None else "a number from 0 to 51"
        raise UserError(f"crf={crf}: {known}, was expected for codec={name}")
    return container, Codec(chosen.encoder, chosen.pixels, crf, chosen.options)


class FileWriter:
    """Encodes frames, and takes packets of sound over.

    Args:
        file: is written from its beginning, and sought in.
        output: its final name, for messages.
        container: FFmpeg's name of the container.
        codec: of the frames.
        source: whose sizes, times and sound are taken over.
        sound: whether sound is.

    Raises:
        UserError: the container does not hold the sound's codec.
    """

    def __init__(
        self, file: IO[bytes], output: Path, container: str, codec: Codec, source: FrameSource, *, sound: bool
    ) -> None:
        self._av, self._codec, self._output = pyav(), codec, output
        # A time base of the source as fine as it is: MP4 keeps it, WebM and MKV count milliseconds.
        options = {"video_track_timescale": str(source.time_base.denominator)} if container == "mp4" else {}
        self._file = self._av.open(file, "w", format=container, container_options=options)
        self._stream = self._add_pictures(source)
        self._sounds = {stream: self._add_sound(stream) for stream in (source.sounds if sound else ())}
        self._durations: dict[int, int] = {}
        self._last: int | None = None

    def _add_pictures(self, source: FrameSource) -> Any:
        options = dict(self._codec.options)
        if self._codec.crf is not None:
            options["crf"] = str(self._codec.crf)
        stream = self._file.add_stream(self._codec.encoder, rate=source.rate, options=options)
        even = self._codec.pixels == "yuv420p"
        stream.width = source.width + (source.width % 2 if even else 0)
        stream.height = source.height + (source.height % 2 if even else 0)
        stream.pix_fmt = self._codec.pixels
        context = stream.codec_context
        context.time_base = source.time_base
        context.sample_aspect_ratio = source.aspect
        if even:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = 1  # 16 to 235, as players expect
        return stream

    def _add_sound(self, stream: Any) -> Any:
        name = stream.codec_context.codec.canonical_name
        if not {name, stream.codec_context.name} & self._file.supported_codecs:
            raise UserError(
                f"{self._output}: {self._output.suffix} holds no sound of the codec {name}, which is "
                "copied as it "
                "is: choose another ending (.mkv holds every codec, .mp4 most), or audio=none"
            )
        return self._file.add_stream_from_template(stream)

    def __call__(self, item: Item) -> None:
        """Writes a frame, or a packet of sound where sound is wanted."""
        with failing_as(f"{self._output} cannot be written", "Choose another output or codec"):
            if not isinstance(item, Frame):
                if item.stream in self._sounds:
                    item.packet.stream = self._sounds[item.stream]
                    self._file.mux(item.packet)
                return
            self._durations[item.pts] = item.duration
            self._mux(self._stream.encode(self._frame(item)))

    def _frame(self, item: Frame) -> Any:
        image = item.condition
        height, width = image.shape[:2]
        if (self._stream.height, self._stream.width) != (height, width):  # half of a side is a whole number
            image = np.pad(
                image, ((0, self._stream.height - height), (0, self._stream.width - width), (0, 0)), "edge"
            )
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format=self._codec.pixels, dst_colorspace="ITU709")
        frame.pts, frame.time_base = item.pts, self._stream.codec_context.time_base
        if item.duration:
            frame.duration = item.duration
        return frame

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if duration := self._durations.pop(packet.pts, 0):  # the last one's says when the video ends
                packet.duration = duration
            self._file.mux(packet)

    def finish(self) -> None:
        """Writes what the encoder still holds, and the container's end."""
        with failing_as(f"{self._output} cannot be written", "Choose another output or codec"):
            self._mux(self._stream.encode(None))
            self._file.close()

    def close(self) -> None:
        """Lets go of a file that is not to be finished."""
        self._file = self._stream = None


@contextmanager
def video_file(
    output: Path, source: FrameSource, container: str, codec: Codec, *, sound: bool
) -> Iterator[FileWriter]:
    """A writer of a file that has its name once the block has ended well.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        with atomic_write(output) as file:
            writer = FileWriter(file, output, container, codec, source, sound=sound)
            try:
                yield writer
                writer.finish()
            finally:
                writer.close()
    except OSError as error:
        raise unwritable(output, error) from error


class FolderWriter:
    """Writes every frame as a PNG file.

    Args:
        folder: is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, item: Item) -> None:
        if isinstance(item, Frame):
            path = self._folder / f"{item.name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(item.condition).save(path, format="PNG")


@contextmanager
def frame_folder(output: Path) -> Iterator[FolderWriter]:
    """A writer of a folder that has its name once the block has ended well.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        with atomic_folder(output) as folder:
            folder.mkdir()
            yield FolderWriter(folder)
    except OSError as error:
        raise unwritable(output, error) from error


def unwritable(output: Path, error: OSError) -> UserError:
    """The message for a disk that is full, or a folder that may not be written to."""
    return UserError(
        f"output={output} cannot be written: {error.strerror or error}. Nothing is left of it: free some "
        "space, "
        "or choose another output"
    )


def check_output(output: Path, *, overwrite: bool) -> bool:
    """Whether the output is a video file (else a folder of pictures).

    Raises:
        UserError: it is there already, or has another ending.
    """
    suffix = output.suffix.lower()
    if suffix in CONTAINERS:
        if output.is_dir():
            raise UserError(f"output={output} is a folder; a file was expected")
        if output.exists() and not overwrite:
            raise UserError(
                f"output={output} is there already: overwrite=true replaces it, or choose another"
            )
        return True
    if suffix and suffix[1:].isalnum() and not output.is_dir() and len(suffix) <= 5:
        raise UserError(
            f"output={output}: {', '.join(CONTAINERS)}, or a folder for pictures (without ending), was "
            "expected"
        )
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise UserError(f"output={output} is there and not empty: choose another folder for the pictures")
    return False


def as_image(frame: Frame, image: NDArray[np.uint8]) -> Frame:
    """The frame behind the translator."""
    return Frame(image, None, frame.pts, frame.duration, frame.name)
