"""Writing shards: interrupted, repeated, changed, onto a full disk; and shards on disk that are damaged."""

from __future__ import annotations

import errno
import json
import os
from functools import partial
from pathlib import Path

import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset
from asap_lightning.data.layouts import Shards
from asap_lightning.data.shards import tar as tar_module
from asap_lightning.data.shards import writer
from asap_lightning.data.shards.members import Encoding
from asap_lightning.errors import UserError

SPADE = {"num_classes": 3}


def kept(made) -> list[int]:
    return [split.kept for split in made.summary.splits]


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.glob("*.tar")}


def test_a_finished_call_is_repeated_without_writing(trees, shard):
    root = trees.spade(count=6)
    first = shard(root, "SpadeFolders", SPADE)
    before = times(first.out)
    second = shard(root, "SpadeFolders", SPADE)
    assert kept(first) == [0, 0, 0]
    assert kept(second) == [split.shards for split in second.summary.splits]
    assert times(second.out) == before


def test_an_interrupted_call_goes_on(trees, shard, monkeypatch):
    root = trees.spade(count=6)
    whole = shard(root, "SpadeFolders", SPADE, out="whole")
    original, calls = tar_module.atomic_write, []

    def stopping(path, *arguments):
        calls.append(path.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tar_module, "atomic_write", stopping)
        with pytest.raises(KeyboardInterrupt):
            shard(root, "SpadeFolders", SPADE)
    out = whole.out.parent / "shards"
    assert len(list(out.glob("*.tar"))) == 2 and not (out / "index.json").exists()
    with pytest.raises(UserError, match=r"asap data shard was interrupted there\. Repeat the same command"):
        Shards(out).items("train")
    (out / ".train-000002.tar.abc.tmp").write_bytes(b"half")  # what kill -9 leaves
    second = shard(root, "SpadeFolders", SPADE)
    assert kept(second)[0] == 2
    assert (second.out / "index.json").read_bytes() == (whole.out / "index.json").read_bytes()
    assert sorted(p.name for p in second.out.iterdir() if not p.name.endswith(".tar")) == [
        ".lock",
        "index.json",
    ]


def test_a_damaged_shard_is_rewritten_and_a_changed_pair_too(trees, shard):
    root = trees.spade(count=6)
    first = shard(root, "SpadeFolders", SPADE)
    shards = first.summary.splits[0].shards
    path = first.out / "train-000001.tar"
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    assert kept(shard(root, "SpadeFolders", SPADE))[0] == shards - 1
    trees.photo(root / "train_img/000.jpg")
    assert kept(shard(root, "SpadeFolders", SPADE))[0] == shards - 1
    for folder in root.glob("train_*"):
        for path in sorted(folder.iterdir())[-3:]:
            path.unlink()
    fewer = shard(root, "SpadeFolders", SPADE)
    named = {f"train-{number:06d}.tar" for number in range(fewer.summary.splits[0].shards)}
    assert {path.name for path in first.out.glob("train-*.tar")} == named, (
        "those no longer needed are removed"
    )


def test_processes_write_the_same_as_one(trees, shard):
    root = trees.spade(count=5)
    alone = shard(root, "SpadeFolders", SPADE, out="alone")
    several = shard(root, "SpadeFolders", SPADE, out="several", workers=2)
    assert (alone.out / "index.json").read_bytes() == (several.out / "index.json").read_bytes()


def test_shards_made_in_another_way_are_not_mixed(trees, shard, tmp_path):
    root = trees.spade()
    shard(root, "SpadeFolders", SPADE)
    with pytest.raises(
        UserError, match=r"made in another way: stored was files, is arrays\. Choose another folder"
    ):
        shard(root, "SpadeFolders", SPADE, encoding=Encoding(arrays=True))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/train-000000.tar").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"tar files that are no shards"):
        shard(root, "SpadeFolders", SPADE, out="mine")
    assert (tmp_path / "mine/train-000000.tar").read_bytes() == b"mine"


