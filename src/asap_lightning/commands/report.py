"""``asap report sweep``: plain flags."""

from __future__ import annotations

import argparse
from pathlib import Path

from asap_lightning.errors import UserError


def main(arguments: list[str]) -> int:
    """Runs a sub-command."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap report``."""
    top = argparse.ArgumentParser(prog="asap report", description="Compares runs by their files.")
    commands = top.add_subparsers(required=True, metavar="sweep")
    sweep = commands.add_parser(
        "sweep", help="table of a sweep's jobs, sweep.csv, latency against quality, parallel coordinates"
    )
    sweep.add_argument("folder", type=Path, help="of the sweep: runs/NAME/multirun/TIME")
    sweep.add_argument("--metric", default="psnr", help="of the validation (default %(default)s)")
    sweep.add_argument("--out", type=Path, help="folder that receives the files (default: the sweep's)")
    sweep.add_argument("--device", default="auto", help="on which latency is measured (default %(default)s)")
    sweep.add_argument("--repeats", type=int, default=10, help="calls timed a job; 0 measures no latency")
    sweep.set_defaults(action=report_sweep)
    return top


def report_sweep(options: argparse.Namespace) -> int:
    """Prints the table and writes the files."""
    from rich.console import Console

    from asap_lightning.evaluation.sweep_jobs import measure_job, read_sweep
    from asap_lightning.evaluation.sweep_report import (
        draw_latency_and_quality,
        draw_parallel_coordinates,
        metric_names,
        sweep_table,
        write_csv,
    )

    jobs, metric = read_sweep(options.folder), options.metric
    known = metric_names(jobs)
    if known and metric not in known:
        raise UserError(f"--metric {metric}: the jobs have no such metric, but {', '.join(known)}")
    if options.repeats > 0:
        for job in jobs:
            measure_job(job, device=options.device, repeats=options.repeats)
    console = Console()
    if not console.is_terminal:  # a log has no right edge
        console = Console(width=240)
    console.print(sweep_table(jobs, metric))
    out = options.out or options.folder
    write_csv(jobs, metric, out / "sweep.csv")
    print(f"table                 {out / 'sweep.csv'}")
    if draw_latency_and_quality(jobs, metric, out / "sweep_latency.png"):
        print(f"latency and quality   {out / 'sweep_latency.png'}")
    if draw_parallel_coordinates(jobs, metric, out / "sweep_parallel.png"):
        print(f"parallel coordinates  {out / 'sweep_parallel.png'}")
    if not known:
        print("no job has validated yet: there is nothing to draw")
    return 0
