import pytest
import torch
import torch.nn.functional as F
from torch import nn

import small
from asap_lightning import ops
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import HdrnetGenerator
from asap_lightning.models.hdrnet import CoefficientNetwork, CurveGuide, PointwiseGuide
from asap_lightning.models.hdrnet.coefficients import SameConv2d

RGB = ConditionSpec("image", channels=3)
SMALL = small.NETWORKS["HdrnetGenerator"]


def photos(height=20, width=37, batch=2):
    return Condition(image=torch.rand(batch, 3, height, width) * 2 - 1)


@pytest.mark.parametrize("side", [4, 5, 7, 8, 16])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_padding_is_tensorflows(side, stride):
    conv = SameConv2d(1, 1, 3, stride, side=side)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(1.0, 10).view(1, 1, 3, 3))
        conv.bias.zero_()
    image = torch.rand(1, 1, side, side)
    found = conv(image)
    made = -(-side // stride)
    before = max((made - 1) * stride + 3 - side, 0) // 2
    expected = torch.zeros(1, 1, made, made)
    for y in range(
        made
    ):  # the definition: tap (u, v) reads pixel (stride y + u - before, ..), if there is one
        for x in range(made):
            for u in range(3):
                for v in range(3):
                    row, column = stride * y + u - before, stride * x + v - before
                    if 0 <= row < side and 0 <= column < side:
                        expected[0, 0, y, x] += (3 * u + v + 1) * image[0, 0, row, column]
    assert torch.allclose(found, expected, atol=1e-5)


def test_published_sizes():
    network = HdrnetGenerator(RGB)
    assert [layer[0].out_channels for layer in network.coefficients.splat] == [8, 16, 32, 64]
    assert [layer[0].out_features for layer in network.coefficients.linear[:2]] == [256, 128]
    assert network.coefficients.linear[2].out_features == 64
    output = network(photos(64, 48))
    assert output.extras["grid"].shape == (2, 4, 3, 8, 16, 16)
    assert output.extras["guide"].shape == (2, 64, 48)


@pytest.mark.parametrize("size", [(1, 1), (20, 37), (33, 7)])
@pytest.mark.parametrize("guide", ["curves", "pointwise"])
def test_any_size_and_the_formula(size, guide):
    network = HdrnetGenerator(RGB, **SMALL, guide=guide).eval()
    given = photos(*size)
    output = network(given)
    pixels = (given.image + 1) / 2
    grid = network.coefficients(F.interpolate(pixels, size=(32, 32), mode="nearest"))
    expected = ops.bilateral_slice_apply(grid, network.guide(pixels), pixels, backend="reference") * 2 - 1
    assert torch.allclose(output.image, expected.clamp(-1, 1), atol=1e-4)


def test_the_image_is_clamped_only_in_evaluation():
    network = HdrnetGenerator(RGB, **SMALL)
    with torch.no_grad():
        network.coefficients.to_grid.bias.fill_(5)
        assert network.train()(photos()).image.max() > 1
        assert network.eval()(photos()).image.max() == 1


def test_a_transform_that_is_the_same_everywhere_is_learnt_by_the_last_bias():
    network = HdrnetGenerator(RGB, **SMALL).eval()
    transform = torch.tensor([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.1, 0.2, 0.3]])
    with torch.no_grad():
        network.coefficients.to_grid.weight.zero_()
        network.coefficients.to_grid.bias.copy_(transform[..., None].expand(4, 3, 2).flatten())
        given = photos()
        image = network(given).image
    expected = (given.image + 1) / 4 + transform[3].view(3, 1, 1)
    assert torch.allclose(image, expected * 2 - 1, atol=1e-3)


