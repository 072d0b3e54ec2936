"""What folders of real people hold: links, foreign files, names that only look alike."""

from __future__ import annotations

import os
import unicodedata
from functools import partial

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.finding import has_images, ignored, image_files, scan
from asap_lightning.data.formats import image_suffixes
from asap_lightning.data.layouts import Cityscapes, CmpFacades, Photos, SpadeFolders, TwoFolders
from asap_lightning.data.layouts.matching import by_stem, pair
from asap_lightning.data.reading import read_photo
from asap_lightning.errors import UserError

THREE = partial(SpadeFolders, num_classes=3)


def test_links_to_files_and_folders_are_followed_but_not_back_to_where_they_lie(trees, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    trees.photo(elsewhere / "inner/a.png")
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "linked").symlink_to(elsewhere)
    (folder / "b.png").symlink_to(elsewhere / "inner/a.png")
    (elsewhere / "back").symlink_to(folder)
    (folder / "itself").symlink_to(folder)
    assert [p.relative_to(folder).as_posix() for p in image_files(folder)] == [
        "b.png",
        "linked/inner/a.png",
    ]
    assert [p.name for p in scan(folder).loops] == ["itself", "back"]
    assert sorted(by_stem(folder)) == ["b", "linked_inner_a"]
    assert has_images(folder)


@pytest.mark.parametrize("name", ["lost.png", "lost_folder"])
def test_a_link_that_leads_nowhere_is_named_not_dropped(trees, name):
    root = trees.folders()
    (root / "B" / name).symlink_to("/nowhere/at/all")
    with pytest.raises(UserError, match=rf"1 link that leads nowhere: \S+B/{name} -> /nowhere/at/all"):
        TwoFolders(root).items("train")


@pytest.mark.parametrize("layout", ["cmp", "cityscapes"])
def test_layouts_with_names_of_their_own_follow_links_too(trees, tmp_path, layout):
    getattr(trees, layout)()
    make = partial(CmpFacades, split="ratio") if layout == "cmp" else Cityscapes
    inner = trees.root / ("base" if layout == "cmp" else "gtFine/train/town")
    count = len(make(trees.root).items("train"))
    inner.rename(tmp_path / "moved")
    inner.symlink_to(tmp_path / "moved")
    assert len(make(trees.root).items("train")) == count
    (inner / "lost.png").symlink_to("gone.png")
    with pytest.raises(UserError, match=r"lost.png -> gone.png"):
        make(trees.root).items("train")


def test_a_folder_that_may_not_be_opened_is_named(trees, monkeypatch):
    root = trees.folders()
    listdir = os.listdir

    def refuse(path="."):
        if str(path).endswith("B"):
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match=r"1 place that may not be opened: \S+B"):
        TwoFolders(root).items("train")


def test_a_file_that_may_not_be_read_is_not_called_damaged(trees, monkeypatch, tmp_path):
    trees.photo(tmp_path / "a.png")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(UserError, match=r"a.png cannot be read: Permission denied"):
        read_photo(tmp_path / "a.png")


def test_a_link_to_a_file_that_is_gone_says_where_it_leads(tmp_path):
    (tmp_path / "a.png").symlink_to("gone.png")
    with pytest.raises(UserError, match=r"a.png: the link leads to gone.png, which is not there"):
        read_photo(tmp_path / "a.png")


