"""Networks that describe images, with random weights in local files: they are read, missing ones are said."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from asap_lightning.errors import UserError
from asap_lightning.metrics import Images, MetricSuite, Pairs
from asap_lightning.metrics.features.kinds import CUSTOM, DINOV2, INCEPTION
from asap_lightning.metrics.features.networks import INCEPTION_FILE
from asap_lightning.metrics.features.resizing import clean_resized, resized
from asap_lightning.metrics.metric import Bench

IMAGES = Images(list("ab"), torch.randint(0, 256, (2, 3, 40, 56), dtype=torch.uint8))


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 5, 3))


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("small") / "small.pth"
    torch.save(small().state_dict(), path)
    return str(path)


def custom(**node) -> Bench:
    return Bench({"custom": node})


def test_any_layer_of_any_network(small_file: str) -> None:
    seen = (IMAGES.unit - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / 0.25
    with torch.no_grad():
        first, last = small()[:2](seen).mean((2, 3)), small()(seen).mean((2, 3))
    normal = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.25, 0.25], "weights": small_file}
    whole = CUSTOM.load(custom(network=small(), **normal))
    inner = CUSTOM.load(custom(network=small(), layer="1", **normal))
    torch.testing.assert_close(whole(IMAGES), last)
    torch.testing.assert_close(inner(IMAGES), first)
    assert (whole.dimension, inner.dimension) == (5, 8)
    small_images = CUSTOM.load(custom(network=small(), size=20, **normal))
    assert small_images(IMAGES).shape == (2, 5)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 4))
    path = Path(small_file).with_name("flat.pth")
    torch.save(network.state_dict(), path)
    flat = CUSTOM.load(custom(network=network, size=4, weights=str(path)))
    assert flat(IMAGES).shape == (2, 4)


def test_a_network_of_ones_own_needs_itself_its_file_and_its_layer(small_file: str, tmp_path: Path) -> None:
    for node, expected in (
        ({}, "need evaluation.custom.network"),
        ({"network": small()}, "and evaluation.custom.weights=FILE"),
        ({"network": 3, "weights": small_file}, "evaluation.custom.network made a int"),
        ({"network": small(), "weights": str(tmp_path / "no.pth")}, "no.pth: there is no such file"),
        (
            {"network": small()[:1], "weights": small_file},
            "small.pth does not hold the weights of Sequential",
        ),
        ({"network": small(), "weights": small_file, "layer": "9"}, "layer=9: the network has no such layer"),
    ):
        with pytest.raises(UserError, match=expected):
            CUSTOM.load(custom(**node))


class Pictures(Dataset):
    """Pictures as torch-fidelity takes them."""

    def __init__(self, pixels: torch.Tensor) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.pixels[index]


def test_inceptions_kernel_distance_is_torch_fidelitys(tmp_path: Path) -> None:
    fidelity = pytest.importorskip("torch_fidelity")
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(0)
    bare = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    load, torch.load = torch.load, lambda *args, **options: {}
    loads, nn.Module.load_state_dict = nn.Module.load_state_dict, lambda self, state: None
    try:
        bare.__init__("random", ["2048"], feature_extractor_weights_path="none")
    finally:
        torch.load, nn.Module.load_state_dict = load, loads
    path = tmp_path / "inception.pth"
    torch.save(bare.state_dict(), path)
    generated = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    photo = (generated // 2 + 60).to(torch.uint8)
    suite = MetricSuite(["kid"], settings={"weights": {"inception": str(path)}})
    suite.update(Pairs(Images(list("abcd"), generated), Images(list("abcd"), photo)))
    theirs = fidelity.calculate_metrics(
        input1=Pictures(generated),
        input2=Pictures(photo),
        kid=True,
        kid_subsets=2,
        kid_subset_size=4,
        cuda=False,
        cache=False,
        verbose=False,
        feature_extractor_weights_path=str(path),
        batch_size=4,
        save_cpu_ram=True,
    )
    assert suite.compute().values["kid"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)
    clean = INCEPTION.load(Bench({"resize": "clean", "weights": {"inception": str(path)}}))
    assert clean(IMAGES).shape == (2, 2048)
    torch.save({"fc.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="does not hold the weights of FID's Inception network"):
        INCEPTION.load(Bench({"weights": {"inception": str(path)}}))


def test_dinov2_by_name_from_a_local_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    shallow = partial(timm.create_model, depth=1, embed_dim=12, num_heads=2)
    monkeypatch.setattr(timm, "create_model", shallow)
    name = "vit_small_patch14_dinov2.lvd142m"
    torch.save(shallow(name, pretrained=False, num_classes=0).state_dict(), tmp_path / "dino.pth")
    network = DINOV2.load(Bench({"dinov2": name, "weights": {"dinov2": str(tmp_path / "dino.pth")}}))
    assert network.dimension == 12 and network(IMAGES).shape == (2, 12)
    with pytest.raises(UserError, match=r"evaluation\.dinov2=vit_huge: one of vit_base_patch14_dinov2"):
        DINOV2.load(Bench({"dinov2": "vit_huge"}))


def test_missing_weights_name_the_file_and_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    suite = MetricSuite(["fid", "kid", "fd_dinov2", "coverage_dinov2"])
    assert suite.available == ()
    place = str(tmp_path / "hub" / "checkpoints")
    for key, why in suite.unavailable.items():
        assert place in why.reason and place in why.command
        setting = "dinov2" if "dinov2" in key else "inception"
        assert f"evaluation.weights.{setting}=FILE" in why.reason
    assert suite.unavailable["fid"].command.endswith(INCEPTION_FILE)
    assert "pretrained=True" in suite.unavailable["fd_dinov2"].command


def test_an_unknown_way_of_resizing_is_refused(small_file: str) -> None:
    with pytest.raises(UserError, match=r"evaluation\.resize=tidy: one of standard, clean"):
        CUSTOM.load(Bench({"resize": "tidy", "custom": {"network": small(), "weights": small_file}}))


def test_clean_resizing_is_pillows_and_keeps_flat_colours() -> None:
    flat = torch.full((1, 3, 40, 30), 77, dtype=torch.uint8)
    for resize in (resized, clean_resized):
        torch.testing.assert_close(resize(flat, 13), torch.full((1, 3, 13, 13), 77.0), rtol=0, atol=1e-3)
        assert resize(IMAGES.pixels, 16).shape == (2, 3, 16, 16)
        assert resize(IMAGES.pixels, 99).min() >= 0 and resize(IMAGES.pixels, 99).max() <= 255
    # Both antialias: a fine checkerboard becomes grey.
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2 * 255).to(torch.uint8).expand(1, 3, 64, 64)
    for resize in (resized, clean_resized):
        torch.testing.assert_close(resize(board, 8), torch.full((1, 3, 8, 8), 127.5), rtol=0, atol=3)
