"""SinGAN's checkpoint file: written and read back, and what else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.run_folder.names import LAST
from asap_lightning.singan.checkpoint import ENTRY, Pyramid, Scale, find, read_pyramid, write_pyramid
from asap_lightning.singan.networks import ScaleGenerator


def scale(height: int = 8, width: int = 9, **changes: Any) -> Scale:
    whole: Any = {
        "arguments": {"width": 2, "layers": 2},
        "state_dict": ScaleGenerator(width=2, layers=2).state_dict(),
        "fixed_noise": torch.zeros(1, 3, height + 4, width + 4),
        "noise_amp": 0.1,
        "real": torch.ones(1, 3, height, width),
        **changes,
    }
    return whole


def entry(*scales: Any, **changes: Any) -> dict[str, Any]:
    return {ENTRY: {**Pyramid((), 0.75, 3).as_dict(), "scales": list(scales), **changes}}


def test_a_pyramid_comes_back_as_it_was(tmp_path: Path) -> None:
    before = Pyramid((scale(), scale(10, 12, noise_amp=0.2)), 0.8, 3, "animation")
    write_pyramid(before, tmp_path / "pyramid.ckpt")
    pyramid = read_pyramid(tmp_path / "pyramid.ckpt")
    assert [scale["noise_amp"] for scale in pyramid.scales] == [0.1, 0.2]
    assert (pyramid.factor, pyramid.count, pyramid.task, pyramid.finished) == (0.8, 3, "animation", False)
    generator = pyramid.generator(1)
    assert generator is pyramid.generator(1) and not generator.training
    for name, value in generator.state_dict().items():
        assert torch.equal(value, before.scales[1]["state_dict"][name])


def test_format_1_holds_the_scales_alone(tmp_path: Path) -> None:
    scales = [scale(24, 33), scale(32, 44)]
    torch.save({ENTRY: {"format": 1, "version": "0.1", "scales": scales}}, tmp_path / "old.ckpt")
    pyramid = read_pyramid(tmp_path / "old.ckpt")
    assert (pyramid.count, pyramid.task, pyramid.finished) == (2, "generate", True)
    assert 23 / 32 < pyramid.factor <= 24 / 32


def test_a_run_stands_for_its_last_checkpoint(tmp_path: Path) -> None:
    write_pyramid(Pyramid((scale(),), 0.8, 1), tmp_path / "run" / LAST)
    assert find(tmp_path / "run") == tmp_path / "run" / LAST
    assert find(tmp_path / "run" / LAST) == tmp_path / "run" / LAST
    with pytest.raises(UserError, match=r"holds no checkpoints.last\.ckpt"):
        find(tmp_path)
    with pytest.raises(UserError, match="there is no checkpoint"):
        find(tmp_path / "absent.ckpt")


NAN = torch.full((1, 3, 8, 9), float("nan"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is no checkpoint of SinGAN"),
        ({ENTRY: {"format": 1, "scales": 3}}, "is no checkpoint of SinGAN"),
        ({ENTRY: {"format": 3, "scales": []}}, "checkpoint format 3; this version reads 1 and 2"),
        ({ENTRY: {"format": 1, "scales": []}}, "holds no scale"),
        ({ENTRY: {"format": 1, "scales": [scale(), scale(80, 9)]}}, "no pyramid of one image"),
        (entry(scale(), {"real": 1}), "scale 1 lacks arguments, fixed_noise"),
        (entry("x"), "scale 0 lacks arguments"),
        (entry(*[scale()] * 65), "65 scales; at most 64"),
        (entry(scale(), scale(7, 9)), "do not grow"),
        (entry(scale(), factor=1.5), "factor is 1.5"),
        (entry(scale(), scale(), count=1), "count is 1 with 2 scales"),
        (entry(scale(), task="x"), "task is 'x'"),
        (entry(scale(noise_amp=float("nan"))), "noise_amp is nan"),
        (entry(scale(real=torch.ones(1, 1, 8, 9))), "real is float32 of 1 x 1 x 8 x 9"),
        (entry(scale(real=NAN)), "real holds NaN"),
        (entry(scale(fixed_noise=torch.zeros(1, 3, 8, 9))), "1 x 3 x 12 x 13 was expected"),
        (entry(scale(arguments={"width": 2, "layers": 10_000})), "layers is 10000"),
        (entry(scale(arguments={"width": 2, "layers": 1})), "cannot be built"),
        (entry(scale(arguments={"width": 3, "layers": 2})), "the file is damaged"),
        (entry(scale(arguments={"width": 2, "layers": 3})), "does not fit the arguments"),
        (entry(scale(arguments={"width": 2, "colour": 3})), "arguments.colour is 3"),
        (entry(scale(state_dict=[])), "not two mappings"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=message):
        read_pyramid(tmp_path / "other.ckpt")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = scale()
    broken["state_dict"]["network.last.bias"][1] = float("inf")
    torch.save(entry(broken), tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=r"network\.last\.bias holds NaN or infinite"):
        read_pyramid(tmp_path / "other.ckpt")