SUFFIXES = (
    *(".jfif", ".jpe", ".avif", ".tga", ".mpo", ".jp2", ".gif", ".ppm"),
    *(".pgm", ".webp", ".tiff", ".bmp", ".JPG", ".Png", ".qoi"),
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_still_raster_format_of_pillow_is_read(tmp_path, suffix):
    pixels = np.full((8, 8) if suffix == ".pgm" else (8, 8, 3), 90, np.uint8)
    path = tmp_path / f"a{suffix}"
    options = {"format": "JPEG"} if suffix == ".mpo" else {}
    if suffix == ".qoi":
        path.write_bytes(b"qoif" + bytes([0, 0, 0, 8, 0, 0, 0, 8, 3, 0]) + b"\xfe\x5a\x5a\x5a" + b"\xc0" * 63)
    else:
        Image.fromarray(pixels).save(path, **options)
    assert image_files(tmp_path) == [path]
    assert np.abs(read_photo(path).astype(int) - 90).max() <= 2


@pytest.mark.parametrize("suffix", [".eps", ".svg", ".psd", ".h5", ".wmf", ".mpg", ".ico"])
def test_programs_films_icons_and_documents_are_no_pictures(suffix):
    assert suffix not in image_suffixes()


def test_a_postscript_program_under_a_pictures_name_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(UserError, match=r"a.png is not an image that can be read"):
        read_photo(tmp_path / "a.png")


def test_a_picture_is_known_by_its_content_not_its_name(trees, tmp_path):
    pixels = trees.photo(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(read_photo(tmp_path / "a.jpg"), pixels)


def test_what_is_ignored_is_counted_by_suffix(tmp_path):
    for name in ("a.txt", "b.TXT", "c.txt", "d.heic", "e", "._f.png", ".hidden/g.png", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    for folder in ("__MACOSX", "@eaDir"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "h.png").write_bytes(b"x")
    found = scan(tmp_path)
    assert not found.files
    text = ignored(found.others)
    assert text.startswith("3 .txt (a.txt, b.TXT and 1 more), 1 ")
    assert "1 .heic (d.heic)" in text and "1 without suffix (e)" in text
    assert ("pip install pillow-heif" in text) == (".heic" not in image_suffixes())


def test_a_pipe_under_a_pictures_name_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert scan(tmp_path).files == [] and [p.name for p in scan(tmp_path).others] == ["a.png"]


def test_names_in_two_unicode_forms_are_pairs(trees):
    composed, decomposed = (unicodedata.normalize(form, "Müller") for form in ("NFC", "NFD"))
    root = trees.folders(2)
    trees.photo(root / f"A/{composed}.png"), trees.photo(root / f"B/{decomposed}.png")
    layout = TwoFolders(root)
    assert composed in {item.name for split in ("train", "val") for item in layout.items(split)}
    trees.photo(root / f"B/{composed}.png")
    with pytest.raises(UserError, match=r"the same name in two Unicode forms .*which one is meant"):
        TwoFolders(root).items("train")


@pytest.mark.parametrize(
    ("ones", "others", "difference"),
    [
        (["1", "2"], ["01", "02"], r"2 of them differ only in leading zeros \(1.png and 01.png\)"),
        (["Haus", "baum"], ["haus", "Baum"], "2 of them differ only in upper and lower case"),
        (["a.png", "b"], ["a", "b"], r"1 of them differs only in a second suffix \(a.png.png and a.png\)"),
        (["my house", "x"], ["my_house", "x"], "differs only in spaces, dots, hyphens and underscores"),
        (["a_labels", "b", "c"], ["a", "b", "c"], r"differs only in an ending \(a_labels.png and a.png\)"),
        (["img1", "img2"], ["photo1", "photo2"], "2 of them differ only in letters around equal numbers"),
    ],
)
def test_names_that_nearly_agree_are_explained(tmp_path, ones, others, difference):
    roles = {
        role: {stem: tmp_path / role / f"{stem}.png" for stem in stems}
        for role, stems in (("label maps", ones), ("photos", others))
    }
    with pytest.raises(UserError, match=difference):
        pair(roles)


def test_a_folder_without_pictures_says_what_it_holds(trees):
    root = trees.spade()
    for path in root.glob("train_img/*"):
        path.rename(path.with_suffix(".psd"))
    with pytest.raises(UserError, match=r"train_img holds no pictures, but files of other kinds: 4 .psd"):
        THREE(root).items("train")


def test_a_linked_folder_of_photos_is_a_data_set(trees, tmp_path):
    for name in ("a", "b", "c"):
        trees.photo(tmp_path / f"real/{name}.jfif")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/linked").symlink_to(tmp_path / "real")
    assert len(Photos(tmp_path / "root", make="grey").items("train")) == 2
