"""The native steps of small networks in training against the torch ones in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from asap_lightning.ops.native_library import load_failure
from asap_lightning.ops.patch import patch_kernels
from asap_lightning.ops.patch_native import NativePatch
from asap_lightning.ops.patch_steps import ConvBlock, Normed
from asap_lightning.ops.patch_torch import TorchPatch

pytestmark = pytest.mark.skipif(bool(load_failure()), reason=load_failure() or "-")
EXACT, NATIVE = TorchPatch(), NativePatch()


def laid(image, channels):
    """(B, C, H, W) as the native arrays lie; room that is not the channels' holds rubbish."""
    made = torch.full((*image.shape[:1], *image.shape[2:], channels), torch.nan)
    made[..., : image.shape[1]] = image.float().permute(0, 2, 3, 1)
    return made


def room(channels):
    return channels if channels <= 3 else -(-channels // 16) * 16


def near(found, expected, channels, tolerance):
    """The error's root mean square over that of what was expected."""
    found = found[..., :channels].permute(0, 3, 1, 2).double()
    assert found.shape == expected.shape
    assert (found - expected).square().mean().sqrt() <= tolerance * expected.square().mean().sqrt()


def lane_safe(array, channels):
    """As ``array``, with zeros up to whole vectors of any instruction set."""
    array[..., channels:] = 0
    return array


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(3, 16), (1, 20), (16, 16), (24, 40), (20, 64), (96, 33), (24, 3), (64, 1)]
)
@pytest.mark.parametrize("size", [(3, 3), (11, 26), (25, 17)])
def test_native_convolutions_and_their_gradients(inputs, outputs, size):
    torch.manual_seed(0)
    conv = nn.Conv2d(inputs, outputs, 3).requires_grad_(False)
    exact, native = EXACT.filters(copy.deepcopy(conv).double()), NATIVE.filters(conv)
    x = torch.randn(2, inputs, *size, dtype=torch.float64)
    y = EXACT.convolve(x, exact)
    array = lane_safe(laid(x, room(inputs)), inputs)
    near(NATIVE.convolve(array, native), y, outputs, 5e-6)
    g = torch.randn_like(y)
    of_result = lane_safe(laid(g, room(outputs)), outputs)
    expected = EXACT.image_gradient(g, exact, x)
    near(NATIVE.image_gradient(of_result, native, array), expected, inputs, 5e-6)
    sums, exact_sums = NATIVE.weight_sums(native), EXACT.weight_sums(exact)
    for _ in range(2):  # they add up
        NATIVE.add_weight_gradient(sums, array, of_result)
        EXACT.add_weight_gradient(exact_sums, x, g)
    found, expected = NATIVE.weight_gradient(sums).double(), EXACT.weight_gradient(exact_sums)
    assert (found - expected).square().mean() <= (1e-5) ** 2 * expected.square().mean()


def block_of(channels, slope=0.2):
    block = ConvBlock(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.LeakyReLU(slope))
    nn.init.normal_(block.norm.weight, 1.0, 0.5)
    nn.init.normal_(block.norm.bias)
    return block


@pytest.mark.parametrize("channels", [16, 24, 33])
@pytest.mark.parametrize("size", [(3, 5), (19, 23)])
def test_native_normalisation_and_the_steps_after_it(channels, size):
    torch.manual_seed(1)
    block = block_of(channels)
    precise = copy.deepcopy(block).double()
    z, upstream, g, tz = torch.randn(4, 2, channels, *size, dtype=torch.float64) + 0.3
    arrays = [lane_safe(laid(value, room(channels)), channels) for value in (z, upstream, g, tz)]
    x, exact = EXACT.normalize(z, precise)
    made, native = NATIVE.normalize(arrays[0], block)
    near(made, x, channels, 1e-6)
    for name, value in precise.norm.named_buffers():
        assert torch.allclose(getattr(block.norm, name).double(), value.double(), rtol=1e-5, atol=1e-6), name
    results, means = {}, {}
    for kernels, normed, (up, first, along) in (
        (EXACT, exact, (upstream, g, tz)),
        (NATIVE, native, arrays[1:]),
    ):
        back, reverse = kernels.reverse(normed, first)
        forth, tangent = kernels.tangent(normed, first, along)
        second, last = kernels.second(normed, up, first, along, reverse, tangent)
        results[kernels], means[kernels] = (back, forth, second), (reverse, tangent, last)
    for found, expected in zip(results[NATIVE], results[EXACT], strict=True):
        near(found, expected, channels, 1e-5)
    for found, expected in zip(means[NATIVE], means[EXACT], strict=True):
        assert torch.allclose(found[..., :channels].double(), expected, rtol=1e-4, atol=1e-5)
        assert not found[..., channels:].any()


def test_a_step_backwards_by_the_present_affine():
    block = block_of(16)
    for kernels, z in ((EXACT, torch.randn(1, 16, 5, 6)), (NATIVE, torch.randn(1, 5, 6, 16))):
        _, normed = kernels.normalize(z, block)
        before, _ = kernels.reverse(normed, torch.ones_like(z).cumsum(1))
        with torch.no_grad():
            block.norm.weight.mul_(3.0)
        after, _ = kernels.reverse(kernels.present(normed, block), torch.ones_like(z).cumsum(1))
        assert torch.allclose(after, 3 * before, rtol=1e-5)


def test_native_results_do_not_depend_on_the_number_of_threads():
    conv = nn.Conv2d(16, 32, 3).requires_grad_(False)
    x, z, before = torch.randn(2, 40, 33, 16), torch.randn(2, 38, 31, 32), torch.get_num_threads()
    made = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            filters = NATIVE.filters(conv)
            sums = NATIVE.weight_sums(filters)
            NATIVE.add_weight_gradient(sums, x, z)
            torch.manual_seed(0)
            block = block_of(32)
            normalized, normed = NATIVE.normalize(z, block)
            back, means = NATIVE.reverse(normed, z)
            found = (NATIVE.convolve(x, filters), NATIVE.weight_gradient(sums), normalized, back, means)
            made.append((*found, *block.norm.buffers()))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*made, strict=True))


def test_which_networks_run_natively(monkeypatch):
    monkeypatch.delenv("ASAP_BACKEND", raising=False)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 1, 3))
    assert isinstance(patch_kernels(network), NativePatch)
    assert isinstance(patch_kernels(network, backend="torch"), TorchPatch)
    others = (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 3)),
        nn.Sequential(nn.Conv2d(3, 8, 5), nn.Conv2d(8, 1, 5)),
        nn.Sequential(nn.Conv2d(3, 2, 3), nn.Conv2d(2, 1, 3)),
        nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 1, 3)),
        copy.deepcopy(network).double(),
    )
    for other in others:
        assert isinstance(patch_kernels(other), TorchPatch)
        with pytest.raises(ValueError, match="native backend cannot run patch networks"):
            patch_kernels(other, backend="native")
    with torch.autocast("cpu"):
        assert isinstance(patch_kernels(network), TorchPatch)


def test_part_of_a_batch():
    normed = Normed(*torch.randn(3, 4, 1), *torch.randn(3, 1), 0.2, 1, 1)
    assert torch.equal(normed.of(slice(1, 3)).z, normed.z[1:3]) and normed.of(slice(1)).gamma is normed.gamma
