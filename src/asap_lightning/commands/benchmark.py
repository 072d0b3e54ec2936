"""``asap benchmark``: times the fast paths against the authors' algorithm, in pairs, on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.benchmarking.sizes import SIZES
from asap_lightning.commands.flags import parser_of
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError

if TYPE_CHECKING:
    import torch

    from asap_lightning.benchmarking.cases import Case
    from asap_lightning.benchmarking.report import Row

DEFAULT_CASES = {
    "inference": ["facades-512", "facades-1024", "cityscapes-512x1024"],
    "ops": ["facades-512", "facades-1024"],
    "training": ["facades-256"],
    "data": ["facades-512"],
}


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = parser_of(
        "asap benchmark",
        "Time the fast paths on this machine, in turns with the authors' algorithm.",
        (
            "asap benchmark inference --cases facades-512 --plot speed.png",
            "asap benchmark training --threads 1",
            "asap benchmark data --data data=facades data.root=DIR",
        ),
    )
    result.add_argument(
        "suite",
        choices=sorted(DEFAULT_CASES),
        help="data: reading pairs; inference: an image by each path; ops: single operations; training: an "
        "update",
    )
    cases = "; ".join(f"{suite}: {', '.join(names)}" for suite, names in sorted(DEFAULT_CASES.items()))
    result.add_argument(
        "--cases", nargs="+", metavar="CASE", help=f"of {', '.join(SIZES)} (default: {cases})"
    )
    result.add_argument(
        "--repeats", type=int, default=7, metavar="N", help="runs of each side, in turns (default: 7)"
    )
    result.add_argument(
        "--threads", type=int, default=0, metavar="N", help="threads; 0 leaves torch's choice (default: 0)"
    )
    result.add_argument("--device", default="auto", help="auto, cpu, cuda, .. (default: auto)")
    result.add_argument(
        "--winograd",
        type=int,
        nargs="+",
        choices=(0, 2, 4),
        default=[2],
        metavar="M",
        help="inference: output tiles of Winograd's fast convolution, M x M: 2, 4, or 0 without it "
        "(default: 2)",
    )
    result.add_argument(
        "--peers",
        nargs="+",
        default=[],
        metavar="NAME",
        help="inference: other generators or experiments to time too (default: none)",
    )
    result.add_argument(
        "--data",
        dest="overrides",
        nargs="+",
        default=[],
        metavar="key=value",
        help="data: a data set of your own, as it is and as shards, in place of drawn facades: data=NAME "
        "data.root=DIR",
    )
    result.add_argument(
        "--out",
        "--output",
        dest="output",
        type=Path,
        metavar="FILE",
        help="the JSON file (default: benchmarks/results/SUITE_TIME.json)",
    )
    result.add_argument(
        "--plot", type=Path, metavar="PNG", help="inference: draw run time against megapixels"
    )
    result.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="an earlier JSON file; the exit code is 1 where something has become slower",
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Measures, prints the table, writes the JSON; returns 1 if ``--compare`` finds a regression."""
    options = parser().parse_args(arguments)
    if options.repeats < 1:
        raise UserError(f"--repeats {options.repeats}: at least 1 was expected")
    if options.overrides and options.suite != "data":
        raise UserError("--data is for the data suite: asap benchmark data --data data=NAME data.root=DIR")
    if options.plot is not None and options.suite != "inference":
        raise UserError("--plot draws the inference suite; leave it out or choose inference")
    if options.peers and options.suite != "inference":
        raise UserError("--peers belongs to the inference suite; leave it out or choose inference")
    names = [find_case(name) for name in options.cases or DEFAULT_CASES[options.suite]]
    return measured(options, names)


def measured(options: argparse.Namespace, names: Sequence[str]) -> int:
    """What `main` does with options that have been checked."""
    import torch
    from rich.console import Console

    from asap_lightning.benchmarking import machine, report
    from asap_lightning.benchmarking.cases import CASES
    from asap_lightning.inference.devices import choose_device

    earlier = report.load(options.compare) if options.compare else None
    device = choose_device(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    facts = machine.describe(device, options.threads)
    peaks = machine.peaks(device)
    console = Console(stderr=True)
    rows = []
    for row in measure(options, [CASES[name] for name in names], device):
        if row.get("gflop_per_second"):
            row["share_of_peak"] = row["gflop_per_second"] / peaks["gflops"]
        if row.get("computes_all"):
            row["floor_ms"] = row["gflop"] / peaks["gflops"] * 1e3
        rows.append(row)
        console.print(f"{row['case']} {row.get('operation', '')} {row['side']}: {row['ms']:.1f} ms")
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    output = options.output or Path("benchmarks/results") / f"{options.suite}_{stamp}.json"
    report.save(output, options.suite, facts, peaks, rows)
    print(f"{facts['processor']}, {facts['cores']} threads, {facts['native']}, torch {facts['torch']}")
    print(f"measured peaks: {peaks['gflops']:.0f} GFLOP/s, {peaks['gigabytes_per_second']:.0f} GB/s\n")
    print(report.table(rows))
    print(f"\nwritten to {output}")
    if options.plot is not None:
        report.plot(rows, options.plot)
    if earlier is None:
        return 0
    text, regressions = report.compare(rows, earlier["rows"])
    print(f"\nagainst {options.compare}:\n{text}")
    return 1 if regressions else 0


def measure(options: argparse.Namespace, cases: list[Case], device: torch.device) -> Iterator[Row]:
    """The rows of the suite."""
    from asap_lightning.benchmarking.data import data_rows
    from asap_lightning.benchmarking.suites import inference, operations
    from asap_lightning.benchmarking.training import training

    if options.suite == "inference":
        from asap_lightning.configuration.peers import make_peer

        peers = {name: partial(make_peer, name) for name in options.peers}
        yield from inference(
            cases, device, repeats=options.repeats, winograd=tuple(options.winograd), peers=peers
        )
    elif options.suite == "ops":
        yield from operations(cases, device, repeats=options.repeats)
    elif options.suite == "training":
        yield from training(cases, device, repeats=options.repeats)
    elif options.overrides:
        yield from own_data(options.overrides, options.repeats)
    else:
        yield from data_rows(cases, repeats=options.repeats)


def own_data(overrides: list[str], repeats: int) -> Iterator[Row]:
    """The rows of a data set that overrides of ``asap train`` describe."""
    from hydra.utils import instantiate

    from asap_lightning.benchmarking.data import own_data_rows
    from asap_lightning.composing.settings import SETTINGS as OF_CANVASES
    from asap_lightning.configuration.data_layout import configured
    from asap_lightning.data import PairedDataModule

    layout, node = configured(overrides)
    if node.get("bank") is not None:
        raise UserError(f"data.bank={node['bank']}: the benchmark times reading, not canvases; leave it out")
    left_out = {"_target_", "_convert_", "prepare", "seed", *OF_CANVASES}
    options = {key: value for key, value in node.items() if key not in left_out}
    target = {**options.pop("layout"), "_partial_": True}
    make = partial(PairedDataModule, **{**options, "layout": instantiate(target, _convert_="all")})
    yield from own_data_rows(layout, target, make, repeats=repeats)


def find_case(name: str) -> str:
    """The name of a case.

    Raises:
        UserError: there is none of this name.
    """
    if name in SIZES:
        return name
    hint = did_you_mean(name, list(SIZES))
    raise UserError(f"--cases {name}: there is no such case.{hint} Choose from {', '.join(SIZES)}")
