from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.layouts import (
    RECOGNISED,
    Ade20k,
    Cityscapes,
    CmpFacades,
    ConditionFolder,
    DeepFashionPoses,
    NyuDepth,
    Pix2PixHDFolders,
    Shards,
    SideBySide,
    SpadeFolders,
    TwoFolders,
    recognise,
)
from asap_lightning.data.layouts.matching import pair
from asap_lightning.errors import UserError

THREE = partial(SpadeFolders, num_classes=3)


def names(items) -> list[str]:
    return [item.name for item in items]


# CMP facades


def test_cmp_follows_the_authors_list(trees):
    layout = CmpFacades(trees.cmp(count=4, first=59))
    assert names(layout.items("train")) == ["cmp_b0061", "cmp_b0062"]
    assert names(layout.items("test")) == names(layout.items("val")) == ["cmp_b0059", "cmp_b0060"]
    assert layout.spec.label_channels == 13


def test_cmp_reads_palette_labels_as_ids(trees):
    layout = CmpFacades(trees.cmp(count=2, first=60))
    item = layout.items("train")[0]
    sample = layout.read(item)
    assert np.array_equal(sample.label, np.asarray(Image.open(item.condition)))
    assert sample.label.min() >= 1 and sample.label.max() <= 12
    assert np.array_equal(sample.photo, np.asarray(Image.open(item.photo)))


def test_cmp_with_few_pairs_says_how_to_split_them(trees):
    root = trees.cmp(count=6)
    with pytest.raises(UserError, match=r"holds 6 pairs, 6 of them among .*Set data.layout.split=ratio"):
        CmpFacades(root).items("train")
    layout = CmpFacades(root, split="ratio", test_share=0.3)
    assert names(layout.items("test")) == ["cmp_b0001", "cmp_b0002"]
    assert len(layout.items("train")) == 4


def test_cmp_extended_joins_the_training_set(trees):
    trees.cmp(count=2, first=60)
    with pytest.raises(UserError, match=r"extended has no cmp_x"):
        CmpFacades(trees.root, extended=True).items("train")
    trees.cmp(count=2, folder="extended", letter="x")
    layout = CmpFacades(trees.root, extended=True)
    assert names(layout.items("train")) == ["cmp_b0061", "cmp_x0001", "cmp_x0002"]
    assert names(layout.items("test")) == ["cmp_b0060"]


def test_cmp_has_no_instances(tmp_path):
    with pytest.raises(UserError, match=r"set data.instance_edges=false"):
        CmpFacades(tmp_path, instances=True)


# Cityscapes


def test_cityscapes_reads_its_tree(trees):
    layout = Cityscapes(trees.cityscapes(), instances=True)
    assert [len(layout.items(split)) for split in ("train", "val", "test")] == [3, 2, 2]
    sample = layout.read(layout.items("train")[0])
    assert sample.name == "town_000000_000019"
    assert sample.instance.max() > 255 and sample.photo is not None
    assert (layout.spec.label_channels, layout.spec.dense_channels) == (35, 36)
    assert layout.read(layout.items("test")[0]).photo is None


def test_cityscapes_maps_255_to_unknown(trees):
    root = trees.cityscapes({"train": 1})
    path = next(root.glob("gtFine/train/*/*labelIds.png"))
    ids = np.array(Image.open(path))
    ids[0, 0] = 255
    trees.save(path, ids)
    layout = Cityscapes(root)
    assert layout.read(layout.items("train")[0]).label[0, 0] == 34


def test_cityscapes_disparities_are_read_where_they_lie(trees):
    layout = Cityscapes(trees.cityscapes({"train": 2}))
    (first, second) = layout.items("train")
    assert layout.disparity(first) is None
    values = np.array([[0, 1], [257, 3201]], np.uint16)
    trees.save(layout.root / f"disparity/train/town/{second.name}_disparity.png", values)
    assert layout.disparity(first) is None
    np.testing.assert_array_equal(layout.disparity(second), [[np.nan, 0], [1, 12.5]])
    trees.photo(layout.root / f"disparity/train/town/{first.name}_disparity.png")
    with pytest.raises(UserError, match="is a colour picture"):
        layout.disparity(first)


def test_cityscapes_without_instances_looks_for_none(trees):
    root = trees.cityscapes()
    for path in root.glob("gtFine/*/*/*instanceIds.png"):
        path.unlink()
    assert Cityscapes(root).items("train")[0].instance is None
    with pytest.raises(UserError, match=r"3 label maps without instance map.*data.instance_edges=false"):
        Cityscapes(root, instances=True).items("train")


