"""Every backend against the reference, values and gradients, over a grid of shapes, dtypes and layouts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asap_lightning import ops
from asap_lightning.ops import native
from asap_lightning.ops.layout import MlpLayout

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
FAST = ["torch", pytest.param("native", marks=needs_native)]
LABEL_DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16]
TOLERANCE = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 4e-2, torch.float64: 1e-12}


@dataclass
class Case:
    """Inputs of one call."""

    phi: Tensor
    label: Tensor | None
    image: Tensor | None
    settings: dict

    def run(self, backend: str, dtype: torch.dtype, *, gradients: bool = False) -> list[Tensor]:
        phi = self.phi.to(dtype).requires_grad_(gradients)
        image = None if self.image is None else self.image.to(dtype).requires_grad_(gradients)
        result = ops.pixelwise_mlp(phi, label=self.label, image=image, backend=backend, **self.settings)
        if not gradients:
            return [result]
        inputs = [phi] if image is None else [phi, image]
        weights = torch.cos(torch.arange(result.numel(), dtype=torch.float64)).view_as(result)
        return [result, *torch.autograd.grad(result, inputs, weights.to(dtype))]


def make_case(
    *, batch=1, rows=2, columns=3, tile=4, width=8, depth=3, classes=3, channels=0, encoding=True,
    slope=0.01, outputs=3, label_dtype=torch.int64, seed=0,
) -> Case:  # fmt: skip
    random = torch.Generator().manual_seed(seed)
    layout = MlpLayout(tile, width, depth, classes, channels, outputs, encoding, slope)
    phi = torch.randn(batch, layout.parameters, rows, columns, generator=random) / (2 + width) ** 0.5
    size = (batch, rows * tile, columns * tile)
    label = torch.randint(0, classes, size, generator=random).to(label_dtype) if classes else None
    image = torch.randn(batch, channels, *size[1:], generator=random) if channels else None
    arguments = dict(
        tile=tile, width=width, depth=depth, num_classes=classes, out_channels=outputs,
        positional_encoding=encoding, negative_slope=slope,
    )  # fmt: skip
    return Case(phi.half().float(), label, None if image is None else image.half().float(), arguments)


@st.composite
def cases(draw) -> Case:
    classes = draw(st.integers(0, 40))
    return make_case(
        batch=draw(st.integers(1, 2)),
        rows=draw(st.integers(1, 3)),
        columns=draw(st.integers(1, 3)),
        tile=draw(st.sampled_from([1, 2, 4, 8, 16])),
        width=draw(st.sampled_from([1, 3, 8, 16, 17, 33, 64, 100, 128])),
        depth=draw(st.integers(2, 6)),
        classes=classes,
        channels=draw(st.integers(0 if classes else 1, 4)),
        encoding=draw(st.booleans()),
        slope=draw(st.sampled_from([0.0, 0.01, 0.2])),
        outputs=draw(st.sampled_from([1, 3, 4, 18])),
        label_dtype=draw(st.sampled_from(LABEL_DTYPES)),
        seed=draw(st.integers(0, 1000)),
    )


def assert_close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.isfinite().all()
        scale = max(1.0, other.abs().max().item())
        assert (one.double() - other.double()).abs().max().item() <= tolerance * scale


@pytest.mark.parametrize("backend", FAST)
@settings(max_examples=25, deadline=None)
@given(case=cases())
def test_values_and_gradients_agree_with_the_reference(backend, case):
    expected = case.run("reference", torch.float64, gradients=True)
    found = case.run(backend, torch.float32, gradients=True)
    assert_close(found[:1], expected[:1], TOLERANCE[torch.float32])
    # a hidden value within rounding of zero may take the other branch of the leaky ReLU
    assert_close(found[1:], expected[1:], 20 * TOLERANCE[torch.float32])


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_storage_only(backend, dtype):
    case = make_case(tile=8, width=64, depth=5, classes=13, channels=2)
    rounded = Case(case.phi.to(dtype).float(), case.label, case.image.to(dtype).float(), case.settings)
    found = case.run(backend, dtype, gradients=True)
    assert all(tensor.dtype == dtype for tensor in found)
    assert_close(found, rounded.run("reference", torch.float64, gradients=True), TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("channels", [0, 2])
def test_gradcheck(backend, channels):
    case = make_case(tile=2, rows=1, columns=2, width=3, depth=3, channels=channels, slope=0.2)
    inputs = [case.phi.double().requires_grad_()]
    if case.image is not None:
        inputs.append(case.image.double().requires_grad_())

    def function(phi, image=None):
        return ops.pixelwise_mlp(phi, label=case.label, image=image, backend=backend, **case.settings)

    assert torch.autograd.gradcheck(function, inputs)


def test_torch_agrees_with_the_reference_in_double_precision():
    case = make_case(tile=8, width=16, depth=5, classes=7, channels=3)
    found = case.run("torch", torch.float64, gradients=True)
    assert_close(found, case.run("reference", torch.float64, gradients=True), TOLERANCE[torch.float64])


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_hand_worked_pixel(backend):
    # y = tanh(2 leaky(x w + b) + 0.5), one pixel a tile, no encoding: phi = [b, w, 0.5, 2]
    phi = torch.tensor([[0.1, -1.0, 0.5, 2.0], [0.0, 3.0, 0.5, 2.0]]).T.reshape(1, 4, 1, 2)
    image = torch.tensor([0.3, 0.2]).reshape(1, 1, 1, 2)
    result = ops.pixelwise_mlp(
        phi, image=image, tile=1, width=1, depth=2, out_channels=1, negative_slope=0.5, backend=backend
    )
    expected = torch.tensor([2 * 0.5 * (0.1 - 0.3) + 0.5, 2 * 0.6 + 0.5]).tanh()
    torch.testing.assert_close(result.flatten(), expected)


@pytest.mark.parametrize("backend", FAST)
def test_shifting_by_whole_tiles_commutes(backend):
    case = make_case(tile=4, columns=4)
    moved = Case(case.phi.roll(1, 3), case.label.roll(4, 2), None, case.settings)
    expected = case.run(backend, torch.float32)[0].roll(4, 3)
    torch.testing.assert_close(moved.run(backend, torch.float32)[0], expected)


@pytest.mark.parametrize("backend", FAST)
def test_strided_inputs(backend):
    case = make_case(batch=2, tile=4, width=64, channels=2)
    expected = case.run(backend, torch.float32, gradients=True)
    strided = Case(
        torch.stack([case.phi, case.phi], -1)[..., 0],
        torch.stack([case.label, case.label], 1)[:, 1],
        case.image.contiguous(memory_format=torch.channels_last),
        case.settings,
    )
    assert_close(strided.run(backend, torch.float32, gradients=True), expected, 1e-6)
    case.phi = case.phi.contiguous(memory_format=torch.channels_last)
    assert_close(case.run(backend, torch.float32, gradients=True), expected, 1e-6)


@pytest.mark.parametrize("backend", FAST)
def test_nan_parameters_stay_in_their_tile(backend):
    case = make_case(tile=4, rows=1, columns=2, width=16)
    case.phi[..., 0] = torch.nan
    result = case.run(backend, torch.float32)[0]
    assert result[..., :4].isnan().all()
    assert result[..., 4:].isfinite().all()


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("bad", [-1, 3, 127])
def test_label_outside_the_classes(backend, bad):
    case = make_case(label_dtype=torch.int8)
    case.label[0, 3, 5] = bad
    with pytest.raises(ValueError, match=r"label ids must lie in \[0, 3\), found .*map the unknown class"):
        case.run(backend, torch.float32)


@pytest.mark.parametrize("backend", FAST)
def test_empty_batch_and_grid(backend):
    for sizes in (dict(batch=0), dict(rows=0)):
        case = make_case(channels=1, **sizes)
        found = case.run(backend, torch.float32, gradients=True)
        assert [t.numel() for t in found] == [0, 0, 0]
        assert found[0].shape == (case.phi.shape[0], 3, case.phi.shape[2] * 4, 12)


@pytest.mark.parametrize("backend", FAST)
def test_more_threads_than_tiles(backend):
    case = make_case(rows=1, columns=1, width=64)
    expected = case.run(backend, torch.float32, gradients=True)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(8)
        assert_close(case.run(backend, torch.float32, gradients=True), expected, 1e-6)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(tile=3), ValueError, "power of two"),
        (dict(tile=8), ValueError, r"phi must be \(B, \d+, H/S, W/S\)"),
        (dict(width=9), ValueError, "phi must be"),
        (dict(depth=1), ValueError, "depth >= 2"),
        (dict(negative_slope=-0.1), ValueError, "negative_slope >= 0"),
        (dict(backend="cuda"), ValueError, "backend must be one of"),
        (dict(label=None), ValueError, "needs a label map, an image, or both"),
        (dict(label=torch.zeros(1, 8, 11, dtype=torch.int64)), ValueError, "S must divide the image"),
        (dict(label=torch.zeros(1, 8, 12)), TypeError, "integer class ids"),
        (
            dict(image=torch.zeros(1, 1, 8, 12, dtype=torch.int32), width=7),
            (TypeError, ValueError),
            "image|phi",
        ),
    ],
)
def test_bad_arguments(change, error, message):
    case = make_case()
    arguments = dict(label=case.label, **case.settings) | change
    with pytest.raises(error, match=message):
        ops.pixelwise_mlp(case.phi, **arguments)


def test_wrong_dtype_of_phi():
    case = make_case()
    with pytest.raises(TypeError, match="phi must be float32"):
        ops.pixelwise_mlp(case.phi.int(), label=case.label, **case.settings)


@pytest.mark.parametrize(("name", "tile", "classes"), [("asap_facades", 8, 5), ("asap_cityscapes", 4, 7)])
@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_recordings(backend, name, tile, classes):
    path = Path(__file__).resolve().parents[3] / "shared" / "reference" / f"{name}.pt"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    recording = torch.load(path, weights_only=True)
    label = recording["inputs"]["label"][:, 0]
    image = ops.pixelwise_mlp(
        recording["outputs"]["phi"], label=label, tile=tile, width=16, depth=4, num_classes=classes,
        backend=backend,
    )  # fmt: skip
    torch.testing.assert_close(image, recording["outputs"]["image"], rtol=0, atol=1e-4)
    pooled = ops.class_pool(label, num_classes=classes, s1=2, backend=backend)
    expected = recording["outputs"]["lowres_input"][:, :classes]
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", FAST)
def test_tanh_is_exact_near_zero_and_far_from_it(backend):
    # an identity MLP: y = tanh(x), through both signs of the leaky ReLU with slope 1
    values = torch.cat([torch.logspace(-30, 2, 200), -torch.logspace(-30, 2, 200), torch.tensor([0.0, 1e30])])
    values = values.reshape(1, 1, 1, -1)
    phi = torch.tensor([0.0, 1.0, 0.0, 1.0]).reshape(1, 4, 1, 1).expand(1, 4, 1, values.shape[-1])
    found = ops.pixelwise_mlp(
        phi, image=values, tile=1, width=1, depth=2, out_channels=1, negative_slope=1.0, backend=backend
    )
    torch.testing.assert_close(found, values.double().tanh().float(), rtol=5e-7, atol=0)
