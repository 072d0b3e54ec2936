"""Bilateral slicing: every backend against the reference, values and gradients, and against the recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asap_lightning import ops
from asap_lightning.ops import native

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
FAST = ["torch", pytest.param("native", marks=needs_native)]
TOLERANCE = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 4e-2, torch.float64: 1e-12}


@dataclass
class Case:
    """Inputs of one call; without an image the transforms are sliced only."""

    grid: Tensor
    guide: Tensor
    image: Tensor | None

    @property
    def tensors(self) -> list[Tensor]:
        return [t for t in (self.grid, self.guide, self.image) if t is not None]

    @property
    def function(self):
        return ops.bilateral_slice if self.image is None else ops.bilateral_slice_apply

    def run(self, backend: str, dtype: torch.dtype, *, gradients: bool = False) -> list[Tensor]:
        inputs = [t.to(dtype).requires_grad_(gradients) for t in self.tensors]
        result = self.function(*inputs, backend=backend)
        if not gradients:
            return [result]
        weights = torch.cos(torch.arange(result.numel(), dtype=torch.float64)).view_as(result)
        return [result, *torch.autograd.grad(result, inputs, weights.to(dtype))]


def make_case(
    *, batch=2, channels=3, outputs=3, depth=4, rows=3, columns=2, height=17, width=21, apply=True, seed=0
) -> Case:
    random = torch.Generator().manual_seed(seed)
    grid = torch.randn(batch, channels + 1, outputs, depth, rows, columns, generator=random)
    guide = torch.rand(batch, height, width, generator=random)
    # the slope by the guide jumps at every sample: stay away from there
    place = guide * depth - 0.5
    guide = torch.where((place - place.round()).abs() < 0.03, (place.round() + 0.55) / depth, guide)
    image = torch.randn(batch, channels, height, width, generator=random) if apply else None
    rounded = guide.half().float().clamp(0, 1)
    return Case(grid.half().float(), rounded, None if image is None else image.half().float())


@st.composite
def cases(draw) -> Case:
    return make_case(
        batch=draw(st.integers(1, 3)),
        channels=draw(st.integers(0, 5)),
        outputs=draw(st.integers(1, 9)),
        depth=draw(st.integers(1, 9)),
        rows=draw(st.integers(1, 6)),
        columns=draw(st.integers(1, 6)),
        height=draw(st.integers(1, 45)),
        width=draw(st.integers(1, 40)),
        apply=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
    )


def assert_close(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.isfinite().all()
        scale = max(1.0, other.abs().max().item()) if other.numel() else 1.0
        assert ((one.double() - other.double()).abs() <= tolerance * scale).all()


@pytest.mark.parametrize("backend", FAST)
@settings(max_examples=25, deadline=None)
@given(case=cases())
def test_values_and_gradients_agree_with_the_reference(backend, case):
    expected = case.run("reference", torch.float64, gradients=True)
    assert_close(case.run(backend, torch.float32, gradients=True), expected, TOLERANCE[torch.float32])


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("apply", [True, False])
def test_half_precision_is_storage_only(backend, dtype, apply):
    case = make_case(apply=apply)
    rounded = [None if t is None else t.to(dtype).float() for t in (case.grid, case.guide, case.image)]
    found = case.run(backend, dtype, gradients=True)
    assert all(tensor.dtype == dtype for tensor in found)
    expected = Case(*rounded).run("reference", torch.float64, gradients=True)
    if dtype == torch.bfloat16:  # its guides may lie where the slope by the guide jumps
        del found[2], expected[2]
    assert_close(found, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("apply", [True, False])
def test_gradcheck(backend, apply):
    case = make_case(batch=1, channels=2, outputs=2, depth=3, rows=2, height=4, width=3, apply=apply)
    inputs = [t.double().requires_grad_() for t in case.tensors]
    # the tent in depth has a bend of the width 1e-4 at every sample
    assert torch.autograd.gradcheck(lambda *given: case.function(*given, backend=backend), inputs, eps=1e-7)


def test_torch_agrees_with_the_reference_in_double_precision():
    for apply in (True, False):
        case = make_case(apply=apply)
        found = case.run("torch", torch.float64, gradients=True)
        assert_close(found, case.run("reference", torch.float64, gradients=True), TOLERANCE[torch.float64])


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("apply", [True, False])
def test_torch_goes_strip_by_strip(monkeypatch, rows, apply):
    case = make_case(apply=apply)
    monkeypatch.setattr("asap_lightning.ops.bilateral_torch.STRIP_BYTES", rows * 21 * 12 * 8)
    found = case.run("torch", torch.float64, gradients=True)
    assert_close(found, case.run("reference", torch.float64, gradients=True), TOLERANCE[torch.float64])


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_hand_worked_pixel(backend):
    # one pixel between two samples in depth, gz = 0.6 * 2 = 1.2: weights 0.3 and 0.7, less 1e-8 / (2 d)
    grid = torch.tensor([[1.0, 2.0], [10.0, 20.0]]).reshape(1, 2, 1, 2, 1, 1)  # inputs: a factor, the offset
    image = torch.full((1, 1, 1, 1), 3.0)
    result = ops.bilateral_slice_apply(grid, torch.full((1, 1, 1), 0.6), image, backend=backend)
    expected = (0.3 * 1 + 0.7 * 2) * 3 + 0.3 * 10 + 0.7 * 20
    torch.testing.assert_close(result.item(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_equal_entries_give_one_transform_everywhere(backend):
    transform = torch.randn(4, 3)
    grid = transform[None, :, :, None, None, None].expand(2, 4, 3, 5, 3, 4)
    case = make_case()
    found = ops.bilateral_slice_apply(grid, case.guide, case.image, backend=backend)
    expected = torch.einsum("bkyx,ko->boyx", case.image, transform[:3]) + transform[3, :, None, None]
    # exact but for the 1e-8 under the root
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("backend", FAST)
def test_strided_inputs(backend):
    case = make_case()
    expected = case.run(backend, torch.float32, gradients=True)
    strided = Case(
        torch.stack([case.grid, case.grid], -1)[..., 0],
        case.guide.transpose(1, 2).contiguous().transpose(1, 2),
        case.image.contiguous(memory_format=torch.channels_last),
    )
    assert_close(strided.run(backend, torch.float32, gradients=True), expected, 1e-6)


@needs_native
def test_native_gradients_do_not_depend_on_the_threads():
    case = make_case(height=70)
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 7):
            torch.set_num_threads(count)
            found.append(case.run("native", torch.float32, gradients=True))
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_guides_outside_the_range_and_no_numbers_stay_in_their_pixel(backend):
    case = make_case(batch=1)
    wild = case.guide.clone()
    wild[0, 3, :5] = torch.tensor([torch.nan, torch.inf, -torch.inf, 7.0, -7.0])
    expected, found = (replace(case, guide=g).run(backend, torch.float32)[0] for g in (case.guide, wild))
    assert found[0, :, 3, :3].isnan().all()
    assert found[0, :, 3, 3:5].isfinite().all()
    found[0, :, 3, :5] = expected[0, :, 3, :5]
    assert torch.equal(found, expected)
    # the same ends as the nearest guide inside
    ends = replace(case, guide=wild.clamp(0, 1).nan_to_num()).run(backend, torch.float32)[0]
    beyond = replace(case, guide=wild.nan_to_num()).run(backend, torch.float32)[0]
    torch.testing.assert_close(beyond[0, :, 3, 3:5], ends[0, :, 3, 3:5], rtol=0, atol=1e-3)


@pytest.mark.parametrize("backend", FAST)
def test_empty_batch_and_image(backend):
    for sizes in (dict(batch=0), dict(height=0)):
        case = make_case(**sizes)
        found = case.run(backend, torch.float32, gradients=True)
        assert found[0].shape == (len(case.guide), 3, case.guide.shape[1], 21)
        assert all(not gradient.any() for gradient in found[1:])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(grid=torch.zeros(2, 4, 3, 4, 3)), ValueError, r"grid must be \(B, K, O, D, h, w\)"),
        (dict(grid=torch.zeros(2, 4, 3, 0, 3, 2)), ValueError, "none of them 0"),
        (dict(grid=torch.zeros(2, 4, 3, 4, 3, 2).int()), TypeError, "grid must be floating point"),
        (dict(guide=torch.zeros(1, 17, 21)), ValueError, r"guide must be \(2, H, W\)"),
        (dict(image=torch.zeros(2, 4, 17, 21)), ValueError, "transforms of 3 channels"),
        (dict(image=torch.zeros(2, 3, 17, 20)), ValueError, "image must be"),
        (dict(backend="triton"), ValueError, "triton backend cannot run bilateral_slice: it has no kernels"),
        (dict(backend="cuda"), ValueError, "backend must be one of"),
    ],
)
def test_bad_arguments(change, error, message):
    case = make_case()
    arguments = dict(grid=case.grid, guide=case.guide, image=case.image) | change
    with pytest.raises(error, match=message):
        ops.bilateral_slice_apply(**arguments)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("backend", FAST)
def test_opcheck(backend):
    case = make_case(batch=1, height=5, width=6)
    operators = torch.ops.asap_lightning
    for image in (case.image.clone().requires_grad_(), None):
        arguments = (case.grid.clone().requires_grad_(), case.guide.clone().requires_grad_(), image, backend)
        torch.library.opcheck(operators.bilateral.default, arguments)
    grad = torch.randn(1, 3, 5, 6)
    arguments = (grad, case.grid, case.guide, case.image, backend)
    torch.library.opcheck(operators.bilateral_backward.default, arguments)


def test_a_graph_needs_nothing_of_this_package():
    case = make_case()

    class Apply(torch.nn.Module):
        def forward(self, grid, guide, image):
            return ops.bilateral_slice_apply(grid, guide, image)

    inputs = (case.grid, case.guide, case.image)
    exported = torch.export.export(Apply(), inputs)
    assert "asap_lightning" not in str(exported.graph)
    torch.testing.assert_close(exported.module()(*inputs), Apply()(*inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_recording(backend):
    path = Path(__file__).resolve().parents[3] / "shared" / "reference2" / "hdrnet_slice_apply.pt"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    recording = torch.load(path, weights_only=True)
    inputs, outputs = recording["inputs"], recording["outputs"]
    grid = inputs["grid"].permute(0, 5, 4, 3, 1, 2)
    image = inputs["image"].permute(0, 3, 1, 2)
    sliced = ops.bilateral_slice(grid, inputs["guide"], backend=backend).permute(0, 3, 4, 2, 1)
    torch.testing.assert_close(sliced, outputs["sliced"], rtol=0, atol=1e-5)
    applied = ops.bilateral_slice_apply(grid, inputs["guide"], image, backend=backend)
    torch.testing.assert_close(applied.permute(0, 2, 3, 1), outputs["output"], rtol=0, atol=1e-5)
