"""``asap data demo`` and ``asap data check``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import small


def test_demo_writes_what_was_asked_for_and_reuses_it(asap, tmp_path: Path) -> None:
    arguments = ["data", "demo", "out", "--count", 3, "--size", 32, "--seed", 5, "--workers", 1]
    assert "3 facades of 32 x 32: 3 drawn" in asap(*arguments).out
    assert sorted(path.name for path in (tmp_path / "out/base").glob("*.jpg")) == [
        f"cmp_b000{number}.jpg" for number in (1, 2, 3)
    ]
    assert "0 drawn, 3 were there already" in asap(*arguments).out


def test_demo_refuses_a_size_out_of_range(asap) -> None:
    shown = asap("data", "demo", "out", "--size", 8)
    assert shown.code == 2 and "32" in shown.err and "4096" in shown.err


def test_check_recognises_the_layout(asap, facades: Path) -> None:
    shown = asap("data", "check", facades)
    assert shown.code == 0, shown.out
    assert "no problems in 10 pairs" in shown.out and "window" in shown.out


def test_check_draws_a_picture(asap, facades: Path, tmp_path: Path) -> None:
    assert asap("data", "check", facades, "--picture", "some.png").code == 0
    with Image.open(tmp_path / "some.png") as picture:
        assert picture.width > 2 * 64 and picture.height > 2 * 64


def test_check_lists_problems_and_exits_with_1(asap, facades: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(facades, copy)
    (copy / "base/cmp_b0005.jpg").write_bytes(b"")
    shown = asap("data", "check", copy)
    assert shown.code == 1
    assert "1 problem:" in shown.out and "cmp_b0005.jpg is empty (0 bytes)" in shown.out


def test_check_with_overrides(asap, facades: Path) -> None:
    shown = asap("data", "check", facades, "data=demo", "data.layout.test_share=0.5")
    assert shown.code == 0 and "no problems in 10 pairs" in shown.out
    shown = asap("data", "check", facades, "data=demo", "data.layout.test_shar=0.5")
    assert shown.code == 2 and "Did you mean data.layout.test_share?" in shown.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["check", "nowhere"], "nowhere: there is no such folder"),
        (["check", "."], "looks like no data set that is known here; name its layout with data=NAME"),
        (["check", "nowhere", "data=cityscapes"], "data.root=nowhere: there is no such folder"),
    ],
)
def test_check_mistakes(asap, arguments: list[str], expected: str) -> None:
    shown = asap("data", *arguments)
    assert shown.code == 2 and expected in shown.err and "Traceback" not in shown.err


def test_training_draws_missing_demo_data(asap, tmp_path: Path) -> None:
    prepared = ["data.prepare.count=10", "data.prepare.size=64", "trainer.max_steps=1"]
    shown = asap("train", *small.TRAIN, *prepared)
    assert shown.code == 0, shown.err
    assert len(list((tmp_path / "data/demo/base").glob("*.jpg"))) == 10


def test_training_does_not_draw_into_a_mistyped_folder(train, tmp_path: Path) -> None:
    shown = train("data.root=typo", "trainer.max_steps=1")
    assert shown.code == 2 and "data.root=typo: there is no such folder" in shown.err
    assert not (tmp_path / "typo").exists()


def test_data_without_a_sub_command(asap) -> None:
    shown = asap("data")
    assert shown.code == 2 and "demo|check" in shown.err


def test_a_size_too_small_for_the_networks_is_one_line(train) -> None:
    shown = train("generator.s2=8", "data.height=8", "data.width=8", "trainer.max_steps=1")
    assert shown.code == 2 and "Traceback" not in shown.err
    assert "data.height=8 data.width=8 with data.batch_size=2 does not suit generator" in shown.err
    assert "use at least 16 x 16" in shown.err
