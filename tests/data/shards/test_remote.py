"""Shards at an address: every one fetched once, whatever the network does."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import fsspec
import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import Shards
from asap_lightning.data.shards import cache as cache_module
from asap_lightning.data.shards import remote
from asap_lightning.errors import UserError


@pytest.fixture
def made(trees, shard):
    """Nine pairs in shards of about 20 kB: several requests each."""
    made = shard(trees.spade(count=9), "SpadeFolders", {"num_classes": 3}, shard_mb=0.012)
    assert made.summary.splits[0].shards >= 3
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def read_all(url: str, folder: Path, split="train", **options) -> list:
    layout = Shards(url, cache=folder, **options)
    return [layout.read(item) for item in layout.items(split)]


def assert_right(samples, made) -> None:
    originals = [made.layout.read(item) for item in made.layout.items("train")]
    assert [sample.name for sample in samples] == [sample.name for sample in originals]
    for one, other in zip(samples, originals, strict=True):
        assert (one.photo == other.photo).all() and (one.label == other.label).all()


@pytest.mark.parametrize("ranges", [True, False])
def test_shards_are_fetched_once_and_kept(made, serve, folder, ranges):
    server = serve(made.out)
    server.ranges = ranges
    assert_right(read_all(server.url, folder), made)
    asked = len(server.shards_asked())
    assert asked >= len(set(server.shards_asked())) == made.summary.splits[0].shards
    assert_right(read_all(server.url, folder), made)
    assert len(server.shards_asked()) == asked
    assert not list(folder.glob("*.part"))


def test_a_lost_connection_costs_one_piece(made, serve, folder):
    server = serve(made.out)
    size = (made.out / "train-000000.tar").stat().st_size
    server.drop_after = [4096, 100]
    assert_right(read_all(server.url, folder), made)
    ranges = [asked for path, asked in server.asked if path == "train-000000.tar"]
    assert ranges.count("bytes=4096-8191") == 2, "the piece that broke off is asked for again"
    assert len(ranges) == -(-size // 4096) + 1


def test_an_interrupted_download_is_continued_by_the_next_process(made, serve, folder):
    server = serve(made.out)
    server.drop_after = [4096, 4096, 10, 10, 10]
    with pytest.raises(
        UserError, match=r"train-000000\.tar cannot be read, after 3 tries: ClientPayloadError"
    ):
        read_all(server.url, folder)
    (part,) = folder.glob("*.part")
    assert part.stat().st_size == 8192
    server.asked.clear()
    assert_right(read_all(server.url, folder), made)
    assert "bytes=0-4095" not in [asked for path, asked in server.asked if path == "train-000000.tar"]


def test_a_busy_server_is_asked_again(made, serve, folder, caplog):
    server = serve(made.out)
    server.busy = 2
    assert_right(read_all(server.url, folder), made)
    assert "trying again" in caplog.text


def test_a_shard_that_arrives_damaged_is_fetched_once_more(made, serve, folder, caplog):
    server = serve(made.out)
    server.ranges, server.spoil = False, {"train-000001.tar"}
    assert_right(read_all(server.url, folder), made)
    assert "train-000001.tar arrived damaged" in caplog.text


def test_a_shard_that_is_damaged_there_is_named(made, serve, folder):
    content = bytearray((made.out / "train-000001.tar").read_bytes())
    content[700] ^= 255
    (made.out / "train-000001.tar").write_bytes(content)
    server = serve(made.out)
    with pytest.raises(
        UserError, match=r"http://\S+/train-000001\.tar is damaged: its SHA-256 .* repeat asap data"
    ):
        read_all(server.url, folder)
    assert not list(folder.glob("*.part"))


def test_a_copy_that_went_bad_is_fetched_anew(made, serve, folder):
    server = serve(made.out)
    read_all(server.url, folder)
    for copy in folder.glob("*.tar"):
        content = bytearray(copy.read_bytes())
        content[600] ^= 255
        copy.write_bytes(content)
    assert_right(read_all(server.url, folder), made)


def test_missing_files_are_named(made, serve, folder):
    server = serve(made.out)
    (made.out / "train-000001.tar").unlink()
    with pytest.raises(UserError, match=r"train-000001\.tar is missing, though index\.json lists it"):
        read_all(server.url, folder)
    (made.out / "index.json").unlink()
    with pytest.raises(UserError, match=r"data\.root=http://\S+: there is no index\.json"):
        read_all(server.url, folder)


def test_a_truncated_shard_is_named(made, serve, folder):
    path = made.out / "train-000001.tar"
    path.write_bytes(path.read_bytes()[:-5000])
    server = serve(made.out)
    with pytest.raises(UserError, match=r"train-000001\.tar"):
        read_all(server.url, folder)


def test_a_server_that_is_not_there(serve, folder, tmp_path):
    with pytest.raises(UserError, match=r"cannot be read, after 3 tries: .* Is the server reachable"):
        Shards("http://127.0.0.1:9", cache=folder).items("train")


def test_memory_stands_for_s3(made, folder):
    fsspec.filesystem("memory").put(str(made.out), "/somewhere", recursive=True)
    assert_right(read_all("memory://somewhere/", folder), made)
    fsspec.filesystem("memory").rm("/somewhere/train-000002.tar")
    assert_right(read_all("memory://somewhere", folder), made)
    with pytest.raises(UserError, match=r"memory://nowhere: there is no index\.json"):
        read_all("memory://nowhere", folder)


def test_s3_without_its_library(monkeypatch, folder):
    def filesystem(protocol):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "filesystem", filesystem)
    with pytest.raises(UserError, match=r"s3:// needs the library s3fs.*pip install 'asap-lightning\[s3\]'"):
        Shards("s3://bucket/x", cache=folder).items("train")
    with pytest.raises(UserError, match="'gopher://' cannot be read here"):
        Shards("gopher://x", cache=folder).items("train")


def test_the_cache_is_bounded_and_the_oldest_goes_first(made, serve, folder):
    server = serve(made.out)
    sizes = [shard.size for shard in Shards(made.out).index.splits["train"]]
    room = sizes[0] + max(sizes[1:]) + 1
    layout = Shards(server.url, cache=folder, cache_gb=room / 1e9, window=1)
    for item in layout.items("train"):
        layout.read(item)
        assert sum(path.stat().st_size for path in folder.glob("*.tar")) <= room
    there = {path.stem for path in folder.glob("*.tar")}
    assert layout.index.splits["train"][-1].sha256 in there
    assert layout.index.splits["train"][0].sha256 not in there


def test_a_cache_that_is_too_small_is_refused(made, serve, folder):
    server = serve(made.out)
    with pytest.raises(UserError, match=r"cache_gb=4e-05 is too small.*data\.layout\.window=1"):
        read_all(server.url, folder, cache_gb=4e-5, window=3)


def test_workers_share_one_download(made, serve, folder):
    server = serve(made.out)
    layout = partial(Shards, cache=folder, window=2)
    data = PairedDataModule(server.url, layout, 8, 8, batch_size=1, num_workers=2)
    names = [name for batch in data.train_dataloader() for name in batch.names]
    assert sorted(names) == [f"{number:03d}" for number in range(9)]
    pieces = [piece for piece in server.asked if piece[0].endswith(".tar")]
    assert len(pieces) == len(set(pieces)), "no piece was asked for twice"


def test_a_bad_shard_in_a_worker_is_a_message(made, serve, folder):
    (made.out / "train-000001.tar").write_bytes(b"")
    data = PairedDataModule(serve(made.out).url, partial(Shards, cache=folder), 8, 8, num_workers=2)
    with pytest.raises(UserError, match=r"train-000001\.tar"):
        list(data.train_dataloader())


class _FullDisk:
    """Lets a few bytes through."""

    def __init__(self, file) -> None:
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def tell(self) -> int:
        return self.file.tell()

    def write(self, content: bytes) -> int:
        self.file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_in_the_cache(made, serve, folder, monkeypatch):
    server = serve(made.out)
    layout = Shards(server.url, cache=folder)
    items = layout.items("train")
    original = Path.open

    def full(path, *arguments, **options):
        file = original(path, *arguments, **options)
        return _FullDisk(file) if path.suffix == ".part" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(
            UserError, match=r"the disk of data\.layout\.cache=\S+ is full: no room for train-000000"
        ):
            layout.read(items[0])
    assert not list(folder.glob("*.part")), "nothing half-written stays on a full disk"
    assert layout.read(items[0]).name == "000"


def test_a_cache_folder_that_cannot_be_made(made, serve, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"data\.layout\.cache=\S+/file/cache cannot be used"):
        read_all(serve(made.out).url, tmp_path / "file" / "cache")


def test_defaults(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Shards("https://host/x").cache == tmp_path / "asap_lightning" / "shards"
    assert cache_module.default_folder().name == "shards"
    assert len(remote.PAUSES) >= 4