@pytest.mark.parametrize("folder", ["gtFine", "leftImg8bit"])
def test_cityscapes_is_known_by_either_folder(tmp_path, folder):
    assert not Cityscapes.matches(tmp_path)
    (tmp_path / folder).mkdir()
    assert Cityscapes.matches(tmp_path)


def test_cityscapes_lists_lonely_files(trees):
    root = trees.cityscapes()
    next(root.glob("leftImg8bit/train/*/*000001_*")).unlink()
    next(root.glob("gtFine/train/*/*000002_*labelIds.png")).unlink()
    with pytest.raises(UserError) as error:
        Cityscapes(root).items("train")
    assert re.search(
        r"1 label map without photos: \S+town_000001_000019_gtFine_labelIds.png", str(error.value)
    )
    assert re.search(r"1 photo without label maps: \S+town_000002_000019_leftImg8bit.png", str(error.value))


def test_a_split_that_is_missing_is_named(trees):
    root = trees.cityscapes({"train": 1})
    with pytest.raises(UserError, match=r"gtFine/val holds no .*missing or empty"):
        Cityscapes(root).items("val")


# SPADE, pix2pixHD, folders


def test_spade_folders(trees):
    layout = THREE(trees.spade(), instances=True)
    assert names(layout.items("train")) == ["000", "001", "002", "003"]
    assert layout.items("test") == layout.items("val")
    sample = layout.read(layout.items("val")[1])
    assert np.array_equal(sample.instance, np.asarray(Image.open(trees.root / "val_inst/001.png")))


def test_spade_folders_need_the_number_of_classes(tmp_path):
    with pytest.raises(UserError, match=r"data.layout.num_classes is missing.*ids 0 to N-1"):
        SpadeFolders(tmp_path)
    assert SpadeFolders(tmp_path, palette=[(0, 0, 0), (1, 1, 1)]).spec.num_classes == 2


def test_spade_names_photos_without_labels(trees):
    root = trees.spade()
    (root / "train_label/002.png").unlink()
    with pytest.raises(UserError, match=r"1 photo without conditions: \S*train_img/002.jpg"):
        THREE(root).items("train")


def test_instance_maps_are_only_wanted_when_asked_for(trees):
    root = trees.spade()
    for path in root.glob("*_inst/*"):
        path.unlink()
    assert len(THREE(root).items("train")) == 4
    with pytest.raises(UserError, match=r"no instance maps in .*data.instance_edges=false"):
        THREE(root, instances=True).items("train")


@pytest.mark.parametrize("split", ["train", "val"])
def test_empty_folders_are_named(trees, split):
    root = trees.spade()
    for path in root.glob(f"{split}_img/*"):
        path.unlink()
    with pytest.raises(UserError, match=rf"{split}_img is empty: it should hold the photos"):
        THREE(root).items(split)


def test_pairs_of_different_sizes_are_named(trees):
    root = trees.spade()
    trees.photo(root / "train_img/000.jpg", (12, 18))
    layout = THREE(root)
    with pytest.raises(UserError) as error:
        layout.read(layout.items("train")[0])
    assert re.search(
        r"label \S+train_label/000.png is 16 x 12 .* but photo \S+train_img/000.jpg is 18 x 12",
        str(error.value),
    )


def test_pix2pixhd_joins_files_with_role_endings(trees):
    layout = Pix2PixHDFolders(trees.pix2pixhd(), num_classes=3, instances=True)
    assert names(layout.items("train")) == ["town_000_000019", "town_001_000019", "town_002_000019"]
    assert layout.items("val") == layout.items("test")
    assert layout.read(layout.items("test")[0]).instance is not None


def test_pix2pixhd_pictures(trees):
    layout = Pix2PixHDFolders(trees.pix2pixhd(pictures=True), condition="image")
    sample = layout.read(layout.items("train")[0])
    assert sample.image.shape == sample.photo.shape == (12, 16, 3)
    assert layout.spec.kind == "image"


@pytest.mark.parametrize("condition", ["image", "grey"])
def test_two_folders(trees, condition):
    layout = TwoFolders(trees.folders(), condition=condition, test_share=0.4)
    assert names(layout.items("train")) == ["2", "3", "4"]
    assert names(layout.items("val")) == names(layout.items("test")) == ["0", "1"]
    sample = layout.read(layout.items("train")[0])
    assert sample.image.shape == (12, 16, 3 if condition == "image" else 1)
    assert layout.spec.channels == sample.image.shape[2]


