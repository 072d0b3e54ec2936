"""Packed convolutions of a fixed network against plain ones in double precision."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from asap_lightning.ops import native
from asap_lightning.ops.fixed_convolution import FixedConvolution, can_run_fixed

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
pytestmark = needs_native


def made(outputs, inputs, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, 3, 3, generator=generator) / (9 * inputs) ** 0.5
    return weight, torch.randn(outputs, generator=generator), generator


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 13),
    width=st.integers(1, 40),
    inputs=st.sampled_from([16, 32, 80]),
    outputs=st.sampled_from([16, 48, 64, 112]),
    winograd=st.sampled_from([2, 4]),
    threads=st.sampled_from([1, 2, 7]),
    channels_last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients(batch, height, width, inputs, outputs, winograd, threads, channels_last, seed):
    weight, bias, generator = made(outputs, inputs, seed)
    image = torch.randn(batch, inputs, height, width, generator=generator)
    if channels_last:
        image = image.contiguous(memory_format=torch.channels_last)
    upstream = torch.randn(batch, outputs, height, width, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        image.requires_grad_()
        found = FixedConvolution(weight, bias, winograd=winograd)(image)
        found.backward(upstream)
    finally:
        torch.set_num_threads(before)
    tolerance = 1e-5 if winograd == 2 else 2e-4
    expected = F.conv2d(image.double(), weight.double(), bias.double(), padding=1).relu()
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)
    # the gate is what was computed: rounding may move a value over zero
    gated = upstream.double() * (found > 0)
    gradient = F.conv_transpose2d(gated, weight.double(), padding=1)
    torch.testing.assert_close(image.grad.double(), gradient, rtol=0, atol=3 * tolerance)


def test_error_is_no_larger_than_eagers():
    weight, bias, generator = made(256, 256)
    image = torch.randn(1, 256, 32, 32, generator=generator)
    exact = F.conv2d(image.double(), weight.double(), bias.double(), padding=1).relu()
    eager = (F.conv2d(image, weight, bias, padding=1).relu() - exact).norm()
    ours = (FixedConvolution(weight, bias)(image) - exact).norm()
    assert ours < 1.5 * eager


def test_not_a_number_passes_through():
    weight, bias, generator = made(16, 16)
    image = torch.randn(1, 16, 8, 8, generator=generator)
    image[0, 3, 4, 4] = float("nan")
    assert FixedConvolution(weight, bias)(image).isnan().any()


def test_an_empty_batch_and_wrong_channels():
    convolution = FixedConvolution(*made(16, 16)[:2])
    assert convolution(torch.empty(0, 16, 4, 4)).shape == (0, 16, 4, 4)
    with pytest.raises(ValueError, match="takes 16 channels, got 32"):
        convolution(torch.empty(1, 32, 4, 4))


def test_memory_is_stated():
    convolution = FixedConvolution(*made(64, 64)[:2])
    forward_only = convolution.memory
    assert forward_only >= 16 * 64 * 64 * 4
    image = torch.randn(1, 64, 4, 4, requires_grad=True)
    convolution(image).sum().backward()
    assert convolution.memory == pytest.approx(2 * forward_only, rel=0.01)


def test_what_is_left_to_torch():
    weight, _, _ = made(16, 16)
    image = torch.randn(1, 16, 4, 4)
    assert can_run_fixed(weight, image)
    assert not can_run_fixed(weight, image, "torch")
    assert not can_run_fixed(weight, image.double())
    assert not can_run_fixed(weight[:, :3], image[:, :3])
    assert not can_run_fixed(copy.deepcopy(weight).requires_grad_(), image)
    with torch.autocast("cpu", torch.bfloat16):
        assert not can_run_fixed(weight, image)
