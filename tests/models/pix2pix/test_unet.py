import pytest
import torch
from torch import nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import UNetGenerator
from asap_lightning.models.layers import BatchStatisticsNorm2d
from asap_lightning.models.pix2pix import UNet

RGB = ConditionSpec("image", channels=3)


def image(size=64, batch=1):
    return Condition(image=torch.rand(batch, 3, size, size) * 2 - 1)


@pytest.mark.parametrize("depth", [2, 3, 5, 7])
def test_any_depth_reaches_one_pixel_and_comes_back(depth):
    network = UNet(3, depth=depth, width=2, norm=nn.InstanceNorm2d if depth < 3 else BatchStatisticsNorm2d)
    sizes = []
    network.down[-1].register_forward_hook(lambda *a: sizes.append(a[2].shape))
    assert network(torch.randn(2, 3, 2**depth, 2 ** (depth + 1))).shape == (2, 3, 2**depth, 2 ** (depth + 1))
    assert sizes[0][-2:] == (1, 2)
    assert sizes[0][1] == 2 * min(2 ** (depth - 1), 8)


def test_a_single_level_is_refused():
    with pytest.raises(ValueError, match="at least 2 levels"):
        UNet(3, depth=1)


def test_dropout_is_the_noise_at_test_time():
    given = image()
    noisy = UNetGenerator(RGB, depth=6, width=4).eval()
    quiet = UNetGenerator(RGB, depth=6, width=4, noise_at_test=False).eval()
    with torch.no_grad():
        assert not torch.equal(noisy(given).image, noisy(given).image)
        assert torch.equal(quiet(given).image, quiet(given).image)


def test_dropout_sits_on_levels_between_two_of_the_largest_width():
    network = UNet(3, depth=8, width=2)
    assert [level for level, stage in enumerate(network.up) if hasattr(stage, "dropout")] == [4, 5, 6]


def test_without_skips_the_decoder_sees_only_what_comes_from_below():
    plain = UNet(3, depth=4, width=2, skips=False, dropout=0.0)
    assert plain.up[0].conv.in_channels == 2 and UNet(3, depth=4, width=2).up[0].conv.in_channels == 4
    with torch.no_grad():
        plain.down[-1].conv.weight.zero_()
        a, b = plain.eval()(torch.randn(1, 3, 32, 32)), plain(torch.randn(1, 3, 32, 32))
    assert torch.equal(a, b)  # everything passes the innermost level


def test_statistics_of_the_test_batch():
    norm = BatchStatisticsNorm2d(3)
    x = torch.randn(1, 3, 8, 8) * 5 + 2
    norm.train()(torch.randn(4, 3, 8, 8))
    before = norm.running_mean.clone()
    found = norm.eval()(x)
    assert torch.allclose(found, nn.InstanceNorm2d(3)(x), atol=1e-5)
    assert torch.equal(norm.running_mean, before)
