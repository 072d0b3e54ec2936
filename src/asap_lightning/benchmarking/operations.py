"""The calls that `asap benchmark ops` times: each operation of the generator, by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from asap_lightning import ops
from asap_lightning.benchmarking.authors import AuthorsAlgorithm
from asap_lightning.benchmarking.cases import Case
from asap_lightning.benchmarking.timing import Side
from asap_lightning.models.asap.lowres_stream import LowResStream
from asap_lightning.models.asap.prepared import conv_layers
from asap_lightning.ops.prepared_lowres import NativeStream, PreparedStream, prepare_lowres, winograd_sizes

Call = Callable[[], object]
Operation = tuple[float, dict[str, Call]]  # GFLOP and the calls by side


def operation_calls(case: Case, device: torch.device, backends: Sequence[str]) -> dict[str, Operation]:
    """Class maps, low-res stream, pixelwise stream and its gradient, each by the authors' and our sides.

    And HDRNet's slicing, whose authors' side is the operator's definition in eager PyTorch.
    """
    generator, condition = case.generator(device), case.condition(device)
    authors = AuthorsAlgorithm(generator)
    label, stream = condition.require_label(), generator.lowres_stream
    lowres_input = generator.lowres_input(condition)
    phi = generator.predict_phi(condition).contiguous(memory_format=torch.channels_last)
    planes = case.spec.encode_planes(condition)
    pool: dict[str, Call] = {
        "authors": lambda: ops.tent_downsample(case.spec.encode_planes(condition), generator.s1)
    }
    lowres: dict[str, Call] = {"authors": lambda: stream(lowres_input)}
    pixelwise: dict[str, Call] = {"authors": lambda: authors.render(planes, phi)}
    gradient: dict[str, Call] = {"authors": _gradient(lambda p: authors.render(planes, p), phi)}
    for backend in backends:
        render = _renderer(case, generator.tile, label, backend)
        pixelwise[backend] = _bind(render, phi)
        gradient[backend] = _gradient(render, phi)
        if backend == "triton":
            continue
        lowres[backend] = _bind(_prepared(stream, backend), lowres_input)
        pool[backend] = _pooler(case, generator.s1, label, backend)
    work = case.pixelwise_gflop(generator)
    return {
        "class_pool": (0.0, pool),
        "lowres": (case.lowres_gflop(generator), lowres),
        "pixelwise_mlp": (work, pixelwise),
        "pixelwise_mlp and gradient": (4 * work, gradient),
        **bilateral_calls(case, device, backends),
    }


def bilateral_calls(case: Case, device: torch.device, backends: Sequence[str]) -> dict[str, Operation]:
    """HDRNet's grid of 16 x 16 x 8 transforms of three channels on an image of the case's size."""
    random = torch.Generator().manual_seed(2)
    size = (case.batch, case.height, case.width)
    grid = torch.randn(case.batch, 4, 3, 8, 16, 16, generator=random).to(device)
    guide = torch.rand(size, generator=random).to(device)
    image = torch.rand(case.batch, 3, *size[1:], generator=random).to(device)
    calls: dict[str, Call] = {}
    gradient: dict[str, Call] = {}
    for backend in ("reference", *backends):
        if backend == "triton":
            continue
        apply = _slicer(guide, image, backend)
        side = "authors" if backend == "reference" else backend
        calls[side], gradient[side] = _bind(apply, grid), _gradient(apply, grid)
    work = 2e-9 * guide.numel() * (4 * 12 + 12)  # four entries of 12 blended, and applied
    return {
        "bilateral_slice_apply": (work, calls),
        "bilateral_slice_apply and gradient": (3 * work, gradient),
    }


def _slicer(guide: Tensor, image: Tensor, backend: str) -> Callable[[Tensor], Tensor]:
    return lambda grid: ops.bilateral_slice_apply(grid, guide, image, backend=backend)


def lowres_layers(case: Case, device: torch.device, *, repeats: int) -> dict[str, tuple[float, Side]]:
    """Each layer of the native low-res stream as it runs.

    Returns:
        By name the GFLOP that it computes (by Winograd fewer than a direct convolution) and its times.
    """
    generator = case.generator(device)
    lowres_input = generator.lowres_input(case.condition(device))
    layers, last = conv_layers(generator.lowres_stream), generator.lowres_stream.to_phi
    prepared = _prepared(generator.lowres_stream, "native")
    assert isinstance(prepared, NativeStream)
    prepared(lowres_input)
    seconds = []
    for _ in range(repeats):
        prepared(lowres_input)
        seconds.append(prepared.layer_seconds())
    batch, _, rows, columns = lowres_input.shape
    work: list[tuple[str, float]] = []
    for index, (layer, m) in enumerate(zip(layers, winograd_sizes(layers, 2), strict=True), 1):
        rows, columns = rows // layer.stride, columns // layer.stride
        outputs, inputs = layer.weight.shape[:2]
        terms = 9 if m == 0 else (m + 2) ** 2 / m**2  # multiply-adds an output, input channel and pixel
        how = f" stride {layer.stride}" if layer.stride > 1 else f" F({m}x{m})" if m else ""
        name = f"layer {index}: {inputs}->{outputs}{how} to {rows}x{columns}"
        work.append((name, 2e-9 * terms * batch * rows * columns * inputs * outputs))
    work.append((f"layer {len(work) + 1}: 1x1 to phi", 2e-9 * batch * rows * columns * last.weight.numel()))
    sides = [
        Side([1e3 * run[i][0] for run in seconds], [1e3 * run[i][1] for run in seconds])
        for i in range(len(work))
    ]
    return {name: (gflop, side) for (name, gflop), side in zip(work, sides, strict=True)}


def _prepared(stream: LowResStream, backend: str) -> PreparedStream:
    last = stream.to_phi
    bias = last.bias if last.bias is not None else last.weight.new_zeros(last.out_channels)
    zeros = stream.padding == "zeros"
    return prepare_lowres(conv_layers(stream), last.weight, bias, zero_padding=zeros, backend=backend)


def _bind(function: Callable[[Tensor], Tensor], tensor: Tensor) -> Call:
    return lambda: function(tensor)


def _renderer(case: Case, tile: int, label: Tensor, backend: str) -> Callable[[Tensor], Tensor]:
    classes = case.spec.label_channels
    return lambda phi: ops.pixelwise_mlp(phi, label=label, tile=tile, num_classes=classes, backend=backend)


def _pooler(case: Case, s1: int, label: Tensor, backend: str) -> Call:
    classes = case.spec.label_channels
    return lambda: ops.class_pool(label, num_classes=classes, s1=s1, backend=backend)


def _gradient(function: Callable[[Tensor], Tensor], phi: Tensor) -> Call:
    """Forward, and backward to phi or the grid: the backward recomputes the forward, hence its work."""

    def call() -> Tensor:
        with torch.enable_grad():
            parameters = phi.clone().requires_grad_()
            image = function(parameters)
            return torch.autograd.grad(image, parameters, torch.ones_like(image))[0]

    return call
