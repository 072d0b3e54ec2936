"""A whole video: read, translated and written at the same time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.inference.translator import Translator
from asap_lightning.video.flicker import Flicker
from asap_lightning.video.frames import Frame, FrameSource, Item
from asap_lightning.video.options import VideoOptions
from asap_lightning.video.pipeline import Busy, overlapped
from asap_lightning.video.smoothing import SmoothedTranslator
from asap_lightning.video.sources import open_frames
from asap_lightning.video.writing import (
    Writer,
    as_image,
    check_output,
    choose_codec,
    frame_folder,
    video_file,
)

log = logging.getLogger(__name__)

WAITING, MOST_WAITING = 2**28, 8
"""Bytes of images that may wait to be written, and frames."""
Progress = Callable[[int, int | None], None]
"""Called with the number of frames that are translated, and of all where that is known."""


@dataclass(frozen=True)
class VideoSummary:
    """What `translate_video` did.

    Attributes:
        output: the file or folder.
        frames: translated.
        height, width: of each.
        seconds: from the first frame to the end of the file.
        busy: how long reading, translating and writing worked, of that time.
        flicker: F, F0 of what was written, see `Flicker`.
        scenes: that smoothing has seen; None without smoothing.
        damage: what was wrong with a video that was translated all the same; empty if nothing was.
    """

    output: Path
    frames: int
    height: int
    width: int
    seconds: float
    busy: Busy
    flicker: Flicker
    scenes: int | None
    damage: str

    @property
    def frames_per_second(self) -> float:
        """Throughput."""
        return self.frames / self.seconds if self.seconds else 0.0


def translate_video(
    translator: Translator,
    source: str | Path,
    output: str | Path,
    options: VideoOptions | None = None,
    *,
    guide: NDArray[np.uint8] | None = None,
    guide_condition: NDArray | None = None,
    progress: Progress | None = None,
) -> VideoSummary:
    """Translates a video, frame by frame.

    The output has the source's frame times, also where they are not evenly spaced, its pixel aspect and a
    copy of its sound. It appears under its name when it is whole; whatever happens before, nothing is left.
    Ctrl-C ends the recording of a camera, which is then finished.

    Args:
        translator: of any model.
        source: a video file, a folder of conditions (their names say the order), or ``camera:0``.
        output: ``.mp4``, ``.webm`` or ``.mkv``, or a folder that receives PNG files.
        options: everything else.
        guide: (H, W, 3) uint8, whose style a model with an encoder takes for every frame.
        guide_condition: the guide's own condition, for a model that matches both.
        progress: see `Progress`.

    Raises:
        UserError: no frames, frames that are no conditions of the model, a damaged video, an output that is
            there or cannot be written.
    """
    options = options or VideoOptions()
    translator.require_canvases()
    target = Path(output).expanduser()
    as_file = check_output(target, overwrite=options.overwrite)
    chosen = choose_codec(target, options.codec, options.crf) if as_file else None
    step = _Step(translator, options, guide, guide_condition, progress)
    place = str(translator.checkpoint or "the model")
    frames = open_frames(source, translator.spec, translator.layout, options, output=target, place=place)
    with closing(frames):
        step.count = frames.count
        if chosen is None:
            written: Any = frame_folder(target)
        else:
            written = video_file(target, frames, *chosen, sound=options.audio == "copy")
        for note in _notes(frames, target, as_file, options):
            log.info("%s", note)
        started = time.perf_counter()
        with written as write:
            busy = _run(frames, step, write)
        seconds = time.perf_counter() - started
        damage = getattr(frames, "damage", "")
        if moved := getattr(frames, "moved", 0):
            log.warning("%s: the times of %d frames were missing or not in order", source, moved)
        scenes = step.smoothed.scenes if step.smoothed is not None else None
        return VideoSummary(
            target, step.done, frames.height, frames.width, seconds, busy, step.flicker, scenes, damage
        )


def _run(frames: FrameSource, step: _Step, write: Writer) -> Busy:
    def interrupted() -> bool:
        if frames.live:
            frames.stop()
        return frames.live

    depth = max(1, min(MOST_WAITING, WAITING // (3 * frames.height * frames.width)))
    return overlapped(frames, step, write, depth=depth, interrupted=interrupted)


def _notes(frames: FrameSource, target: Path, as_file: bool, options: VideoOptions) -> list[str]:
    notes = []
    if frames.sounds and not as_file:
        notes.append("a folder of pictures holds no sound: it is left out")
    if as_file and (frames.width % 2 or frames.height % 2) and target.suffix != ".mkv":
        size = f"{frames.width} x {frames.height}"
        notes.append(f"video codecs want even sides: a copy of the last row or column is added to {size}")
    if options.frames is None and frames.live:
        notes.append("Ctrl-C ends the recording")
    return notes


class _Step:
    """What is done to each item between reader and writer."""

    def __init__(
        self,
        translator: Translator,
        options: VideoOptions,
        guide: NDArray[np.uint8] | None,
        guide_condition: NDArray | None,
        progress: Progress | None,
    ) -> None:
        self._translator, self._seed, self._progress = translator, options.seed, progress
        self._guides = {"guide": guide, "guide_condition": guide_condition}
        smooth = options.smoothing > 0 or options.cut is not None
        self.smoothed = SmoothedTranslator(translator, options.smoothing, options.cut) if smooth else None
        self.flicker, self.done = Flicker(), 0
        self.count: int | None = None

    def __call__(self, item: Item) -> Item:
        if not isinstance(item, Frame):
            return item
        if self.smoothed is not None:
            image = self.smoothed(item.condition, item.instance)
        else:
            image = self._translator(item.condition, item.instance, **self._guides, seed=self._seed)
        self.flicker.add(image, item.condition)
        self.done += 1
        if self._progress is not None:
            self._progress(self.done, self.count)
        return as_image(item, image)
