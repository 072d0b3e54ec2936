"""Run in a process of its own with TRITON_INTERPRET=1: the Triton kernels against the reference."""

from __future__ import annotations

import os
import sys

os.environ["TRITON_INTERPRET"] = "1"

import torch

from asap_lightning import ops
from asap_lightning.ops.layout import MlpLayout

CASES = [
    dict(tile=8, width=64, depth=5, classes=13),
    dict(tile=4, width=16, depth=3, classes=5, channels=2),
    dict(tile=2, width=20, depth=2, channels=3, encoding=False, outputs=1),
    dict(tile=1, width=8, depth=4, classes=2),
    dict(tile=16, width=33, depth=4, classes=35, channels=1, outputs=18, slope=0.2),
]
TOLERANCE = {torch.float32: 2e-5, torch.float16: 8e-3}


def compare(dtype, *, tile, width, depth, classes=0, channels=0, encoding=True, outputs=3, slope=0.01):
    layout = MlpLayout(tile, width, depth, classes, channels, outputs, encoding, slope)
    phi = (torch.randn(2, layout.parameters, 2, 1) / (2 + width) ** 0.5).to(dtype)
    size = (2, 2 * tile, tile)
    label = torch.randint(0, classes, size, dtype=torch.uint8) if classes else None
    image = torch.randn(2, channels, *size[1:]).to(dtype) if channels else None
    weights = torch.randn(2, outputs, *size[1:]).to(dtype) * 1e-2
    results = []
    for backend, kind in (("reference", torch.float64), ("triton", dtype)):
        inputs = [tensor.to(kind).requires_grad_() for tensor in (phi, image) if tensor is not None]
        result = ops.pixelwise_mlp(
            inputs[0], label=label, image=inputs[1] if channels else None, tile=tile, width=width,
            depth=depth, num_classes=classes, out_channels=outputs, positional_encoding=encoding,
            negative_slope=slope, backend=backend,
        )  # fmt: skip
        gradients = torch.autograd.grad(result, inputs, weights.to(kind))
        results.append([result, *gradients])
    for expected, found in zip(*results, strict=True):
        assert found.dtype == dtype
        # in the mean: where rounding moves a hidden value over zero, one pixel's gradient is another
        error = (expected - found.double()).norm() / expected.norm()
        assert error < 5 * TOLERANCE[dtype], f"error {error:.2e} in {dtype} for {layout}"


def compare_pooling():
    for s1, classes, size, ids in ((2, 5, (2, 8, 12), torch.uint8), (4, 35, (1, 16, 8), torch.int64)):
        label = torch.randint(0, classes, size).to(ids)
        for dtype in (torch.float32, torch.float16):
            expected = ops.class_pool(label, num_classes=classes, s1=s1, backend="reference")
            found = ops.class_pool(
                label.mT.contiguous().mT, num_classes=classes, s1=s1, dtype=dtype, backend="triton"
            )
            assert found.dtype == dtype
            assert torch.equal(found, expected.to(dtype)), (s1, classes, dtype)


def main():
    torch.manual_seed(0)
    compare_pooling()
    for dtype in TOLERANCE:
        for case in CASES:
            compare(dtype, **case)
    bad = torch.zeros(1, 4, 4, dtype=torch.int64)
    bad[0, 1, 1] = 7
    layout = MlpLayout(4, 16, 3, 5)
    try:
        ops.pixelwise_mlp(
            torch.zeros(1, layout.parameters, 1, 1), label=bad, tile=4, width=16, depth=3, num_classes=5,
            backend="triton",
        )  # fmt: skip
    except ValueError as error:
        assert "label ids must lie in [0, 5), found 0..7" in str(error)
    else:
        raise AssertionError("a label outside the classes must be refused")


if __name__ == "__main__":
    sys.exit(main())
