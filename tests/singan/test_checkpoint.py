"""SinGAN's checkpoint file: written and read back, and what else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.checkpoint import ENTRY, Scale, read_pyramid, write_pyramid

SCALE: Scale = {
    "arguments": {"width": 2},
    "state_dict": {"weight": torch.arange(3.0)},
    "fixed_noise": torch.zeros(1, 3, 4, 5),
    "noise_amp": 0.1,
    "real": torch.ones(1, 3, 4, 5),
}


def test_a_pyramid_comes_back_as_it_was(tmp_path: Path) -> None:
    write_pyramid([SCALE, {**SCALE, "noise_amp": 0.2}], tmp_path / "pyramid.ckpt")
    scales = read_pyramid(tmp_path / "pyramid.ckpt")
    assert [scale["noise_amp"] for scale in scales] == [0.1, 0.2]
    assert torch.equal(scales[0]["state_dict"]["weight"], torch.arange(3.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is no checkpoint of SinGAN"),
        ({ENTRY: {"format": 1, "scales": 3}}, "is no checkpoint of SinGAN"),
        ({ENTRY: {"format": 2, "scales": []}}, "checkpoint format 2; this version reads 1"),
        ({ENTRY: {"format": 1, "scales": [SCALE, {"real": 1}]}}, "scale 1 lacks arguments, fixed_noise"),
        ({ENTRY: {"format": 1, "scales": ["x"]}}, "scale 0 lacks arguments"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=message):
        read_pyramid(tmp_path / "other.ckpt")
