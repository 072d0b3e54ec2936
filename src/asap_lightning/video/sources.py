"""Where frames come from: a video file, a folder of pictures, a camera."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import Job, Reader, condition_reader, read_instances
from asap_lightning.inference.jobs import find_jobs
from asap_lightning.video.conditions import ToCondition, frame_reader
from asap_lightning.video.decoding import USUAL_RATE, DecodedFrames
from asap_lightning.video.frames import MAX_FRAME_PIXELS, Frame, FrameSource, Item
from asap_lightning.video.library import failing_as, pyav
from asap_lightning.video.options import VideoOptions

FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "ogg", "asf", "gif", "apng", "ivf"),
    *("nut", "mxf", "yuv4mpegpipe", "h264", "hevc", "m4v", "mjpeg", "dv", "av1", "obu"),
)
"""FFmpeg's names of the formats that are read: files that hold their frames. Playlists (HLS, DASH, concat)
are not, as they open other files and addresses that a stranger has named."""
CAMERA = "camera:"
_DEVICES = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}


def open_frames(
    source: str | Path,
    spec: ConditionSpec,
    layout: Mapping[str, Any] | None,
    options: VideoOptions,
    *,
    output: Path,
    place: str = "the checkpoint",
) -> FrameSource:
    """The frames of ``VIDEO``, ``FOLDER`` or ``camera:0``.

    Args:
        source: what was given.
        spec: what the model translates.
        layout: ``data.layout`` of its training.
        options: of the translation.
        output: what is written; not read where it lies among the input.
        place: where ``layout`` was read, for messages.

    Raises:
        UserError: nothing there, no frames, or frames that are no conditions of the model.
    """
    text = str(source)
    if text.startswith(CAMERA):
        return open_camera(text, frame_reader(spec, layout, options.labels, place), spec, options)
    path = Path(text).expanduser()
    if path.is_dir():
        reader = condition_reader(spec, layout, **vars(options.labels), place=place)
        return FolderFrames(path, reader, spec, options, output)
    if not path.exists():
        raise UserError(f"input={source}: there is no such file or folder")
    if not path.is_file():  # a pipe or a device may never end
        raise UserError(f"input={source} is no file; a video, a folder of pictures or camera:0 was expected")
    if options.fps is not None:
        raise UserError(f"fps={options.fps:g}: {path.name} has its own times; fps is for folders and cameras")
    require_no_instances(spec, text)
    return open_video(path, frame_reader(spec, layout, options.labels, place), options)


def open_video(path: Path, to_condition: ToCondition, options: VideoOptions) -> DecodedFrames:
    """The frames of a video file, which is taken for hostile: of a format that names no other file.

    Raises:
        UserError: no video, or see `DecodedFrames`.
    """
    av = pyav()
    with failing_as(
        f"{path} is no video that can be read",
        "A file such as .mp4, .webm, .mkv, .mov or .avi was expected; if it is one, it is truncated or "
        "damaged",
    ):
        container = av.open(
            f"file:{path.absolute()}",
            container_options={"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)},
        )
    try:
        return DecodedFrames(
            container,
            str(path),
            to_condition,
            frames=options.frames,
            keep_damaged=options.damaged == "keep",
        )
    except BaseException:
        container.close()
        raise


def open_camera(
    text: str, to_condition: ToCondition, spec: ConditionSpec, options: VideoOptions
) -> DecodedFrames:
    """A camera of this machine: ``camera:0``, or ``camera:`` and the name that the system gives it.

    Raises:
        UserError: there is no such camera, or PyAV was built without devices of this system.
    """
    av = pyav()
    require_no_instances(spec, text)
    kind = _DEVICES.get(sys.platform)
    if kind is None or not _has_format(kind):
        raise UserError(
            f"input={text}: this PyAV reads no cameras here ({kind or sys.platform}); record the video with "
            "another program, and give the file"
        )
    device = _device(text.removeprefix(CAMERA), kind)
    if kind == "v4l2" and not Path(device).exists():
        there = ", ".join(str(path) for path in sorted(Path("/dev").glob("video*"))) or "none"
        raise UserError(f"input={text}: there is no camera {device} (cameras here: {there})")
    rate = {"framerate": str(options.rate)} if options.rate is not None else {}
    with failing_as(f"input={text}: the camera {device} cannot be opened", "Another program may be using it"):
        container = av.open(device, format=kind, container_options=rate)
    return DecodedFrames(container, text, to_condition, frames=options.frames, live=True)


def _has_format(kind: str) -> bool:
    try:
        return bool(pyav().format.ContainerFormat(kind, "r").is_input)
    except ValueError:
        return False


def _device(name: str, kind: str) -> str:
    if kind == "v4l2":
        return f"/dev/video{name}" if name.isdecimal() else name
    return f"video={name}" if kind == "dshow" else name


def require_no_instances(spec: ConditionSpec, source: str) -> None:
    """A `UserError` for a model that needs a second map beside each frame, which a video does not hold."""
    if spec.instance_edges:
        raise UserError(
            f"input={source}: this model uses instance edges, and a video holds no instance maps: give a "
            "folder "
            "of label maps and instances=FOLDER"
        )


class FolderFrames:
    """The pictures of a folder as frames, in the order of the numbers in their names; a `FrameSource`.

    Raises:
        UserError: no pictures, two of one name, or a first one that cannot be read.
    """

    live = False

    def __init__(
        self, folder: Path, read: Reader, spec: ConditionSpec, options: VideoOptions, output: Path
    ) -> None:
        found = find_jobs(
            folder, output, spec=spec, pattern=options.pattern, instances=options.instances, endings=("",)
        )
        if found.refused:
            raise UserError(found.refused[0].text)
        self._root, self._read = folder, read
        self._jobs = sorted(found.jobs, key=lambda job: _natural(job.source.relative_to(folder)))[
            : options.frames
        ]
        self.count: int | None = len(self._jobs)
        self.sounds: list[Any] = []
        self.aspect = Fraction(1)
        self.rate = options.rate or USUAL_RATE
        self.time_base = 1 / self.rate
        self._stopped = False
        self._first = self._frame(0, self._jobs[0])
        self.height, self.width = self._first.condition.shape[:2]

    def __iter__(self) -> Iterator[Item]:
        """The frames."""
        yield self._first
        for number, job in enumerate(self._jobs[1:], start=1):
            if self._stopped:
                return
            frame = self._frame(number, job)
            height, width = frame.condition.shape[:2]
            if (height, width) != (self.height, self.width):
                raise UserError(
                    f"{job.source} is {width} x {height} (width x height), {self._jobs[0].source} is "
                    f"{self.width} x "
                    f"{self.height}: the frames of a video have one size"
                )
            yield frame

    def _frame(self, number: int, job: Job) -> Frame:
        condition = self._read(job.source)
        if condition.shape[0] * condition.shape[1] > MAX_FRAME_PIXELS:
            raise UserError(
                f"{job.source} is too large for a frame of a video, which has at most {MAX_FRAME_PIXELS:,} "
                "pixels: make it smaller, or translate the folder with asap predict"
            )
        name = job.source.relative_to(self._root).with_suffix("").as_posix()
        return Frame(condition, read_instances(job), number, 1, name)

    def stop(self) -> None:
        """No more frames."""
        self._stopped = True

    def close(self) -> None:
        """Nothing is open."""


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key by which ``frame_2`` comes before ``frame_10``."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in parts]