def test_two_folders_with_splits_and_direction(trees):
    trees.folders(3, "train"), trees.folders(2, "test")
    layout = TwoFolders(trees.root, direction="BtoA")
    assert len(layout.items("train")) == 3
    assert len(layout.items("val")) == 2
    assert layout.items("train")[0].condition == trees.root / "train/B/0.jpg"
    with pytest.raises(UserError, match=r"'AtoB' or 'BtoA'"):
        TwoFolders(trees.root, direction="both")


def test_two_folders_of_depth_maps(trees):
    root = trees.folders()
    for number in range(5):
        (root / f"A/{number}.png").unlink()
        np.save(root / f"A/{number}.npy", np.full((12, 16), 2.5, np.float32))
    layout = TwoFolders(root, condition="depth", depth_unit=1.0, farthest=5.0)
    sample = layout.read(layout.items("train")[0])
    assert (sample.depth == 0.0).all()
    assert layout.spec.kind == "depth"


def test_the_same_name_twice_is_refused(trees):
    root = trees.spade()
    trees.photo(root / "train_img/000.png")
    with pytest.raises(UserError, match=r"000.jpg and \S+000.png have the same name"):
        THREE(root).items("train")


def test_system_files_are_passed_over(trees):
    root = trees.spade()
    (root / "train_img/._000.jpg").write_bytes(b"x")
    (root / "train_label/Thumbs.db").write_bytes(b"x")
    assert len(THREE(root).items("train")) == 4


# Pairs, ADE20K, NYU, conditions


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_side_by_side(trees, direction):
    layout = SideBySide(trees.pairs(), direction=direction)
    item = layout.items("train")[1]
    both = np.asarray(Image.open(item.condition))
    left, right = both[:, :16], both[:, 16:]
    sample = layout.read(item)
    expected = (left, right) if direction == "AtoB" else (right, left)
    assert np.array_equal(sample.image, expected[0])
    assert np.array_equal(sample.photo, expected[1])
    assert layout.items("test") == layout.items("val")


def test_side_by_side_label_maps_by_palette(trees):
    root = trees.pairs(splits=())
    ids = trees.random.integers(0, 2, (4, 6), dtype=np.uint8)
    photo = trees.random.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    colours = np.array([[0, 0, 170], [255, 85, 0]], np.uint8)
    trees.save(root / "train/0.png", np.hstack([photo, colours[ids]]))
    layout = SideBySide(root, direction="BtoA", condition="label", palette=colours.tolist())
    sample = layout.read(layout.items("train")[0])
    assert np.array_equal(sample.label, ids)
    assert np.array_equal(sample.photo, photo)


def test_side_by_side_needs_an_even_width(trees):
    root = trees.pairs()
    trees.photo(root / "train/0.png", (12, 33))
    layout = SideBySide(root)
    with pytest.raises(UserError, match=r"0.png is 33 pixels wide.*must be even"):
        layout.read(layout.items("train")[0])


def test_ade20k_maps_other_to_unknown(trees):
    layout = Ade20k(trees.ade20k())
    item = layout.items("val")[0]
    ids = np.asarray(Image.open(item.condition)).astype(int)
    assert np.array_equal(layout.read(item).label, np.where(ids == 0, 150, ids - 1))
    assert layout.spec.label_channels == 151
    bad = trees.label(item.condition, high=151)
    bad[0, 0] = 151
    trees.save(item.condition, bad)
    with pytest.raises(UserError, match=r"label id 151 \(1 pixels\).*must be 0..150.*defines its classes"):
        layout.read(item)


def test_nyu_turns_matlab_axes_and_scales_depth(trees):
    root, photos, depths = trees.nyu()
    layout = NyuDepth(root, train_count=3)
    assert [len(layout.items(split)) for split in ("train", "val", "test")] == [3, 2, 2]
    sample = layout.read(layout.items("val")[0])
    assert sample.name == "nyu_0004"
    assert np.array_equal(sample.photo, photos[3])
    assert np.allclose(sample.depth, np.clip(depths[3] / 10, 0, 1) * 2 - 1, atol=1e-6)
    assert NyuDepth(root / "nyu_depth_v2_labeled.mat", train_count=3).items("train")


