"""Shards give exactly what the original layout gives."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import json
import os
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset
from asap_lightning.data.layout import SPLITS
from asap_lightning.data.layouts import Cityscapes, Shards, recognise
from asap_lightning.data.sample import Sample
from asap_lightning.data.shards.members import Encoding, decode
from asap_lightning.data.shards.members import _encode_array as encode_array
from asap_lightning.data.shards.store import LocalStore, ShardReader
from asap_lightning.data.source import StoredFile
from asap_lightning.data.transforms import Geometry
from asap_lightning.errors import UserError

SPADE = {"num_classes": 3}


def assert_equal(mine: Sample, original: Sample) -> None:
    assert mine.name == original.name
    assert mine.arrays.keys() == original.arrays.keys()
    for name, array in original.arrays.items():
        assert mine.arrays[name].dtype == array.dtype, name
        np.testing.assert_array_equal(mine.arrays[name], array)


def assert_same_data(out: Path, layout, **options) -> None:
    mine = Shards(out, instances=layout.instances, **options)
    assert mine.spec == layout.spec
    for split in SPLITS:
        originals = layout.items(split)
        items = mine.items(split)
        assert [item.name for item in items] == [item.name for item in originals]
        for item, original in zip(items, originals, strict=True):
            assert_equal(mine.read(item), layout.read(original))


CASES = {
    "CmpFacades": ("cmp", {}, {"split": "ratio", "test_share": 0.3}, False),
    "Cityscapes": ("cityscapes", {}, {}, True),
    "SpadeFolders": ("spade", {}, SPADE, True),
    "Pix2PixHDFolders": ("pix2pixhd", {}, {"num_classes": 3}, True),
    "TwoFolders": ("folders", {}, {"condition": "grey"}, False),
    "SideBySide": ("pairs", {}, {"direction": "BtoA"}, False),
    "Ade20k": ("ade20k", {}, {}, False),
    "NyuDepth": ("nyu", {}, {"train_count": 3}, False),
    "DeepFashionPoses": ("deepfashion", {}, {}, False),
    "Photos": ("folders", {"inside": ""}, {"make": "low_light"}, False),
}


def tree(trees, name: str):
    builder, given, options, instances = CASES[name]
    made = getattr(trees, builder)(**given)
    root = made[0] if isinstance(made, tuple) else made
    return (root / "B" if name == "Photos" else root), options, instances


@pytest.mark.parametrize("how", ["files", "arrays"])
@pytest.mark.parametrize("name", CASES)
def test_every_layout_gives_the_same_samples(trees, shard, name, how):
    root, options, instances = tree(trees, name)
    encoding = Encoding(arrays=how == "arrays")
    made = shard(root, name, options, instances=instances, encoding=encoding)
    assert_same_data(made.out, made.layout)


def test_depth_in_folders(trees, shard):
    root = trees.folders()
    for path in sorted((root / "A").iterdir()):
        np.save(path.with_suffix(".npy"), trees.random.uniform(0, 4, (12, 16)).astype(np.float32))
        path.unlink()
    for arrays in (False, True):
        made = shard(root, "TwoFolders", {"condition": "depth", "depth_unit": 1.0}, out=f"{arrays}",
                     encoding=Encoding(arrays=arrays))  # fmt: skip
        assert_same_data(made.out, made.layout)


def test_files_are_stored_bit_by_bit_as_webdataset_expects(trees, shard):
    made = shard(trees.cityscapes({"train": 3, "val": 1, "test": 1}), "Cityscapes", instances=True)
    with tarfile.open(made.out / "train-000000.tar") as tar:
        names = tar.getnames()
        stem = "town_000000_000019"
        assert names[:4] == [f"{stem}.{end}" for end in ("label.png", "instance.png", "photo.png", "json")]
        photo = tar.extractfile(f"{stem}.photo.png").read()
        about = json.load(tar.extractfile(f"{stem}.json"))
    relative = f"train/town/{stem}"
    root = made.layout.root
    assert photo == (root / f"leftImg8bit/{relative}_leftImg8bit.png").read_bytes()
    assert about["name"] == stem
    assert about["files"]["label"] == f"gtFine/{relative}_gtFine_labelIds.png"


def test_keys_have_no_dot_and_names_survive(trees, shard):
    root = trees.spade(count=2)
    for folder in root.iterdir():
        for path in sorted(folder.iterdir()):
            path.rename(path.with_name(f"a.{path.stem}.x{path.suffix}"))
        first = sorted(folder.iterdir())[0]
        (folder / f"a_000.x{first.suffix}").write_bytes(first.read_bytes())
    made = shard(root, "SpadeFolders", SPADE, shard_mb=1)
    with tarfile.open(made.out / "train-000000.tar") as tar:
        keys = {name.split(".", 1)[0] for name in tar.getnames()}
    assert len(keys) == 3
    assert_same_data(made.out, made.layout)


def test_the_same_pairs_give_the_same_bytes(trees, shard):
    root = trees.spade()
    first, second = (shard(root, "SpadeFolders", SPADE, out=out) for out in ("a", "b"))
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made.out.glob("*.tar")}
        for made in (first, second)
    ]
    assert digests[0] == digests[1] and len(digests[0]) > 2


def test_val_and_test_are_stored_once_where_they_are_the_same(trees, shard):
    made = shard(trees.cmp(), "CmpFacades", {"split": "ratio", "test_share": 0.3})
    assert not list(made.out.glob("test-*"))
    assert made.summary.splits[2].same_as == "val" and made.summary.splits[2].pairs == 2
    assert_same_data(made.out, made.layout)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("fixed", None), ("fixed", "png"), ("resize_and_crop", None), ("scale_shortside_and_crop", "ppm")],
)
def test_pairs_that_were_resized_before_give_the_same_batches(trees, shard, mode, kind):
    root = trees.cityscapes({"train": 4, "val": 2, "test": 1})
    geometry, evaluation = Geometry(mode, 8, 8), Geometry("fixed", 8, 8)
    made = shard(
        root,
        "Cityscapes",
        instances=True,
        encoding=Encoding(arrays=True, resize=(geometry, evaluation), photo_format=kind),
    )
    options = {"mode": mode, "batch_size": 2, "instance_edges": True, "seed": 3, "shuffle": False}
    original = PairedDataModule(root, Cityscapes, 8, 8, **options)
    mine = PairedDataModule(made.out, Shards, 8, 8, **options)
    mine.setup("fit")
    for loaders in ("train_dataloader", "val_dataloader"):
        for one, other in zip(getattr(original, loaders)(), getattr(mine, loaders)(), strict=True):
            assert one.names == other.names
            assert torch.equal(one.photo, other.photo)
            assert torch.equal(one.condition.label, other.condition.label)
            assert torch.equal(one.condition.instance, other.condition.instance)


def test_photos_can_be_stored_as_jpeg_where_they_are_resized(trees, shard):
    root = trees.cityscapes({"train": 1, "val": 1, "test": 1})
    sizes = (Geometry("fixed", 8, 8),) * 2
    made = shard(root, "Cityscapes", encoding=Encoding(arrays=True, resize=sizes, photo_format="jpeg"))
    mine = Shards(made.out)
    sample = mine.read(mine.items("train")[0])
    assert str(sample.paths["photo"]).endswith("train-000000.tar/town_000000_000019.photo.jpg")
    assert sample.size == (8, 8)
    with pytest.raises(UserError, match=r"--photo-quality 101: a number from 1 to 100"):
        Encoding(resize=sizes, photo_format="jpeg", photo_quality=101)
    with pytest.raises(UserError, match="for resized photos"):
        Encoding(photo_format="png")


def test_enlarging_stored_pairs_is_warned_of(trees, shard):
    root = trees.cityscapes({"train": 2, "val": 1, "test": 1})
    made = shard(root, "Cityscapes", encoding=Encoding(arrays=True, resize=(Geometry("fixed", 8, 8),) * 2))
    with pytest.warns(UserWarning, match=r"hold pairs of 8 x 8 .* enlarge to 16 x 16"):
        PairedDataModule(made.out, Shards, 16, 16, mode="fixed").setup("fit")


@pytest.mark.parametrize("highest", [200, 40_000, 10_000_000])
def test_ids_of_any_width_survive(highest):
    ids = np.array([[0, highest], [3, 1]], np.int32)
    what, content = encode_array("instance", ids, Encoding())
    label = encode_array("label", np.zeros((2, 2), np.uint8), Encoding())
    files = {w.partition(".")[0]: StoredFile(f"x.{w}", c) for w, c in ((what, content), label)}
    made = decode("x", files, ConditionSpec("label", num_classes=2, instance_edges=True))
    np.testing.assert_array_equal(made.instance, ids)
    assert made.instance.dtype == np.int32


def test_instance_maps_are_not_read_unless_wanted(trees, shard):
    made = shard(trees.cityscapes(), "Cityscapes", instances=True)
    mine = Shards(made.out)
    assert not mine.spec.instance_edges
    assert mine.read(mine.items("train")[0]).instance is None
    without = shard(made.layout.root, "Cityscapes", out="without")
    with pytest.raises(UserError, match="were made without instance maps"):
        assert Shards(without.out, instances=True).spec


def test_threads_and_copies_read_the_same(trees, shard):
    made = shard(trees.spade(count=9), "SpadeFolders", SPADE)
    mine = Shards(made.out)
    items = mine.items("train")
    copy = pickle.loads(pickle.dumps(mine))
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(copy.read, items * 3))
    for sample, item in zip(read, made.layout.items("train") * 3, strict=True):
        assert_equal(sample, made.layout.read(item))


def test_a_folder_of_shards_is_recognised(trees, shard):
    assert recognise(shard(trees.spade(), "SpadeFolders", SPADE).out) is Shards


def test_a_checkpoint_carries_how_labels_are_read(trees, shard, tmp_path):
    made = shard(trees.spade(), "SpadeFolders", {"num_classes": 3, "label_values": {0: 0, 1: 1, 2: 2}})
    source = Shards(made.out).source
    elsewhere = Shards(tmp_path / "not there", source=source)
    assert elsewhere.labels.values == {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize("name", ["cityscapes", "coco_stuff"])
def test_real_samples(shared_dir: Path, shard, name):
    root = shared_dir / "data" / name
    if name == "cityscapes":
        made = shard(root, "Cityscapes", instances=True, shard_mb=8)
    else:
        made = shard(
            root, "SpadeFolders", {"num_classes": 182, "has_unknown": True}, instances=True, shard_mb=1
        )
    assert made.summary.splits[0].shards > 1
    assert_same_data(made.out, made.layout)


def test_an_image_with_orientation_is_stored_as_it_is(trees, shard):
    root = trees.folders(count=2)
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(root / "B/0.jpg") as photo, Image.open(root / "A/0.png") as condition:
        photo.load(), condition.load()
        photo.save(root / "B/0.jpg", exif=exif)
        condition.save(root / "A/0.png", exif=exif)
    made = shard(root, "TwoFolders", {"condition": "image"})
    assert_same_data(made.out, made.layout)
    assert dataclasses.is_dataclass(made.summary)


def open_shards(folder: Path) -> int:
    """How many of this process's open files lie in a folder."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(os.readlink(entry))
    return sum(link.startswith(str(folder)) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them")
class TestOpenFiles:
    def test_they_are_closed_with_their_reader(self, trees, shard):
        made = shard(trees.spade(), "SpadeFolders", SPADE)
        for _ in range(3):
            layout = Shards(made.out)
            for item in layout.items("train"):
                layout.read(item)
            assert open_shards(made.out) == len(list(made.out.glob("train-*.tar"))) > 1
            copy = pickle.loads(pickle.dumps(layout))
            copy.read(copy.items("train")[0])
            assert open_shards(made.out) == len(list(made.out.glob("train-*.tar"))) + 1
            del layout, copy, item
            gc.collect()
            assert open_shards(made.out) == 0

    def test_a_forked_process_gives_back_its_copies(self, trees, shard):
        made = shard(trees.spade(), "SpadeFolders", SPADE)
        layout = Shards(made.out)
        first, *_, last = layout.items("train")
        expected = layout.read(last)
        layout.read(first)
        child = os.fork()
        if not child:  # whatever happens, this process must not go on with the tests
            code = 1
            with contextlib.suppress(BaseException):
                assert open_shards(made.out) == 0
                assert_equal(layout.read(last), expected)
                assert open_shards(made.out) == 1
                code = 0
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert open_shards(made.out) == 2
        assert_equal(layout.read(last), expected)

    def test_a_forked_process_waits_for_no_lock_of_a_thread_that_it_has_not(self, trees, shard):
        reader = ShardReader(LocalStore(shard(trees.spade(), "SpadeFolders", SPADE).out))
        with reader._lock:  # as another thread of the parent
            reader.begin_anew()
            assert reader._lock.acquire(blocking=False)


def test_an_index_may_be_large(trees, shard):
    made = shard(trees.spade(), "SpadeFolders", SPADE)
    index = made.out / "index.json"
    index.write_text(index.read_text() + " " * 2**20)
    assert len(Shards(made.out).items("train")) == 4


def test_stored_ids_are_looked_at_before_they_are_made_narrow():
    for array in (np.array([[0, 300]], np.uint16), np.array([[-1, 0]], np.int32)):
        name, content = encode_array("label", array, Encoding(arrays=True))
        stored = {"label": StoredFile(f"train-000000.tar/a.{name}", content)}
        with pytest.raises(UserError, match=r"train-000000\.tar/a\.label.* holds label values"):
            decode("a", stored, ConditionSpec(num_classes=3))


def test_a_check_looks_for_no_split_that_was_not_made(trees, shard):
    made = shard(trees.spade(), "SpadeFolders", SPADE, splits=["train", "val"])
    report = check_dataset(Shards(made.out))
    assert report.ok and [split.split for split in report.splits] == ["train", "val"]
