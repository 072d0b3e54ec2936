"""What was written is read back; spoiled banks are refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.segments import bank_files as files
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.regions import regions_of
from asap_lightning.segments.writer import BankWriter
from banks import FRAME, SPEC, draw_label, draw_photo


def test_segments_come_back_as_they_were_cut(bank: Bank) -> None:
    by_place = {
        (bank.images[int(row["image"])], int(row["class_id"]), bank.box(number)): number
        for number, row in enumerate(bank.table)
    }
    met = 0
    for seed in range(12):
        label, photo = draw_label(seed), draw_photo(seed)
        for region in regions_of(label, 4, min_area=4):
            segment = bank.segment(by_place[f"train/{seed}", region.class_id, region.box])
            np.testing.assert_array_equal(segment.region.mask, region.mask)
            expected = np.where(region.mask[..., None], photo[region.window], 0)
            np.testing.assert_array_equal(segment.colours, expected)
            assert segment.image == f"train/{seed}" and segment.region.area == region.area
            met += 1
    assert met == len(bank) == sum(len(bank.of_class(one)) for one in range(4))
    bank.verify()


def test_a_pickled_bank_opens_its_files_again(bank: Bank) -> None:
    content = pickle.dumps(bank)
    assert len(content) < 1000
    np.testing.assert_array_equal(pickle.loads(content).table, bank.table)


def test_a_bank_without_segments_is_not_written(tmp_path: Path) -> None:
    writer = BankWriter(tmp_path / "bank", SPEC, FRAME, min_area=3000)
    writer.add("train/0", draw_label(0), draw_photo(0), [])
    with pytest.raises(UserError, match="lower --min-area"):
        writer.finish("drawn", np.zeros((5, 3), np.uint8))


def changed(folder: Path, change: Callable[[dict], None]) -> Path:
    path = folder / files.INDEX
    node = json.loads(path.read_text())
    change(node)
    path.write_text(json.dumps(node))
    return folder


def resealed(folder: Path, name: str, content: bytes) -> Path:
    """Another content under a checksum and size that fit."""
    (folder / name).write_bytes(content)

    def change(node: dict) -> None:
        node["files"][name] = {"bytes": len(content), "sha256": sha256_of(folder / name)}

    return changed(folder, change)


def test_another_version_and_other_files_are_refused(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="version 2; this program reads version 1"):
        Bank(changed(copied, lambda node: node.update(version=2)))
    with pytest.raises(UserError, match="no index of a memory bank"):
        Bank(changed(copied, lambda node: node.update(format="other")))
    with pytest.raises(UserError, match=r"there is no bank\.json"):
        Bank(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        Bank(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change",
    [
        lambda node: node.pop("spec"),
        lambda node: node.update(height=3),
        lambda node: node.update(width=10**9),
        lambda node: node.update(segments=-1),
        lambda node: node.update(segments=node["segments"] + 1),
        lambda node: node.update(segments=True),
        lambda node: node.update(min_area=10**12),
        lambda node: node.update(min_thickness=0),
        lambda node: node.update(join=[99]),
        lambda node: node.update(join="01"),
        lambda node: node.update(palette=[[0, 0, 0]]),
        lambda node: node.update(palette=[[0, 0, 300]] * 5),
        lambda node: node.update(palette=7),
        lambda node: node.update(source=["x"]),
        lambda node: node["spec"].update(kind="depth", channels=1),
        lambda node: node["spec"].update(num_classes=10**9),
        lambda node: node["files"].pop(files.MASKS),
        lambda node: node["files"][files.MASKS].update(sha256="ab"),
        lambda node: node["files"][files.MASKS].update(bytes=-5),
        lambda node: node["files"].update({files.MASKS: 3}),
    ],
)
def test_an_impossible_index_is_refused(copied: Path, change: Callable[[dict], None]) -> None:
    with pytest.raises(UserError, match=r"bank\.json is damaged"):
        Bank(changed(copied, change))


@pytest.mark.parametrize("name", files.FILES)
def test_truncated_and_missing_files_are_refused(copied: Path, name: str) -> None:
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:-1])
    with pytest.raises(UserError, match=rf"{name} is damaged: it has .* bytes, the index says"):
        Bank(copied)
    (copied / name).unlink()
    with pytest.raises(UserError, match="there is no such file"):
        Bank(copied)


@pytest.mark.parametrize("name", files.FILES)
def test_a_flipped_bit_is_found(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(UserError, match="checksum"):
        Bank(copied).verify()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("class_id", 4),
        ("image", 12),
        ("bottom", FRAME[0] + 1),
        ("right", 65_535),
        ("bottom", 0),
        ("area", 0),
        ("area", 2**32 - 1),
        ("mask_at", 2**63),
        ("mask_at", 2**64 - 1),
        ("colour_at", 2**40),
    ],
)
def test_rows_that_lead_elsewhere_are_refused(copied: Path, column: str, value: int) -> None:
    table = np.fromfile(copied / files.TABLE, files.ROW)
    table[-1][column] = value
    resealed(copied, files.TABLE, table.tobytes())
    with pytest.raises(UserError, match="of its rows are impossible"):
        Bank(copied)


def test_a_table_out_of_order_is_refused(copied: Path) -> None:
    table = np.fromfile(copied / files.TABLE, files.ROW)
    resealed(copied, files.TABLE, table[::-1].tobytes())
    with pytest.raises(UserError, match="the classes of its rows"):
        Bank(copied)


def test_a_mask_of_another_area_is_refused_when_it_is_read(copied: Path) -> None:
    size = (copied / files.MASKS).stat().st_size
    resealed(copied, files.MASKS, bytes(size))
    with pytest.raises(UserError, match="the mask of segment 0 has another area"):
        Bank(copied).segment(0)


@pytest.mark.parametrize("content", [b"[]", b"{}", b"[1]", b"not json", b'["' + b"a" * 50])
def test_names_that_are_none_are_refused(copied: Path, content: bytes) -> None:
    resealed(copied, files.IMAGES, content)
    with pytest.raises(UserError, match=r"images\.json"):
        Bank(copied)


def test_banks_serve_their_own_classes_alone(bank: Bank) -> None:
    bank.require_classes(SPEC, "the model")
    bank.require_classes(replace(SPEC, class_names=(), instance_edges=True), "the model")
    for other, said in (
        (replace(SPEC, num_classes=5), "5 label channels, the model has 6"),
        (replace(SPEC, has_unknown=False), "the model has 4 label channels"),
        (replace(SPEC, class_names=("sky", "wall", "gate", "car")), "class 2 is 'door' there, and 'gate'"),
        (replace(SPEC, kind="image", channels=3), "the model has image"),
    ):
        with pytest.raises(UserError, match=said):
            bank.require_classes(other, "the model")