def test_two_calls_at_once(trees, shard, tmp_path):
    (tmp_path / "shards").mkdir()
    with writer.FileLock(tmp_path / "shards/.lock"), pytest.raises(UserError, match="is writing there"):
        shard(trees.spade(), "SpadeFolders", SPADE)


@pytest.mark.parametrize("check", [True, False])
def test_a_bad_file_is_named_before_it_gets_into_a_shard(trees, shard, check):
    root = trees.spade(count=6)
    (root / "train_img/004.jpg").write_bytes(b"no picture")
    if not check:
        shard(root, "SpadeFolders", SPADE, encoding=Encoding(check=False))
        return
    with pytest.raises(UserError, match=r"004\.jpg is not an image"):
        shard(root, "SpadeFolders", SPADE)
    trees.photo(root / "train_img/004.jpg")
    assert kept(shard(root, "SpadeFolders", SPADE))[0] >= 1


def test_a_full_disk(trees, shard, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tar_module.tarfile.TarFile, "addfile", full)
    with pytest.raises(UserError, match=r"No space left on device\. Free some space"):
        shard(trees.spade(), "SpadeFolders", SPADE)


def test_a_missing_split_says_how_to_leave_it_out(trees, shard):
    with pytest.raises(UserError, match=r"--splits train val"):
        shard(trees.cityscapes({"train": 1, "val": 1}), "Cityscapes")
    made = shard(trees.root, "Cityscapes", splits=("train", "val"))
    with pytest.raises(UserError, match="have no split 'test', only train, val: make it too"):
        Shards(made.out).items("test")


@pytest.fixture
def made(trees, shard):
    return shard(trees.spade(count=6), "SpadeFolders", SPADE)


def test_a_byte_that_changed_on_disk_is_noticed(made):
    path = made.out / "train-000001.tar"
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    report = check_dataset(Shards(made.out), splits=("train",))
    (problem,) = report.problems
    assert f"{path} is damaged: the checksum" in problem.text and "rewrites what is damaged" in problem.text


def test_a_truncated_and_a_missing_shard(made):
    layout = Shards(made.out)
    items = layout.items("train")
    (made.out / "train-000000.tar").write_bytes((made.out / "train-000000.tar").read_bytes()[:-512])
    with pytest.raises(
        UserError, match=r"train-000000\.tar has \d+ bytes, index\.json says \d+: it is truncated"
    ):
        layout.read(items[0])
    (made.out / items[-1].shard.name).unlink()
    with pytest.raises(UserError, match=r"train-\d+\.tar is missing, though index\.json lists it"):
        layout.read(items[-1])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda node: node | {"version": 2}, "has version 2; this program reads version 1"),
        (lambda node: node | {"format": "other"}, "is no index of shards"),
        (lambda node: {k: v for k, v in node.items() if k != "splits"}, "is damaged: KeyError 'splits'"),
    ],
)
def test_an_index_of_another_kind(made, change, expected):
    path = made.out / "index.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(UserError, match=expected):
        Shards(made.out).items("train")


def test_an_index_that_was_cut_off_or_is_not_there(made, tmp_path):
    path = made.out / "index.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(UserError, match=r"index\.json is not JSON"):
        Shards(made.out).items("train")
    path.unlink()
    with pytest.raises(UserError, match=r"has no index\.json, which says what the shards hold"):
        Shards(made.out).items("train")
    with pytest.raises(UserError, match="there is no such folder"):
        Shards(tmp_path / "nowhere").items("train")


def test_workers_report_a_damaged_shard(made):
    path = made.out / "train-000001.tar"
    path.write_bytes(path.read_bytes()[:-1])
    data = PairedDataModule(made.out, partial(Shards, window=1), 8, 8, num_workers=2)
    with pytest.raises(UserError, match=r"train-000001\.tar has"):
        list(data.train_dataloader())


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"window": 0}, "data.layout.window=0"), ({"cache_gb": 0}, "data.layout.cache_gb=0")],
)
def test_options_out_of_range(tmp_path, options, expected):
    with pytest.raises(UserError, match=expected):
        Shards(tmp_path, **options)
