"""Zip files that are larger than they look, or hold other things than they say; texts and YAML likewise."""

from __future__ import annotations

import struct
import zipfile

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.interop.options import read_options
from asap_lightning.reports.runs import read_run
from asap_lightning.reports.sweep_jobs import read_sweep
from asap_lightning.untrusted import load_torch, read_json, read_yaml

pytestmark = pytest.mark.usefixtures("canary", "bounded")


@pytest.fixture
def parts(tmp_path):
    """The members of a valid file."""
    torch.save({"w": torch.zeros(1000)}, tmp_path / "valid.pt")
    with zipfile.ZipFile(tmp_path / "valid.pt") as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def refused(path, match):
    with pytest.raises(UserError, match=match):
        load_torch(path)
    with pytest.raises(UserError, match=match):
        Translator(path)


def test_compressed_members(tmp_path, parts):
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        with archive.open("archive/data/1", "w") as file:
            for _ in range(64):
                file.write(bytes(2**20))
    refused(path, "compressed")


def test_members_that_say_they_are_larger_than_the_file(tmp_path, parts):
    path = tmp_path / "liar.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        for info in archive.infolist():
            if info.filename.endswith("/data/0"):
                info.file_size = info.compress_size = 10 * 2**30
    refused(path, "larger than the file|damaged")


def test_members_that_share_their_bytes(tmp_path, parts):
    path = tmp_path / "overlap.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        (storage,) = (info for info in archive.infolist() if info.filename.endswith("/data/0"))
        for number in range(100):
            twin = zipfile.ZipInfo(f"archive/data/x{number}")
            twin.header_offset, twin.CRC = storage.header_offset, storage.CRC
            twin.file_size = twin.compress_size = storage.file_size
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
    refused(path, "larger than the file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice(tmp_path, parts):
    path = tmp_path / "twice.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*parts.items(), *parts.items()]:
            archive.writestr(name, content)
    refused(path, "occurs twice")


def test_names_that_lead_outside_are_never_paths(tmp_path, parts):
    path = tmp_path / "outside.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.writestr("../canary", b"dead")
        archive.writestr(f"{tmp_path}/canary", b"dead")
    assert load_torch(path)["w"].shape == (1000,)


def test_a_tensor_with_another_checksum(tmp_path, parts):
    path = tmp_path / "valid.pt"
    content = bytearray(path.read_bytes())
    content[content.index(bytes(2000)) + 1000] ^= 1
    path.write_bytes(content)
    refused(path, "CRC")


def test_two_archives_in_one(tmp_path, parts):
    path = tmp_path / "two.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
            archive.writestr(name.replace("valid", "other").replace("archive", "other"), content)
    refused(path, "zip archive of other files")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 500 + "]" * 500,
        "1" * 5000,
        '{"a": 1',
        "\ufeff{}",
        "nonsense",
    ],
)
def test_json(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError, match=str(path)):
        read_json(path)
    with pytest.raises(UserError, match=str(path)):
        read_options(path)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
)
YAML = {
    "a tag": "!!python/object/apply:os.system ['rm ../canary']",
    "a class": "x: !!python/name:os.system",
    "a billion laughs": LAUGHS,
    "merge keys": "a: &a {x: 1}\nb: &b {<<: [*a, *a, *a]}\n",
    "itself": "&a [*a]",
    "deep": "[" * 5000,
    "rather deep": "[" * 250 + "]" * 250,
    "no date": "x: 2020-99-99",
    "a list as key": "? [1, 2]\n: 3",
    "not text": None,
}


@pytest.mark.parametrize("name", YAML)
def test_yaml(tmp_path, name):
    run = tmp_path / "sweep" / "0"
    (run / ".hydra").mkdir(parents=True)
    content = b"\xff\xfe\x00" if YAML[name] is None else YAML[name].encode()
    (run / "metrics.csv").write_text("step,val/psnr\n1,2\n")
    (run / "config.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"config\.yaml"):
        read_run(run)
    (run / ".hydra" / "overrides.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"overrides\.yaml"):
        read_sweep(tmp_path / "sweep")


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_texts_larger_than_any(tmp_path, read):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)  # sparse
    with pytest.raises(UserError, match="more than"):
        read(path)


TABLES = {
    "an odd digit": "step,a\n²,1\n",
    "a step of 5000 digits": "step,a\n" + "9" * 5000 + ",1\n",
    "a cell without end": 'step,a\n"' + "x" * 200_000 + "\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_metrics(tmp_path, name):
    (tmp_path / "metrics.csv").write_text(TABLES[name])
    with pytest.raises(UserError, match=r"metrics\.csv"):
        read_run(tmp_path)


def test_the_directory_says_another_size_than_the_member(tmp_path, parts):
    path = tmp_path / "valid.pt"
    content = bytearray(path.read_bytes())
    name = next(name for name in parts if name.endswith("/data/0")).encode()
    place = content.rindex(name)  # in the central directory: sizes lie 26 and 22 bytes before the name
    struct.pack_into("<II", content, place - 26, 100, 100)
    path.write_bytes(content)
    refused(path, "damaged")
