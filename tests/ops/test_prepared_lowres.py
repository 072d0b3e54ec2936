"""The prepared low-res stream against plain convolutions in double precision."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from asap_lightning.ops import native
from asap_lightning.ops.prepared_lowres import ConvLayer, prepare_lowres, prepared_bytes

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
FAST = ["torch", pytest.param("native", marks=needs_native)]


def make_stream(widths, strides, parameters, seed=0):
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for (inputs, outputs), stride in zip(pairwise(widths), strides, strict=True):
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator) / (9 * inputs) ** 0.5
        gamma, beta = (
            torch.rand(outputs, generator=generator) + 0.5,
            torch.randn(outputs, generator=generator),
        )
        layers.append(ConvLayer(weight, gamma, beta, stride, 1e-5))
    weight = torch.randn(parameters, widths[-1], 1, 1, generator=generator) / widths[-1] ** 0.5
    return layers, weight, torch.randn(parameters, generator=generator)


def plain_stream(layers, weight, bias, image, zero_padding):
    features = image.double()
    for layer in layers:
        padded = F.pad(features, (1, 1, 1, 1), mode="constant" if zero_padding else "reflect")
        features = F.conv2d(padded, layer.weight.double(), stride=layer.stride)
        features = F.instance_norm(
            features, weight=layer.gamma.double(), bias=layer.beta.double(), eps=layer.eps
        ).relu()
    return F.conv2d(features, weight.double(), bias.double())


@pytest.mark.parametrize("backend", FAST)
@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 2),
    rows=st.integers(2, 7),
    columns=st.integers(2, 7),
    widths=st.lists(st.sampled_from([1, 3, 8, 16, 24, 40, 70]), min_size=2, max_size=5),
    downs=st.integers(0, 2),
    parameters=st.integers(1, 90),
    winograd=st.sampled_from([0, 2, 4]),
    zero_padding=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_agrees_with_plain_convolutions(
    backend, batch, rows, columns, widths, downs, parameters, winograd, zero_padding, seed
):
    downs = min(downs, len(widths) - 1)
    strides = [1] * (len(widths) - 1 - downs) + [2] * downs
    random.Random(seed).shuffle(strides)
    factor = 2 ** strides.count(2)
    layers, weight, bias = make_stream(widths, strides, parameters, seed)
    image = torch.randn(batch, widths[0], rows * factor, columns * factor)
    stream = prepare_lowres(
        layers, weight, bias, zero_padding=zero_padding, winograd=winograd, least_channels=1, backend=backend
    )
    expected = plain_stream(layers, weight, bias, image, zero_padding)
    tolerance = 1e-3 if winograd == 4 else 2e-4
    for _ in range(2):  # the second run finds a used workspace
        found = stream(image)
        assert found.shape == expected.shape
        assert found.permute(0, 2, 3, 1).is_contiguous()
        torch.testing.assert_close(
            found.double(), expected, rtol=0, atol=tolerance * expected.abs().max().item()
        )


@pytest.mark.parametrize("backend", FAST)
def test_one_stream_serves_several_sizes(backend):
    layers, weight, bias = make_stream([5, 64, 64, 128, 128], [1, 2, 2, 1], 100)
    stream = prepare_lowres(layers, weight, bias, backend=backend)
    for size in ((32, 16), (8, 8), (64, 32), (8, 24)):
        image = torch.randn(1, 5, *size)
        expected = plain_stream(layers, weight, bias, image, False)
        torch.testing.assert_close(stream(image).double(), expected, rtol=0, atol=1e-4)


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("winograd", [0, 2])
def test_sums_and_rows_longer_than_the_cache(threads, winograd):
    # 320 terms are cut into runs and parts, outputs into groups of panels, 5 images into chunks of rows
    layers, weight, bias = make_stream([6, 320, 300], [1, 1], 700)
    image = torch.randn(5, 6, 16, 16)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        stream = prepare_lowres(layers, weight, bias, winograd=winograd, least_channels=32, backend="native")
        found = stream(image)
    finally:
        torch.set_num_threads(before)
    expected = plain_stream(layers, weight, bias, image, False)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=3e-5)


@needs_native
def test_layers_are_timed():
    layers, weight, bias = make_stream([3, 8, 8], [2, 1], 5)
    stream = prepare_lowres(layers, weight, bias, backend="native")
    assert stream.layer_seconds() == [(0, 0)] * 3
    stream(torch.randn(1, 3, 8, 8))
    assert all(wall > 0 and cpu >= 0 for wall, cpu in stream.layer_seconds())
    stream.free()
    with pytest.raises(RuntimeError, match="was freed"):
        stream.layer_seconds()


@pytest.mark.parametrize("backend", FAST)
def test_winograd_is_no_less_exact_than_the_direct_convolution(backend):
    layers, weight, bias = make_stream([256, 256, 256, 256], [1, 1, 1], 64)
    image = torch.randn(1, 256, 16, 16)
    expected = plain_stream(layers, weight, bias, image, False)
    errors = [
        (prepare_lowres(layers, weight, bias, winograd=m, backend=backend)(image) - expected)
        .abs()
        .max()
        .item()
        for m in (0, 2, 4)
    ]
    assert errors[1] <= 4 * errors[0]
    assert errors[2] <= 100 * errors[0]


@pytest.mark.parametrize("backend", FAST)
def test_memory_is_stated_and_freed(backend):
    layers, weight, bias = make_stream([128, 128, 128], [1, 1], 64)
    stream = prepare_lowres(layers, weight, bias, backend=backend)
    assert stream.memory >= prepared_bytes(layers, weight, 2)
    stream.free()
    assert stream.memory == 0
    with pytest.raises(RuntimeError, match="was freed"):
        stream(torch.randn(1, 128, 8, 8))
    stream.free()


@needs_native
def test_bad_input():
    layers, weight, bias = make_stream([3, 8, 8], [2, 1], 5)
    stream = prepare_lowres(layers, weight, bias, backend="native")
    with pytest.raises(ValueError, match="takes 3 channels, got 4"):
        stream(torch.randn(1, 4, 8, 8))
    with pytest.raises(ValueError, match="multiples of 2"):
        stream(torch.randn(1, 3, 8, 9))
    with pytest.raises(ValueError, match="at least 2 x 2 tiles"):
        stream(torch.randn(1, 3, 2, 8))
    with pytest.raises(ValueError, match="winograd must be 0, 2 or 4"):
        prepare_lowres(layers, weight, bias, winograd=3)
    assert stream(torch.randn(0, 3, 8, 8)).shape == (0, 5, 4, 4)
