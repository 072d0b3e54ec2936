"""The suites of `asap benchmark`: each yields rows of one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from asap_lightning.benchmarking.authors import AuthorsAlgorithm
from asap_lightning.benchmarking.cases import Case
from asap_lightning.benchmarking.operations import Call, operation_calls
from asap_lightning.benchmarking.rows import Row, numbers
from asap_lightning.benchmarking.timing import run_pairs
from asap_lightning.condition import Condition
from asap_lightning.models import AsapGenerator, Generator, Pix2pixHDGenerator, SpadeGenerator
from asap_lightning.ops.dispatch import why_not


def fast_backends(device: torch.device) -> list[str]:
    """The backends that can run here, the fastest last."""
    return [name for name in ("torch", "native", "triton") if not why_not(name, device, torch.float32)]


@torch.inference_mode()
def inference(
    cases: Iterable[Case],
    device: torch.device,
    *,
    repeats: int,
    winograd: Sequence[int] = (2,),
    peers: Sequence[str] = (),
) -> Iterator[Row]:
    """Label map to image: each backend, prepared, and peers against the authors' algorithm in eager mode."""
    for case in cases:
        generator, condition = case.generator(device), case.condition(device)
        sides: dict[str, Call] = {"authors": _call(AuthorsAlgorithm(generator), condition)}
        prepared: dict[str, AsapGenerator] = {}
        for backend in fast_backends(device):
            for m in winograd:
                name = backend if m == 2 else f"{backend}-f{m}"
                prepared[name] = _prepared(case, device, generator, backend, m)
                sides[name] = _call(prepared[name], condition)
        for peer in peers:
            sides[peer] = _call(make_peer(peer, case, device), condition)
        measured = run_pairs(sides, repeats=repeats, device=device)
        exact = _exact(case, generator, condition, device) if case.megapixels < 1.2 else None
        work = case.lowres_gflop(generator) + case.pixelwise_gflop(generator)
        for name, side in measured.items():
            own = prepared[name]._prepared if name in prepared else None
            yield {
                "case": case.name,
                "megapixels": case.megapixels,
                "side": name,
                **numbers(side, measured["authors"]),
                "prepared_mib": own.memory / 2**20 if own is not None else 0.0,
                "gflop": work if name not in peers else None,
                "gflop_per_second": work / side.median * 1e3 if name not in peers else None,
                "error": _error(sides[name], exact) if name not in peers else None,
            }


def _prepared(
    case: Case, device: torch.device, source: AsapGenerator, backend: str, winograd: int
) -> AsapGenerator:
    generator = case.generator(device)
    generator.load_state_dict(source.state_dict())
    generator.backend = backend
    generator.prepare_for_inference(winograd=winograd)  # type: ignore[arg-type]
    return generator


def make_peer(name: str, case: Case, device: torch.device) -> Generator:
    """A peer of the paper's table at the case's size, with random weights."""
    torch.manual_seed(0)
    if name == "pix2pixhd":
        return Pix2pixHDGenerator(case.spec).eval().to(device)
    if name == "spade":
        return SpadeGenerator(case.spec, upsampling="more").eval().to(device)
    raise ValueError(f"the peers are pix2pixhd and spade, got {name!r}")


def _call(network: Callable[[Condition], Any], condition: Condition) -> Call:
    return lambda: network(condition)


def _exact(case: Case, generator: AsapGenerator, condition: Condition, device: torch.device) -> Tensor:
    """The image in float64."""
    double = case.generator(device)
    double.load_state_dict(generator.state_dict())
    return double.double()(condition).image


def _error(call: Call, exact: Tensor | None) -> float | None:
    """Largest difference of any channel from the image in float64."""
    if exact is None:
        return None
    output: Any = call()
    return (output.image.double() - exact).abs().max().item()


@torch.no_grad()
def operations(cases: Iterable[Case], device: torch.device, *, repeats: int) -> Iterator[Row]:
    """Each operation alone, by backend, with its share of the measured peak."""
    for case in cases:
        for name, (work, sides) in operation_calls(case, device, fast_backends(device)).items():
            measured = run_pairs(sides, repeats=repeats, device=device)
            for side_name, side in measured.items():
                yield {
                    "case": case.name,
                    "operation": name,
                    "side": side_name,
                    **numbers(side, measured["authors"]),
                    "gflop": work,
                    "gflop_per_second": work / side.median * 1e3,
                }
