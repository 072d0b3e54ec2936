"""Enlarging in strips equals `imresize`; on a torus nothing has a border."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.singan import enlarge as module
from asap_lightning.singan.enlarge import enlarge
from asap_lightning.singan.resize import imresize


@pytest.mark.parametrize(("size", "scale"), [((26, 33), 1 / 0.87447), ((40, 30), 2.0), ((7, 90), 1.26)])
@pytest.mark.parametrize("strip", [1, 1000, 1 << 21])
def test_it_is_imresize(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], scale: float, strip: int
) -> None:
    monkeypatch.setattr(module, "STRIP", strip)
    image = torch.randn(2, 3, *size)
    whole = imresize(image, scale)
    torch.testing.assert_close(enlarge(image, scale), whole, atol=1e-6, rtol=0)
    keep = (size[0] + 1, 200)
    torch.testing.assert_close(enlarge(image, scale, keep), whole[..., : keep[0], :200], atol=1e-6, rtol=0)


def test_on_a_torus_a_shift_is_a_shift() -> None:
    image = torch.randn(1, 3, 20, 24)
    plain = enlarge(image, 2, (40, 48), wrap=True)
    moved = enlarge(image.roll((3, 5), (2, 3)), 2, (40, 48), wrap=True)
    torch.testing.assert_close(moved, plain.roll((6, 10), (2, 3)), atol=1e-6, rtol=0)
    inside = imresize(image, 2)
    torch.testing.assert_close(plain[..., 4:-4, 4:-4], inside[..., 4:-4, 4:-4], atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="size of a torus"):
        enlarge(image, 2, wrap=True)