def test_curves_are_the_written_out_sum_and_begin_as_the_mean():
    guide = CurveGuide(3, points=5)
    image = torch.rand(2, 3, 4, 6)
    assert torch.allclose(guide(image), image.mean(1), atol=2e-3)
    with torch.no_grad():
        for parameter in guide.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        found = guide(image)
        pixel = image[1, :, 2, 3] @ guide.matrix + guide.offset
        total = guide.bias.clone()
        for c in range(3):
            for k in range(5):
                total += guide.mix[c] * guide.slopes[c, k] * max(pixel[c] - guide.shifts[c, k], 0)
    assert torch.allclose(guide(image), found, atol=1e-6)  # with gradients all rows at once
    assert found[1, 2, 3].item() == pytest.approx(total.clamp(0, 1).item(), abs=1e-6)


def test_curves_by_rows_are_those_of_all_rows(monkeypatch):
    guide, image = CurveGuide(3, points=5), torch.rand(2, 3, 7, 6)
    guide.slopes.data.normal_()
    monkeypatch.setattr("asap_lightning.models.hdrnet.guide.STRIP", 3 * 2 * 6 * 3)  # strips of 3 rows
    expected = guide.curved(image)
    with torch.no_grad():
        assert torch.allclose(guide.curved(image), expected, atol=1e-6)


def test_norms_replace_biases_except_in_the_first_and_last_layers():
    network = HdrnetGenerator(RGB, **SMALL, guide="pointwise", norm=nn.BatchNorm2d)
    coefficients = network.coefficients
    assert coefficients.splat[0][0].bias is not None and coefficients.splat[1][0].bias is None
    assert coefficients.linear[0][0].bias is None and coefficients.linear[2].bias is not None
    assert isinstance(network.guide, PointwiseGuide) and network.guide.layers[0].bias is None
    network(photos()).image.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_edges_go_to_the_coefficient_network_only():
    spec = ConditionSpec("image", channels=3, instance_edges=True)
    network = HdrnetGenerator(spec, **SMALL).eval()
    given = photos(32, 32)
    given.instance = torch.zeros(2, 32, 32, dtype=torch.int64)
    plain = network(given)
    given.instance[:, :, 16:] = 1
    edged = network(given)
    assert torch.equal(plain.extras["guide"], edged.extras["guide"])
    assert not torch.equal(plain.extras["grid"], edged.extras["grid"])


def test_a_retouching_is_learnt():
    torch.manual_seed(0)
    network = HdrnetGenerator(RGB, **SMALL)
    given = photos(24, 24, batch=4)
    target = (given.image * 0.6 + 0.2 * given.image.flip(1)).detach()
    losses = small.fitted_losses(network, given, target, rate=3e-3, steps=60)
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(size=100), "16 times a power of two"),
        (dict(size=16), "2 or more"),
        (dict(size=8), "16 times a power of two"),
        (dict(size=2048), "at most 1024"),
        (dict(depth=0), "depth and width_multiplier >= 1"),
        (dict(guide="none"), "curves or pointwise"),
        (dict(guide_points=0), "points >= 1"),
        (dict(backend="cuda"), "backend must be one of"),
    ],
)
def test_settings_that_make_no_network(settings, message):
    with pytest.raises(ValueError, match=message):
        HdrnetGenerator(RGB, **settings)


def test_a_small_copy_for_layers_of_another_size_is_an_error():
    with pytest.raises(RuntimeError):
        CoefficientNetwork(3, inputs=4, outputs=3, size=32, cells=4, depth=2)(torch.rand(1, 3, 64, 64))


def test_number_of_parameters_by_layer():
    with torch.device("meta"):
        network = HdrnetGenerator(RGB)

    def conv(inputs, outputs, kernel=3, bias=True):
        return kernel * kernel * inputs * outputs + bias * outputs

    splat = conv(3, 8) + conv(8, 16) + conv(16, 32) + conv(32, 64)
    local, summary = conv(64, 64) + conv(64, 64, bias=False), 2 * conv(64, 64)
    linear = conv(4 * 4 * 64, 256, 1) + conv(256, 128, 1) + conv(128, 64, 1)
    guide = 3 * 3 + 3 + 2 * 3 * 16 + 3 + 1
    expected = splat + local + summary + linear + conv(64, 8 * 12, 1) + guide
    assert sum(parameter.numel() for parameter in network.parameters()) == expected == 482_080
