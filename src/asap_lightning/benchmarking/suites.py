"""The suites of `asap benchmark`: each yields rows of one table."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from asap_lightning.benchmarking.authors import AuthorsAlgorithm
from asap_lightning.benchmarking.cases import Case
from asap_lightning.benchmarking.operations import Call, lowres_layers, operation_calls
from asap_lightning.benchmarking.rows import Row, numbers
from asap_lightning.benchmarking.timing import run_pairs
from asap_lightning.condition import Condition
from asap_lightning.evaluation.cost.measure import completed, count_operations
from asap_lightning.models import AsapGenerator, Generator
from asap_lightning.ops.dispatch import why_not


def fast_backends(device: torch.device) -> list[str]:
    """The backends that can run here, the fastest last."""
    return [name for name in ("torch", "native", "triton") if not why_not(name, device, torch.float32)]


@torch.no_grad()  # not inference_mode: the FLOP counter fails in it on spectral norm
def inference(
    cases: Iterable[Case],
    device: torch.device,
    *,
    repeats: int,
    winograd: Sequence[int] = (2,),
    peers: Mapping[str, Callable[[Case, torch.device], Generator]] | None = None,
) -> Iterator[Row]:
    """Label map to image: each backend, prepared, and peers against the authors' algorithm in eager mode.

    Args:
        cases: models and sizes.
        device: where.
        repeats: runs of each side.
        winograd: m of F(m x m) of the prepared low-res stream.
        peers: by name, what makes other generators for a case.
    """
    for case in cases:
        generator, condition = case.generator(device), case.condition(device)
        sides: dict[str, Call] = {"authors": _call(AuthorsAlgorithm(generator), condition)}
        prepared: dict[str, AsapGenerator] = {}
        for backend in fast_backends(device):
            for m in winograd:
                name = backend if m == 2 else f"{backend}-f{m}"
                prepared[name] = _prepared(case, device, generator, backend, m)
                sides[name] = _call(prepared[name], condition)
        made = {name: make(case, device) for name, make in (peers or {}).items()}
        given = {name: completed(peer, condition) for name, peer in made.items()}
        sides.update((name, _call(peer, given[name])) for name, peer in made.items())
        counted = {name: _counted_gflop(peer, given[name]) for name, peer in made.items()}
        measured = run_pairs(sides, repeats=repeats, device=device)
        exact = _exact(case, generator, condition, device) if case.megapixels < 1.2 else None
        work = case.lowres_gflop(generator) + case.pixelwise_gflop(generator)
        for name, side in measured.items():
            gflop = counted.get(name, work)
            own = prepared[name]._prepared if name in prepared else None
            yield {
                "case": case.name,
                "megapixels": case.megapixels,
                "side": name,
                **numbers(side, measured["authors"]),
                "prepared_mib": own.memory / 2**20 if own is not None else 0.0,
                "gflop": gflop,
                "gflop_per_second": gflop / side.median * 1e3,
                "error": _error(sides[name], exact) if name not in made else None,
            }


def _prepared(
    case: Case, device: torch.device, source: AsapGenerator, backend: str, winograd: int
) -> AsapGenerator:
    generator = case.generator(device)
    generator.load_state_dict(source.state_dict())
    generator.backend = backend
    generator.prepare_for_inference(winograd=winograd)  # type: ignore[arg-type]
    return generator


def _counted_gflop(network: Generator, condition: Condition) -> float:
    """Of one call, counted while it runs."""
    with count_operations() as counter:
        network(condition)
    return counter.get_total_flops() / 1e9


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
    """Each operation alone, by backend; and the native low-res stream layer by layer."""
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
        if "native" not in fast_backends(device):
            continue
        for name, (work, side) in lowres_layers(case, device, repeats=repeats).items():
            yield {
                "case": case.name,
                "operation": f"lowres {name}",
                "side": "native",
                "ms": side.median,
                "ms_runs": side.wall,
                "cpu_ms": statistics.median(side.cpu),
                "gflop": work,
                "computes_all": True,  # so that its time has a floor: GFLOP at the peak
                "gflop_per_second": work / side.median * 1e3,
            }
