"""Whole videos: their frames, times and sound; everything that goes wrong leaves nothing behind."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.inference.folder import LabelOptions
from asap_lightning.video import VideoOptions, translate_video
from films import read_film, read_sound, write_film

UNEVEN = [0, 3000, 7001, 9000, 30_000, 30_007]
COLOURS = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250]], np.uint8)


def images_of(translator, maps) -> np.ndarray:
    return np.stack([translator(label) for label in maps])


def test_a_video_of_ids_becomes_the_translators_images(translator, maps, tmp_path):
    film = write_film(tmp_path / "in.mkv", maps)
    calls = []
    summary = translate_video(
        translator, film, tmp_path / "out.mkv", progress=lambda done, total: calls.append(done)
    )
    frames, _ = read_film(tmp_path / "out.mkv")
    assert np.array_equal(frames, images_of(translator, maps))
    assert (summary.frames, summary.height, summary.width, summary.damage) == (6, 16, 24, "")
    assert calls == [1, 2, 3, 4, 5, 6] and summary.flicker.all > 0 and summary.frames_per_second > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mkv"]


def test_times_that_are_not_even_and_the_sound_stay_as_they_are(painter, maps, tmp_path):
    frames = [COLOURS[label] for label in maps]
    film = write_film(tmp_path / "in.mp4", frames, UNEVEN, codec="libx264", pixels="yuv420p", sound="aac")
    translate_video(painter, film, tmp_path / "out.mp4")
    assert read_film(tmp_path / "out.mp4")[1] == [Fraction(time, 90_000) for time in UNEVEN]
    assert read_sound(tmp_path / "out.mp4") == read_sound(film)
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(film)) as source:
        assert made.streams.video[0].duration * made.streams.video[0].time_base == pytest.approx(
            float(source.streams.video[0].duration * source.streams.video[0].time_base), abs=1 / 25
        )
        assert made.streams.video[0].time_base == source.streams.video[0].time_base
    translate_video(painter, film, tmp_path / "mute.mp4", VideoOptions(audio="none"))
    with av.open(str(tmp_path / "mute.mp4")) as mute:
        assert not mute.streams.audio
    with pytest.raises(UserError, match=r"\.webm holds no sound of the codec aac"):
        translate_video(painter, film, tmp_path / "out.webm")
    assert not (tmp_path / "out.webm").exists()


def test_webm_with_its_own_sound_and_the_first_frames_alone(painter, maps, tmp_path):
    frames = [COLOURS[label] for label in maps] * 5
    film = write_film(
        tmp_path / "in.webm",
        frames,
        codec="libvpx-vp9",
        pixels="yuv420p",
        sound="libopus",
        tick=Fraction(1, 1000),
    )
    translate_video(painter, film, tmp_path / "out.webm", VideoOptions(frames=10))
    made, times = read_film(tmp_path / "out.webm")
    assert len(made) == 10 and times == [Fraction(40 * n, 1000) for n in range(10)]
    sound, heard = read_sound(tmp_path / "out.webm"), read_sound(film)
    assert heard.startswith(sound) and 0.2 * len(heard) < len(sound) < 0.6 * len(heard)


def test_odd_sides_get_one_more_line_and_colours_survive_the_coding(painter, tmp_path, monkeypatch):
    image = np.full((15, 23, 3), (200, 40, 90), np.uint8)
    monkeypatch.setattr(type(painter), "__call__", lambda self, condition, *_, **__: image)
    film = write_film(tmp_path / "in.mkv", [image] * 3, pixels="bgr0")
    for name in ("out.mp4", "out.webm"):
        translate_video(painter, film, tmp_path / name)
        made, _ = read_film(tmp_path / name)
        assert made.shape == (3, 16, 24, 3)
        assert np.abs(made.astype(int) - image[0, 0]).max() <= 6
    translate_video(painter, film, tmp_path / "out.mkv")
    assert np.array_equal(read_film(tmp_path / "out.mkv")[0], np.stack([image] * 3))


def test_a_folder_of_label_maps_in_the_order_of_its_numbers_to_a_folder(translator, maps, tmp_path):
    (tmp_path / "in").mkdir()
    order = (1, 2, 9, 10, 11, 100)
    for number, label in zip(order, maps, strict=True):
        Image.fromarray(label).save(tmp_path / f"in/f{number}.png")
    translate_video(translator, tmp_path / "in", tmp_path / "film.mkv", VideoOptions(fps=29.97))
    frames, times = read_film(tmp_path / "film.mkv")
    assert np.array_equal(frames, images_of(translator, maps))
    assert float(times[1]) == pytest.approx(1001 / 30_000, abs=5e-4)
    translate_video(translator, tmp_path / "in", tmp_path / "out", VideoOptions(frames=4))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "f1.png",
        "f10.png",
        "f2.png",
        "f9.png",
    ]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/f9.png")), translator(maps[2]))
    with pytest.raises(UserError, match="there and not empty"):
        translate_video(translator, tmp_path / "in", tmp_path / "out")
    Image.fromarray(maps[0][:8]).save(tmp_path / "in/f101.png")
    with pytest.raises(UserError, match=r"f101\.png is 24 x 8 .* one size"):
        translate_video(translator, tmp_path / "in", tmp_path / "again")
    assert not (tmp_path / "again").exists() and not list(tmp_path.glob(".*"))


def test_lossy_colours_are_classes_only_by_a_palette(translator, maps, tmp_path):
    film = write_film(
        tmp_path / "in.mp4", [COLOURS[label] for label in maps], codec="libx264", pixels="yuv420p"
    )
    with pytest.raises(UserError, match=r"frame 0: .* h264 changes pixel values.*palette_tolerance"):
        translate_video(translator, film, tmp_path / "out.mkv")
    exact = LabelOptions(palette=COLOURS.tolist())
    with pytest.raises(UserError, match="palette_tolerance"):
        translate_video(translator, film, tmp_path / "out.mkv", VideoOptions(labels=exact))
    near = LabelOptions(palette=COLOURS.tolist(), palette_tolerance=442)
    translate_video(translator, film, tmp_path / "out.mkv", VideoOptions(labels=near))
    assert np.array_equal(read_film(tmp_path / "out.mkv")[0], images_of(translator, maps))


def test_ids_without_loss_may_be_colours_of_a_palette_or_equal_channels(translator, maps, tmp_path):
    grey = write_film(
        tmp_path / "equal.mkv", [label[..., None].repeat(3, 2) for label in maps], pixels="bgr0"
    )
    coloured = write_film(tmp_path / "colour.mkv", [COLOURS[label] for label in maps], pixels="bgr0")
    exact = LabelOptions(palette=COLOURS.tolist())
    for film, labels in ((grey, LabelOptions()), (coloured, exact)):
        translate_video(translator, film, tmp_path / "out.mkv", VideoOptions(labels=labels, overwrite=True))
        assert np.array_equal(read_film(tmp_path / "out.mkv")[0], images_of(translator, maps))
    with pytest.raises(UserError, match="frame 0 holds colours"):
        translate_video(translator, coloured, tmp_path / "no.mkv")
    wrong = write_film(tmp_path / "wrong.mkv", [label + 5 for label in maps])
    with pytest.raises(UserError, match=r"wrong\.mkv, frame 0: label ids"):
        translate_video(translator, wrong, tmp_path / "no.mkv")


def test_smoothing_is_an_option(translator, maps, tmp_path):
    film = write_film(tmp_path / "in.mkv", maps)
    rough = translate_video(translator, film, tmp_path / "a.mkv")
    smooth = translate_video(translator, film, tmp_path / "b.mkv", VideoOptions(smoothing=0.8, cut=1.0))
    assert rough.scenes is None and smooth.scenes == 1
    assert smooth.flicker.still < rough.flicker.still


def test_outputs_that_are_there_or_unknown(translator, maps, tmp_path):
    film = write_film(tmp_path / "in.mkv", maps)
    (tmp_path / "out.mp4").write_bytes(b"mine")
    with pytest.raises(UserError, match="is there already: overwrite=true"):
        translate_video(translator, film, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    with pytest.raises(UserError, match=r"\.mp4, \.webm, \.mkv, or a folder"):
        translate_video(translator, film, tmp_path / "out.avi")
    with pytest.raises(UserError, match=r"codec=h264: for \.webm one of vp9"):
        translate_video(translator, film, tmp_path / "out.webm", VideoOptions(codec="h264"))
    with pytest.raises(UserError, match=r"fps=10: in\.mkv has its own times"):
        translate_video(translator, film, tmp_path / "x.mp4", VideoOptions(fps=10))
    (tmp_path / "closed").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot be written: (Not a directory|File exists)"):
        translate_video(translator, film, tmp_path / "closed/out.mp4")


@pytest.mark.parametrize("name", ["out.mkv", "out.mp4", "folder"])
def test_a_failure_in_the_middle_leaves_nothing(translator, maps, tmp_path, name, monkeypatch):
    film = write_film(tmp_path / "in.mkv", [*maps[:5], maps[5] + 9])
    (tmp_path / "out.mkv").write_bytes(b"before")
    with pytest.raises(UserError, match="frame 5"):
        translate_video(translator, film, tmp_path / name, VideoOptions(overwrite=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mkv"]
    assert (tmp_path / "out.mkv").read_bytes() == b"before"


def test_a_full_disk_leaves_nothing(translator, maps, tmp_path, monkeypatch):
    import asap_lightning.video.writing as writing

    class Full:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, name):
            return getattr(self._file, name)

        def write(self, content):
            if self._file.tell() + len(content) > 2000:
                raise OSError(28, "No space left on device")
            return self._file.write(content)

    original = writing.FileWriter.__init__
    monkeypatch.setattr(
        writing.FileWriter, "__init__", lambda self, file, *a, **k: original(self, Full(file), *a, **k)
    )
    film = write_film(tmp_path / "in.mkv", maps * 10)
    with pytest.raises(UserError, match=r"out\.mkv cannot be written: No space left"):
        translate_video(translator, film, tmp_path / "out.mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
