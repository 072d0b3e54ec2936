"""Every metric of the catalogue on images that nobody expects: a finite score, or none and the reason.

A new metric is among them by being in the catalogue. Networks are small stand-ins whose layers need 5 pixels
a side, as real ones need some.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.metrics import MetricSuite, Results, pairs_of
from asap_lightning.metrics.catalogue import CATALOGUE
from asap_lightning.metrics.features import networks, torchvision_networks
from asap_lightning.metrics.segmentation import Protocol, class_map
from asap_lightning.models.segmenters import Segmenter

FEATURES, LEAST = 16, 5
Batches = list[tuple[Tensor, Tensor]]


def layers(channels: int) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, channels, LEAST), nn.Tanh())


class Described(networks.Resized):
    """Pooled features at the images' own size; the stages are those before the pooling."""

    def __init__(self) -> None:
        net = layers(FEATURES)
        super().__init__(nn.Sequential(net, nn.AdaptiveAvgPool2d(1), nn.Flatten()), FEATURES, None)
        self.before = net

    def stages(self, images) -> list[Tensor]:
        return [images.features(self._stage)]

    def _stage(self, pixels: Tensor) -> Tensor:
        return self.before(pixels.float() / 255)


class Distance(nn.Module):
    """In the place of LPIPS and DISTS."""

    def __init__(self) -> None:
        super().__init__()
        self.net = layers(4)

    def forward(self, a: Tensor, b: Tensor, normalize: bool = False) -> Tensor:
        return (self.net(a) - self.net(b)).square().flatten(1).mean(1)


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "EfficientNetFeatures", Described)
    monkeypatch.setattr(networks, "LOADERS", dict.fromkeys(networks.LOADERS, lambda bench: Described()))
    monkeypatch.setattr(torchvision_networks, "load_lpips", lambda name, bench: Distance())
    monkeypatch.setattr(torchvision_networks, "load_dists", lambda bench: Distance())
    monkeypatch.setattr(
        torchvision_networks, "load_inception_positions", lambda bench: lambda pixels: layers(4)(pixels / 255)
    )


def noise(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Pictures of different brightness."""
    random = torch.Generator().manual_seed(seed)
    levels = torch.rand(count, 3, 1, 1, generator=random)
    return (torch.rand(count, 3, height, width, generator=random) * levels) * 2 - 1


def pairs(count: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    return noise(count, height, width), noise(count, height, width, seed=1)


def with_nan() -> Batches:
    generated, photo = pairs(8, 32, 32)
    generated[3, 1, 2, 2] = torch.nan
    return [(generated, photo)]


def grey() -> Batches:
    return [tuple(image[:, :1].expand(-1, 3, -1, -1) for image in pairs(8, 32, 32))]


CASES: dict[str, Callable[[], Batches]] = {
    "eight": lambda: [pairs(8, 180, 180)],
    "more than features": lambda: [pairs(10, 20, 24), pairs(10, 20, 24)],
    "several sizes": lambda: [pairs(4, 40, 40), pairs(4, 24, 56)],
    "one of them too small": lambda: [pairs(7, 40, 40), pairs(1, 4, 60)],
    "three by three": lambda: [pairs(8, 3, 3)],
    "one pixel": lambda: [pairs(8, 1, 1)],
    "one row": lambda: [pairs(8, 1, 40)],
    "not finite": with_nan,
    "grey": grey,
    "one colour": lambda: [(torch.zeros(8, 3, 32, 32), torch.zeros(8, 3, 32, 32))],
    "black and white": lambda: [(-torch.ones(8, 3, 32, 32), torch.ones(8, 3, 32, 32))],
    "the photos themselves": lambda: [(noise(8, 32, 32), noise(8, 32, 32))],
    "one": lambda: [pairs(1, 32, 32)],
    "none": lambda: [],
}


def labelled() -> Protocol:
    """A segmenter of three classes."""
    spec = ConditionSpec(num_classes=3)
    segmenter = Segmenter(nn.Sequential(nn.Conv2d(3, 3, 1)), 3, title="small")
    return Protocol(segmenter, class_map(spec, 3, title="small"))


def measured(key: str, batches: Batches) -> tuple[Results, list[dict[str, float | None]]]:
    suite, rows = MetricSuite([key], settings={"segmenter": labelled()}), []
    for index, (generated, photo) in enumerate(batches):
        label = torch.randint(3, (len(photo), *photo.shape[-2:]), generator=torch.Generator().manual_seed(2))
        names = [f"{index}_{number}" for number in range(len(photo))]
        for part in pairs_of(generated, photo, names, label=label):
            rows += suite.update(part)
    return suite.compute(), rows


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("key", CATALOGUE)
def test_a_score_is_finite_or_has_a_reason(key: str, case: str) -> None:
    results, rows = measured(key, CASES[case]())
    value = results.values[key]
    written = {"row": rows, "values": results.values, "details": results.details}
    json.dumps(written, allow_nan=False)  # refuses NaN and infinity
    if value is None:
        assert results.unavailable[key].reason.strip()
    if case == "eight":
        assert value is not None, results.unavailable[key]
    if case == "not finite":
        assert value is None and (key == "ms_ssim" or "0_3" in results.unavailable[key].reason)
    if case == "none":
        assert value is None


SETS = [key for key, metric in CATALOGUE.items() if metric.declaration.scope == "set"]


@pytest.mark.parametrize("key", [key for key in SETS if "photo" in CATALOGUE[key].declaration.needs])
def test_too_small_an_image_is_named_with_its_size(key: str) -> None:
    results, _ = measured(key, CASES["one of them too small"]())
    if "miou" in key or "pixel" in key:  # the segmenter takes any size
        assert results.values[key] is not None
        return
    reason = results.unavailable[key].reason
    assert reason.startswith("the network cannot take 1 image of 60 x 4 (width x height; 1_0): ")


def test_fewer_images_than_features_are_warned_of_with_both_numbers() -> None:
    results, _ = measured("fd_custom", CASES["eight"]())
    assert [warning for warning in results.warnings if "8 images for 16 features" in warning]
    assert not measured("fd_custom", CASES["more than features"]())[0].warnings


def test_others_are_computed_where_one_network_refuses() -> None:
    suite = MetricSuite(["psnr", "fd_custom", "fw_iou"], settings={"segmenter": labelled()})
    label = torch.zeros(3, 3, 3, dtype=torch.long)
    for part in pairs_of(*pairs(3, 3, 3), ["a", "b", "c"], label=label):
        suite.update(part)
    found = suite.compute()
    assert [key for key, value in found.values.items() if value is None] == ["fd_custom"]


@pytest.fixture
def own_network(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Callable[..., MetricSuite]]:
    """The real loader of one's own network."""
    monkeypatch.undo()

    def make(**node) -> MetricSuite:
        net = layers(FEATURES)
        torch.save(net.state_dict(), tmp_path / "net.pth")
        return MetricSuite(
            ["fd_custom"], settings={"custom": {"network": net, "weights": tmp_path / "net.pth", **node}}
        )

    return make


def test_a_size_that_ones_own_network_cannot_take_is_refused_at_once(own_network) -> None:
    with pytest.raises(UserError, match=r"evaluation.custom.size=4: the network cannot take .* 4 x 4"):
        own_network(size=4)
    suite = own_network()
    for part in pairs_of(*pairs(3, 4, 9), ["a", "b", "c"]):
        suite.update(part)
    assert "3 images of 9 x 4" in suite.compute().unavailable["fd_custom"].reason