def test_nyu_names_what_is_wrong(trees):
    root, _, _ = trees.nyu()
    with pytest.raises(UserError, match=r"train_count=1200, but .* holds 5 frames"):
        NyuDepth(root).items("train")
    (root / "nyu_depth_v2_labeled.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(UserError, match=r"is not a MATLAB 7.3 \(HDF5\) file"):
        NyuDepth(root).items("train")


def test_conditions_alone(trees):
    root = trees.spade() / "val_label"
    layout = ConditionFolder(root, num_classes=3, instance_root=trees.root / "val_inst")
    assert names(layout.items("test")) == ["000", "001", "002", "003"]
    sample = layout.read(layout.items("test")[0])
    assert sample.photo is None and sample.instance is not None
    single = ConditionFolder(root / "002.png", num_classes=3)
    assert names(single.items("test")) == ["002"]
    (trees.root / "val_inst/001.png").unlink()
    layout = ConditionFolder(root, num_classes=3, instance_root=trees.root / "val_inst")
    with pytest.raises(UserError, match=r"no instance map for 1 of 4 conditions: 001"):
        layout.items("test")


# Recognising other layouts

BUILDERS = {
    "cmp": (CmpFacades, partial(CmpFacades)),
    "cityscapes": (Cityscapes, partial(Cityscapes)),
    "spade": (SpadeFolders, THREE),
    "pix2pixhd": (Pix2PixHDFolders, partial(Pix2PixHDFolders, num_classes=3)),
    "folders": (TwoFolders, partial(TwoFolders)),
    "pairs": (SideBySide, partial(SideBySide)),
    "ade20k": (Ade20k, partial(Ade20k)),
    "nyu": (NyuDepth, partial(NyuDepth, train_count=2)),
    "deepfashion": (DeepFashionPoses, partial(DeepFashionPoses)),
}


def test_every_layout_is_recognised_and_tested_here():
    # shards, which hold another layout's pairs, have tests of their own: tests/data/shards
    assert {layout for layout, _ in BUILDERS.values()} == set(RECOGNISED) - {Shards}


@pytest.mark.parametrize("kind", BUILDERS)
def test_each_layout_is_recognised(trees, kind):
    getattr(trees, kind)()
    assert recognise(trees.root) is BUILDERS[kind][0]


# SPADE's and pix2pixHD's folders of label maps differ in nothing but the name of the test split.
CONFUSIONS = [
    (kind, wanted)
    for kind in BUILDERS
    for wanted in BUILDERS
    if kind != wanted and {kind, wanted} != {"spade", "pix2pixhd"}
]


@pytest.mark.parametrize(("kind", "wanted"), CONFUSIONS)
def test_a_folder_of_another_layout_is_named(trees, kind, wanted):
    getattr(trees, kind)()
    title, config = BUILDERS[kind][0].title, BUILDERS[kind][0].config
    with pytest.raises(UserError, match=rf"looks like {title}: use data={config}$"):
        BUILDERS[wanted][1](trees.root).items("train")


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_root_one_level_off_is_corrected(trees, kind):
    getattr(trees, kind)()
    layout = BUILDERS[kind][1](trees.root.parent)
    with pytest.raises(UserError, match=rf"looks like {layout.title}: use data.root={trees.root}$"):
        layout.items("train")


@pytest.mark.parametrize("kind", BUILDERS)
def test_missing_empty_and_file_roots_are_named(tmp_path, kind):
    make = BUILDERS[kind][1]
    with pytest.raises(UserError, match=r"data.root=\S+nowhere: there is no such folder"):
        make(tmp_path / "nowhere").items("train")
    with pytest.raises(UserError, match=r"is an empty folder"):
        make(tmp_path).items("train")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"file is a file; the folder of"):
        make(tmp_path / "file").items("train")
    (tmp_path / "notes.txt").write_text("nothing of use")
    with pytest.raises(UserError, match=r"is not laid out as"):
        make(tmp_path).items("train")


def test_pairing_joins_shared_names_only_when_all_are_there(tmp_path):
    a, b = {"1_x": tmp_path / "1"}, {"1_y": tmp_path / "2"}
    assert pair({"a": a, "b": b}) == {"1": {"a": tmp_path / "1", "b": tmp_path / "2"}}
    many = {f"{i}": tmp_path for i in range(9)}
    with pytest.raises(UserError, match=r"7 a without b: .* and 2 more"):
        pair({"a": many, "b": {"0": tmp_path, "1": tmp_path}})
