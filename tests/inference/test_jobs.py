"""Which files of a folder are translated: no file, whatever it is called, is in the way of the others."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import jobs as jobs_module
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.jobs import find_jobs
from asap_lightning.inference.origin import Recipe

IMAGE = ConditionSpec("image", channels=3)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "deep/c.png"):
        picture(tmp_path / "in" / name)
    return tmp_path


def find(folder: Path, **options):
    options = {"spec": IMAGE, **options}
    return find_jobs(folder / "in", options.pop("output", folder / "out"), **options)


def sources(found) -> list[str]:
    return [job.source.name for job in found.jobs]


def predicted(folder: Path, path: Path) -> None:
    """Writes an image as a prediction does."""
    (folder / "model.ckpt").write_bytes(b"weights")
    job = Job(folder / "in/a.png", None, path)
    Recipe(folder / "model.ckpt", {}).write(path, np.zeros((4, 4, 3), np.uint8), job, "some origin")


def test_two_files_of_one_name_block_no_others(folder):
    picture(folder / "in/a.bmp")
    found = find(folder)
    assert sources(found) == ["b.png", "c.png"]
    assert sorted(Path(complaint.subject).name for complaint in found.refused) == ["a.bmp", "a.png"]
    assert "a.bmp would also be written to" in found.refused[1].text


def test_the_images_of_several_styles_are_told_apart_too(folder):
    picture(folder / "in/a_style1.png")
    assert len(find(folder).jobs) == 4
    found = find(folder, endings=["_style0", "_style1", ""])
    assert sources(found) == ["b.png", "c.png"] and len(found.refused) == 2


def test_a_file_and_a_folder_of_one_name_are_a_clash(folder):
    picture(folder / "in/a.png.d/x.png")
    assert len(find(folder).jobs) == 4
    picture(folder / "in/b.jpg")
    (folder / "in/b.png").unlink()
    picture(folder / "in/b.png/y.png")
    found = find(folder)
    assert "its folder would have the name of the image of" in found.refused[0].text
    assert "y.png" not in sources(found)


@pytest.mark.parametrize("output", ["in/out", "in/deep/out"])
def test_the_output_folder_is_no_input(folder, output):
    assert len(find(folder, output=folder / output).jobs) == 3
    picture(folder / output / "a.png")
    found = find(folder, output=folder / output)
    assert len(found.jobs) == 3 and "is left out" in found.notes()[0]


def test_images_of_an_earlier_prediction_among_the_inputs_are_left_alone(folder):
    for name in ("in/earlier/a.png", "in/earlier/b.png"):
        predicted(folder, folder / name)
    found = find(folder)
    assert len(found.jobs) == 3
    assert "2 images were written by an earlier prediction and left alone" in found.notes()[0]
    only = find_jobs(folder / "in/earlier", folder / "out", spec=IMAGE)
    assert len(only.jobs) == 2, "a folder of its own is an input like any other"


def test_writing_beside_the_input(folder):
    for path in sorted((folder / "in").rglob("*.png")):
        path.rename(path.with_suffix(".bmp"))
    assert len(find(folder, output=folder / "in").jobs) == 3
    predicted(folder, folder / "in/a.png")
    found = find(folder, output=folder / "in")
    assert sources(found) == ["a.bmp", "b.bmp", "c.bmp"] and not found.refused


def test_no_input_is_ever_overwritten(folder):
    found = find(folder, output=folder / "in")
    assert not found.jobs and len(found.refused) == 3
    assert "its translation would overwrite" in found.refused[0].text
    picture(folder / "in/in/a.png")
    found = find_jobs(folder / "in", folder, spec=IMAGE)
    assert [complaint.subject for complaint in found.refused] == [str(folder / "in/in/a.png")]


def test_where_case_makes_no_difference_names_clash_by_it(folder, monkeypatch):
    picture(folder / "in/A.bmp")
    assert len(find(folder).jobs) == 4
    monkeypatch.setattr(jobs_module, "folds_case", lambda folder: True)
    assert sources(find(folder)) == ["b.png", "c.png"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["a.png", "b.png"]),
        ("**/*.png", ["a.png", "b.png", "c.png"]),
        ("deep/*", ["c.png"]),
        ("**/c*", ["c.png"]),
        ("[ab].png", ["a.png", "b.png"]),
    ],
)
def test_patterns(folder, pattern, expected):
    assert sources(find(folder, pattern=pattern)) == expected


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../*"])
def test_wrong_patterns(folder, pattern):
    with pytest.raises(UserError, match="pattern="):
        find(folder, pattern=pattern)


def test_links_are_followed_and_broken_ones_are_told(folder, tmp_path):
    picture(tmp_path / "elsewhere/d.png")
    (folder / "in/linked").symlink_to(tmp_path / "elsewhere")
    (folder / "in/lost.png").symlink_to("nowhere.png")
    (folder / "in/photo.heic.txt").write_text("x")
    found = find(folder)
    assert sources(found) == ["a.png", "b.png", "c.png", "d.png"]
    notes = "\n".join(found.notes())
    assert "1 link that leads nowhere" in notes and "lost.png -> nowhere.png" in notes
    assert "1 file is no image and is left alone: 1 .txt (photo.heic.txt)" in notes


def test_nothing_to_translate_says_what_is_there(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.psd").write_bytes(b"x")
    with pytest.raises(UserError, match=r"holds 1 file, none of them an image: 1 .psd \(a.psd\)"):
        find(tmp_path)


def test_instance_maps_are_found_by_name_in_either_unicode_form(folder):
    spec = ConditionSpec(num_classes=3, instance_edges=True)
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    picture(folder / f"in/{composed}.png")
    for name in ("a.tif", f"{decomposed}.png", "deep/c.png"):
        picture(folder / "instances" / name)
    found = find(folder, spec=spec, instances=folder / "instances")
    assert [job.instance.name for job in found.jobs] == ["a.tif", "c.png", f"{decomposed}.png"]
    assert "b.png has no instance map, which this model needs" in found.refused[0].text
    found = find(folder, spec=spec)
    assert not found.jobs and "instances=FOLDER" in found.refused[0].text


def test_one_file_is_known_by_its_ending_in_either_case(tmp_path):
    picture(tmp_path / "A.PNG")
    (job,) = find_jobs(tmp_path / "A.PNG", tmp_path / "out", spec=IMAGE).jobs
    assert job.target == tmp_path / "out/A.png"
