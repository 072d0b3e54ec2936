"""Class maps: every backend against the tent filter over one-hot planes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asap_lightning import ops
from asap_lightning.ops import native

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
FAST = ["torch", pytest.param("native", marks=needs_native)]


@pytest.mark.parametrize("backend", FAST)
@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    s1=st.sampled_from([1, 2, 4, 6, 8]),
    classes=st.integers(1, 40),
    dtype=st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]),
    seed=st.integers(0, 1000),
)
def test_agrees_with_the_reference(backend, batch, rows, columns, s1, classes, dtype, seed):
    random = torch.Generator().manual_seed(seed)
    label = torch.randint(0, classes, (batch, rows * s1, columns * s1), generator=random).to(dtype)
    expected = ops.class_pool(label, num_classes=classes, s1=s1, dtype=torch.float64, backend="reference")
    found = ops.class_pool(label, num_classes=classes, s1=s1, backend=backend)
    assert found.is_contiguous()
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)
    if s1 & (s1 - 1) == 0:
        assert torch.equal(found.double(), expected), "power-of-two weights add without rounding"


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(backend, dtype):
    label = torch.randint(0, 5, (1, 16, 8))
    found = ops.class_pool(label, num_classes=5, s1=4, dtype=dtype, backend=backend)
    assert found.dtype == dtype
    expected = ops.class_pool(label, num_classes=5, s1=4, dtype=torch.float64, backend="reference")
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=torch.finfo(dtype).eps)


def test_tent_weights_by_hand():
    # one row of class 1 at column 4, S1 = 2: tent (1, 3, 3, 1)/8, place j sees columns 2j-1 .. 2j+2
    label = torch.zeros(1, 2, 8, dtype=torch.int64)
    label[:, :, 4] = 1
    plane = ops.class_pool(label, num_classes=2, s1=2, backend="torch")[0, 1, 0]
    torch.testing.assert_close(plane, torch.tensor([0, 1 / 8, 3 / 8, 0]))


@pytest.mark.parametrize("backend", FAST)
def test_planes_sum_to_one(backend):
    label = torch.randint(0, 35, (2, 32, 64), dtype=torch.uint8)
    total = ops.class_pool(label, num_classes=35, s1=4, backend=backend).sum(1)
    assert torch.equal(total, torch.ones_like(total))


@pytest.mark.parametrize("backend", FAST)
def test_strided_and_empty(backend):
    label = torch.randint(0, 3, (2, 8, 12))
    expected = ops.class_pool(label, num_classes=3, s1=2, backend=backend)
    strided = label.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(ops.class_pool(strided, num_classes=3, s1=2, backend=backend), expected)
    assert ops.class_pool(label[:0], num_classes=3, s1=2, backend=backend).shape == (0, 3, 4, 6)


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("s1", [1, 2])
def test_label_outside_the_classes(backend, s1):
    label = torch.zeros(1, 8, 8, dtype=torch.int32)
    label[0, 7, 7] = 4
    with pytest.raises(ValueError, match=r"label ids must lie in \[0, 4\), found"):
        ops.class_pool(label, num_classes=4, s1=s1, backend=backend)


@pytest.mark.parametrize(
    ("shape", "s1", "message"),
    [
        ((1, 8, 9), 2, "must divide"),
        ((1, 9, 9), 3, "1 or even"),
        ((8, 8), 2, r"must be \(B, H, W\)"),
    ],
)
def test_bad_arguments(shape, s1, message):
    with pytest.raises(ValueError, match=message):
        ops.class_pool(torch.zeros(shape, dtype=torch.int64), num_classes=2, s1=s1)
    with pytest.raises(TypeError, match="integer class ids"):
        ops.class_pool(torch.zeros(1, 8, 8), num_classes=2, s1=2)
