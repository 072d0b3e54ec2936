"""``asap report training|sweep|compare|paper``: plain flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.errors import UserError
from asap_lightning.wording import counted

if TYPE_CHECKING:
    from asap_lightning.metrics import MetricDeclaration
    from asap_lightning.reports.sweep_jobs import SweepJob


def main(arguments: list[str]) -> int:
    """Runs a sub-command."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap report``."""
    top = argparse.ArgumentParser(prog="asap report", description="Shows and compares runs by their files.")
    commands = top.add_subparsers(required=True, metavar="training|sweep|compare|paper")
    _add_training(commands)
    _add_sweep(commands)
    _add_compare(commands)
    _add_paper(commands)
    return top


def _add_training(commands: argparse._SubParsersAction) -> None:
    training = commands.add_parser("training", help="one run as an HTML file: curves, samples, configuration")
    training.add_argument("folder", type=Path, help="of the run: runs/NAME/TIME")
    training.add_argument("--out", type=Path, help="the file (default: report.html in the run's folder)")
    training.add_argument(
        "--pictures", type=_count, default=24, help="sample grids put into it (default %(default)s)"
    )
    training.set_defaults(action=report_training)


def _add_sweep(commands: argparse._SubParsersAction) -> None:
    sweep = commands.add_parser(
        "sweep",
        help="a sweep's jobs: table, CSV, Pareto front and parallel coordinates as pictures and HTML",
    )
    sweep.add_argument("folder", type=Path, help="of the sweep: runs/NAME/multirun/TIME")
    sweep.add_argument(
        "--metric",
        default="psnr",
        help="of the validation (default %(default)s); NAME:max or NAME:min where its direction is not known",
    )
    sweep.add_argument("--out", type=Path, help="folder that receives the files (default: the sweep's)")
    _add_measuring(sweep)
    sweep.set_defaults(action=report_sweep)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    compare = commands.add_parser(
        "compare", help="several runs as an HTML file: table, curves, the same samples side by side"
    )
    compare.add_argument("folders", type=Path, nargs="+", help="of the runs: runs/NAME/TIME")
    compare.add_argument(
        "--out", type=Path, default=Path("comparison.html"), help="the file (default %(default)s)"
    )
    _add_measuring(compare)
    compare.set_defaults(action=report_comparison)


def _add_paper(commands: argparse._SubParsersAction) -> None:
    paper = commands.add_parser(
        "paper", help="a paper's tables: published figures beside those of the runs here, and what is missing"
    )
    paper.add_argument("name", choices=("asap", "spade", "pix2pix"))
    paper.add_argument("--runs", type=Path, default=Path("runs"), help="folder of runs (default %(default)s)")
    paper.add_argument(
        "--benchmarks",
        type=Path,
        default=Path("benchmarks/results"),
        help="folder of the files of asap benchmark (default %(default)s)",
    )
    paper.add_argument("--out", type=Path, default=Path("."), help="folder of the files (default: this one)")
    paper.set_defaults(action=report_paper)


def _add_measuring(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="that latency is measured on (default %(default)s)")
    command.add_argument(
        "--repeats", type=_count, default=10, help="calls timed a model; 0 measures no latency"
    )


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return number


def report_training(options: argparse.Namespace) -> int:
    """Writes one run's page."""
    from asap_lightning.reports import read_run, write_training_report

    run = read_run(options.folder)
    out = options.out or options.folder / "report.html"
    write_training_report(run, out, pictures=options.pictures)
    print(f"{run.status}\nreport  {out}")
    return 0


def report_paper(options: argparse.Namespace) -> int:
    """Prints a paper's tables and writes them as files."""
    from rich.console import Console
    from rich.markdown import Markdown

    from asap_lightning.reports.paper import PAPERS, render_paper

    written = render_paper(PAPERS[options.name], options.name, options.runs, options.benchmarks, options.out)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(Markdown(written["md"].read_text(encoding="utf-8")))
    for kind, path in written.items():
        print(f"{kind:<5} {path}")
    return 0


def report_comparison(options: argparse.Namespace) -> int:
    """Writes the page of several runs."""
    from asap_lightning.evaluation.cost.checkpoint import measure_checkpoint
    from asap_lightning.reports import compare, read_runs, write_comparison

    runs = read_runs(options.folders)
    costs = {
        run.name: measure_checkpoint(run.checkpoint, device=options.device, repeats=options.repeats)
        for run in runs
        if run.checkpoint is not None
    }
    write_comparison(compare(runs, costs), options.out)
    print(f"{counted(len(runs), 'run')}\nreport  {options.out}")
    return 0


def report_sweep(options: argparse.Namespace) -> int:
    """Prints the table and writes the files."""
    from rich.console import Console

    from asap_lightning.metrics import metric_named
    from asap_lightning.reports.sweep_jobs import measure_job, read_sweep
    from asap_lightning.reports.sweep_table import metric_names, sweep_table

    metric = metric_named(options.metric, "--metric ")
    jobs = read_sweep(options.folder, metric)
    known = metric_names(jobs)
    if known and metric.key not in known:
        raise UserError(f"--metric {metric.key}: the jobs have no such metric, but {', '.join(known)}")
    for job in jobs:
        measure_job(job, device=options.device, repeats=options.repeats)
    console = Console()
    if not console.is_terminal:  # a log has no right edge
        console = Console(width=240)
    console.print(sweep_table(jobs, metric))
    write_sweep_files(jobs, metric, options.out or options.folder, options.folder.resolve())
    if not known:
        print("no job has validated yet: there is nothing to draw")
    return 0


def write_sweep_files(jobs: list[SweepJob], metric: MetricDeclaration, out: Path, sweep: Path) -> None:
    """CSV, pictures and page; says where each lies."""
    from asap_lightning.reports import write_sweep_report
    from asap_lightning.reports.sweep_table import (
        draw_latency_and_quality,
        draw_parallel_coordinates,
        write_csv,
    )

    write_csv(jobs, metric, out / "sweep.csv")
    print(f"table                 {out / 'sweep.csv'}")
    if draw_latency_and_quality(jobs, metric, out / "sweep_latency.png"):
        print(f"latency and quality   {out / 'sweep_latency.png'}")
    if draw_parallel_coordinates(jobs, metric, out / "sweep_parallel.png"):
        print(f"parallel coordinates  {out / 'sweep_parallel.png'}")
    try:
        write_sweep_report(jobs, metric, out / "sweep.html", f"Sweep {sweep.parent.name}/{sweep.name}")
        print(f"page                  {out / 'sweep.html'}")
    except UserError as error:  # without plotly the rest is there all the same
        print(f"no page               {error}")
