"""Making a study: files that say nothing, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.reading import read_photo
from asap_lightning.errors import UserError
from asap_lightning.preference.make import Sources, make_study, ruined
from asap_lightning.preference.protocol import Protocol
from asap_lightning.preference.study import PICTURES, STUDY, read_study

from .conftest import ITEMS, Made, MakeFolder

FEW = Protocol(trials=4, practice=0, vigilance=1)


def test_pictures_are_copied_under_names_that_say_nothing(make: Callable[..., Made], tmp_path: Path) -> None:
    study, folder = make("ours", "theirs", real=True, conditions=True)
    assert read_study(folder) == study
    assert study.systems == ("ours", "theirs", "real photos") and study.real == 2
    files = {path.name for path in (folder / PICTURES).iterdir()}
    assert files == study.owners.keys() | set(study.conditions)
    assert len(files) == 4 * ITEMS + 2
    for system, name in enumerate(("ours", "theirs", "photos")):
        for item, stem in enumerate(study.items):
            copy = read_photo(folder / PICTURES / study.files[system][item])
            assert np.array_equal(copy, read_photo(tmp_path / "sets" / name / f"{stem}.png"))
    for path in (folder / PICTURES).iterdir():
        with Image.open(path) as file:
            assert not file.info, "a picture file says who made it"


def test_ruined_copies_are_made_of_real_photos(make: Callable[..., Made]) -> None:
    study, folder = make("ours", real=True, vigilance=3)
    assert len(study.spoiled) == 3 and {one.system for one in study.spoiled.values()} == {1}
    for file, one in study.spoiled.items():
        copy = read_photo(folder / PICTURES / file)
        original = read_photo(folder / PICTURES / study.files[1][one.item])
        assert not np.array_equal(copy, original)
        assert sorted(copy.ravel()) == sorted(original.ravel())


def test_every_tile_moves() -> None:
    picture = np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4, 1), 3, axis=2)
    moved = ruined(picture, "x")[..., 0]
    assert sorted(moved.ravel()) == list(range(16)) and not (moved == picture[..., 0]).any()
    with pytest.raises(UserError, match="one colour only"):
        ruined(np.zeros((8, 8, 3), np.uint8), "x")


def test_label_maps_are_shown_in_colours(pictures: MakeFolder, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    for number in range(ITEMS):
        Image.fromarray(np.full((12, 16), number, np.uint8)).save(labels / f"{number}.png")
    sources = Sources({"a": pictures("a"), "b": pictures("b")}, None, labels, label_maps=True)
    study = make_study(sources, tmp_path / "study", FEW)
    colours = {tuple(read_photo(tmp_path / "study" / PICTURES / file)[0, 0]) for file in study.conditions}
    assert len(colours) == ITEMS
    with pytest.raises(UserError, match="--label-maps files of one channel"):
        make_study(Sources(sources.systems, None, pictures("c"), label_maps=True), tmp_path / "other", FEW)


def test_an_interrupted_copy_is_no_study(pictures: MakeFolder, tmp_path: Path) -> None:
    def interrupted(names):
        yield names[0]
        raise KeyboardInterrupt

    out = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        make_study(Sources({"a": pictures("a"), "b": pictures("b")}), out, FEW, progress=interrupted)
    with pytest.raises(UserError, match="is no study"):
        read_study(out)


def refused(message: str, *arguments, **named) -> None:
    with pytest.raises(UserError, match=message):
        make_study(*arguments, **named)


def test_sets_that_do_not_match(pictures: MakeFolder, tmp_path: Path) -> None:
    one, other, out = pictures("a"), pictures("b"), tmp_path / "study"
    (other / "3.png").unlink()
    refused(r"1 pictures of a without pictures of b: .*3\.png", Sources({"a": one, "b": other}), out, FEW)
    assert not out.exists()


def test_one_image(pictures: MakeFolder, tmp_path: Path) -> None:
    sources = Sources({"a": pictures("a", 1), "b": pictures("b", 1)})
    refused(r"share 1 picture \(0\): a study needs at least 2", sources, tmp_path / "study", FEW)


def test_several_sizes(pictures: MakeFolder, tmp_path: Path) -> None:
    sources = Sources({"a": pictures("a"), "b": pictures("b", size=(16, 16))})
    refused(r"has 16 x 12 pixels and .* has 16 x 16 pixels", sources, tmp_path / "study", FEW)


@pytest.mark.parametrize("place", ["sets/a/study", "sets", "sets/a"])
def test_output_inside_input(pictures: MakeFolder, tmp_path: Path, place: str) -> None:
    sources = Sources({"a": pictures("a"), "b": pictures("b")})
    refused("lie inside one another", sources, tmp_path / place, FEW)


def test_what_is_in_the_way(make: Callable[..., Made], pictures: MakeFolder) -> None:
    _, folder = make("ours", "theirs")
    refused("is there already", Sources({"a": pictures("a"), "b": pictures("b")}), folder, FEW)


def test_too_little_to_compare(pictures: MakeFolder, tmp_path: Path) -> None:
    folder, out = pictures("a"), tmp_path / "study"
    refused("at least two folders", Sources({"a": folder}), out, FEW)
    refused("is given twice", Sources({"a": folder, "b": folder}), out, FEW)
    refused("there is no folder", Sources({"a": folder, "b": tmp_path / "c"}), out, FEW)
    two, many = Sources({"a": folder, "b": pictures("b")}), Protocol(trials=20, practice=0)
    refused("--trials 20 take 20 different .* there are 8", two, out, many)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format=2), "format 2 is not the one"),
        (lambda content: content.pop("items"), "KeyError: 'items'"),
        (lambda content: content["files"][0].__setitem__(0, "../../etc/passwd"), "is not what stands here"),
        (lambda content: content["files"][0].__setitem__(0, content["files"][1][0]), "stands there twice"),
        (lambda content: content["files"][0].pop(), "one picture of every item"),
        (lambda content: content["protocol"].update(trials="6"), "protocol.trials is '6'"),
        (lambda content: content["protocol"].update(trials=-1), "trials -1"),
        (lambda content: content.update(token="guess"), "'guess' is not what stands here"),
        (lambda content: content["files"][0].__setitem__(0, "0" * 32 + ".png"), "is missing: copy the whole"),
        (
            lambda content: content["spoiled"].update({"1" * 32 + ".png": {"system": 9, "item": 0}}),
            "9 is no whole number",
        ),
    ],
)
def test_a_damaged_study(make: Callable[..., Made], change: Callable, message: str) -> None:
    _, folder = make("ours", "theirs")
    content = json.loads((folder / STUDY).read_text(encoding="utf-8"))
    change(content)
    (folder / STUDY).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_study(folder)


def test_scores_instead_of_pictures(pictures: MakeFolder, tmp_path: Path) -> None:
    evaluated = pictures("evaluated", 1)
    (evaluated / "metrics.json").write_text("{}")
    sources = Sources({"a": pictures("a"), "b": evaluated})
    refused("keeps scores and not the pictures", sources, tmp_path / "study", FEW)
