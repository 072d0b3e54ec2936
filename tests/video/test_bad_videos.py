"""Videos that are damaged, cut off, too large, or no videos at all."""

from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np
import pytest

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.video import VideoOptions, decoding, sources, translate_video
from asap_lightning.video.decoding import DecodedFrames
from films import read_film, write_film


@pytest.fixture
def photos() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (32, 48, 3), dtype=np.uint8) for _ in range(60)]


def test_what_is_no_video(painter, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n")
    (tmp_path / "concat.txt").write_text("ffconcat version 1.0\nfile '/etc/passwd'\n")
    for name in ("text.mp4", "empty.mp4", "list.m3u8", "concat.txt"):
        with pytest.raises(UserError, match="is no video that can be read"):
            translate_video(painter, tmp_path / name, tmp_path / "out.mp4")
    with pytest.raises(UserError, match="there is no such file"):
        translate_video(painter, tmp_path / "none.mp4", tmp_path / "out.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UserError, match="is no file"):
        translate_video(painter, tmp_path / "pipe.mp4", tmp_path / "out.mp4")
    write_sound_alone(tmp_path / "sound.mkv")
    with pytest.raises(UserError, match="holds no pictures"):
        translate_video(painter, tmp_path / "sound.mkv", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def write_sound_alone(path) -> None:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libopus", rate=48_000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        samples.sample_rate, samples.pts = 48_000, 0
        film.mux(stream.encode(samples))
        film.mux(stream.encode(None))


@pytest.mark.parametrize(("name", "codec"), [("in.mkv", "ffv1"), ("in.ts", "libx264"), ("in.mp4", "libx264")])
def test_a_video_that_was_cut_off(painter, photos, tmp_path, name, codec):
    film = write_film(tmp_path / name, photos, codec=codec, pixels="bgr0" if codec == "ffv1" else "yuv420p")
    content = film.read_bytes()
    film.write_bytes(content[: len(content) // 3])
    if name == "in.ts":  # says nothing of its length: what is there is the video, but for its last packet
        translate_video(painter, film, tmp_path / "out.mkv", VideoOptions(damaged="keep"))
        assert 10 < len(read_film(tmp_path / "out.mkv")[0]) < 30
        return
    with pytest.raises(UserError, match=r"truncated|cannot be decoded"):
        translate_video(painter, film, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_a_damaged_video_is_refused_or_translated_as_far_as_it_goes(painter, photos, tmp_path):
    film = write_film(tmp_path / "in.mp4", photos, codec="libx264", pixels="yuv420p")
    content = bytearray(film.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    film.write_bytes(content)
    with pytest.raises(UserError, match=r"in\.mp4 .*after \d+ frames.*damaged=keep"):
        translate_video(painter, film, tmp_path / "out.mkv")
    summary = translate_video(painter, film, tmp_path / "out.mkv", VideoOptions(damaged="keep"))
    assert summary.damage and 40 < summary.frames < 60


def test_frames_that_are_too_large_or_too_many(painter, photos, tmp_path, monkeypatch):
    film = write_film(tmp_path / "in.mkv", photos[:8], pixels="bgr0")
    monkeypatch.setattr(decoding, "MOST_FRAMES", 5)
    with pytest.raises(UserError, match="more than 5 frames: frames=N"):
        translate_video(painter, film, tmp_path / "out.mp4")
    assert translate_video(painter, film, tmp_path / "out.mp4", VideoOptions(frames=6)).frames == 6
    monkeypatch.setattr(decoding, "MAX_FRAME_PIXELS", 1000)
    with pytest.raises(UserError, match="frames of 48 x 32 pixels; at most 1,000"):
        translate_video(painter, film, tmp_path / "large.mp4")


def test_a_size_that_changes_midway(painter, photos, tmp_path):
    write_film(tmp_path / "a.ts", photos[:5], codec="libx264", pixels="yuv420p")
    write_film(tmp_path / "b.ts", [photo[:16] for photo in photos[:5]], codec="libx264", pixels="yuv420p")
    film = tmp_path / "both.ts"
    film.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with pytest.raises(UserError, match=r"is 48 x 16 .*the first was 48 x 32: a video has one size"):
        translate_video(painter, film, tmp_path / "out.mp4", VideoOptions(damaged="keep"))


def live(frames: int | None = None) -> DecodedFrames:
    """An endless picture of FFmpeg's in place of a camera."""
    container = av.open("testsrc=size=48x32:rate=25", format="lavfi")
    return DecodedFrames(
        container, "camera:9", lambda frame, *_: frame.to_ndarray(format="rgb24"), frames=frames, live=True
    )


def test_a_camera_goes_on_until_it_is_stopped(painter, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "open_camera", lambda *_: live())

    def enough(done: int, total: int | None) -> None:
        assert total is None
        if done == 7:
            raise KeyboardInterrupt

    summary = translate_video(painter, "camera:9", tmp_path / "out.mp4", progress=enough)
    frames, times = read_film(tmp_path / "out.mp4")
    assert len(frames) == summary.frames - 1 >= 6, "the frame that was interrupted is left out"
    assert times[0] == 0 and times[1] == Fraction(1, 25)
    monkeypatch.setattr(sources, "open_camera", lambda *_: live(4))
    assert translate_video(painter, "camera:9", tmp_path / "four.mp4").frames == 4


def test_a_camera_that_is_not_there(painter, translator, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.sys, "platform", "linux")
    with pytest.raises(UserError, match="there is no camera /dev/video77"):
        translate_video(painter, "camera:77", tmp_path / "out.mp4")
    monkeypatch.setattr(sources.sys, "platform", "darwin")
    with pytest.raises(UserError, match="reads no cameras here"):
        translate_video(painter, "camera:0", tmp_path / "out.mp4")
    spec = ConditionSpec("label", num_classes=2, instance_edges=True)
    with pytest.raises(UserError, match="a video holds no instance maps"):
        sources.require_no_instances(spec, "film.mp4")
