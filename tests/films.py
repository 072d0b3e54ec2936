"""Small videos for tests, written by PyAV: frames of given times, and a sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TICK = Fraction(1, 90_000)
CALM = {"preset": "ultrafast", "bf": "0", "threads": "1"}


def write_film(
    path: Path,
    frames: Sequence[NDArray],
    times: Sequence[int] | None = None,
    *,
    codec: str = "ffv1",
    pixels: str | None = None,
    sound: str | None = None,
    tick: Fraction = TICK,
    container: str | None = None,
) -> Path:
    """Writes frames (H, W) uint8 or uint16, or (H, W, 3).

    Args:
        times: in units of ``tick``; by default 25 a second.
    """
    grey = {1: "gray", 2: "gray16le"}[frames[0].dtype.itemsize]
    given = grey if frames[0].ndim == 2 else "rgb24"
    with av.open(str(path), "w", format=container) as film:
        options = CALM if codec == "libx264" else {"threads": "1"}
        stream = film.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels or given
        stream.codec_context.time_base = tick
        heard = film.add_stream(sound, rate=48_000, layout="mono") if sound else None
        step = round(Fraction(1, 25) / tick)
        times = times if times is not None else [number * step for number in range(len(frames))]
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=given)
            if pixels and pixels != given:
                picture = picture.reformat(format=pixels, dst_colorspace="ITU709")
            picture.pts, picture.time_base = time, tick
            film.mux(stream.encode(picture))
        film.mux(stream.encode(None))
        if heard is not None:
            wave = (np.sin(np.arange(48_000 * len(frames) // 25) / 20) * 8000).astype(np.int16)[None]
            samples = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
            samples.sample_rate, samples.pts = 48_000, 0
            film.mux(heard.encode(samples))
            film.mux(heard.encode(None))
    return path


def read_film(path: Path) -> tuple[NDArray[np.uint8], list[Fraction]]:
    """All frames (T, H, W, 3), and when they are shown in seconds."""
    with av.open(str(path)) as film:
        decoded = list(film.decode(video=0))
        return (
            np.stack([frame.to_ndarray(format="rgb24") for frame in decoded]),
            [frame.pts * frame.time_base for frame in decoded],
        )


def read_sound(path: Path) -> bytes:
    """The compressed sound."""
    with av.open(str(path)) as film:
        return b"".join(bytes(packet) for packet in film.demux(audio=0))
