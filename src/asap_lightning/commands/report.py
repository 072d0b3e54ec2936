"""``asap report training|sweep|compare|paper``: plain flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.commands.flags import Commands
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
    commands = Commands("asap report", "Show and compare runs by the files that they have written.")
    _add_training(commands)
    _add_sweep(commands)
    _add_compare(commands)
    _add_paper(commands)
    return commands.parser


def _add_training(commands: Commands) -> None:
    training = commands.add(
        "training",
        "show one run as an HTML file: curves, sample pictures, configuration",
        "asap report training runs/demo/TIME",
        "asap report training runs/demo/TIME --out demo.html",
    )
    training.add_argument("folder", type=Path, help="folder of the run: runs/NAME/TIME")
    training.add_argument(
        "--out", type=Path, metavar="FILE", help="the HTML file (default: report.html in the run's folder)"
    )
    training.add_argument(
        "--pictures",
        type=_count,
        default=24,
        metavar="N",
        help="how many sample pictures it shows, evenly over the run (default: %(default)s)",
    )
    training.set_defaults(action=report_training)


def _add_sweep(commands: Commands) -> None:
    sweep = commands.add(
        "sweep",
        "show a sweep's jobs: table, CSV, pictures and an HTML file with the Pareto front",
        "asap report sweep runs/demo/multirun/TIME",
        "asap report sweep runs/demo/multirun/TIME --metric ssim --repeats 0",
    )
    sweep.add_argument("folder", type=Path, help="folder of the sweep: runs/NAME/multirun/TIME")
    sweep.add_argument(
        "--metric",
        default="psnr",
        help="which score of the validations decides (default: psnr); NAME:max or NAME:min where the program "
        "does not know which is better",
    )
    sweep.add_argument(
        "--out", type=Path, metavar="DIR", help="folder that receives the files (default: the sweep's own)"
    )
    _add_measuring(sweep)
    sweep.set_defaults(action=report_sweep)


def _add_compare(commands: Commands) -> None:
    compare = commands.add(
        "compare",
        "show several runs beside each other in one HTML file: table, curves, the same samples",
        "asap report compare runs/demo/TIME runs/other/TIME",
    )
    compare.add_argument(
        "folders", type=Path, nargs="+", metavar="folder", help="folder of a run: runs/NAME/TIME"
    )
    compare.add_argument(
        "--out",
        type=Path,
        default=Path("comparison.html"),
        metavar="FILE",
        help="the HTML file (default: %(default)s)",
    )
    _add_measuring(compare)
    compare.set_defaults(action=report_comparison)


def _add_paper(commands: Commands) -> None:
    paper = commands.add(
        "paper",
        "fill a paper's tables: published figures beside those of the runs here, and what is missing",
        "asap report paper asap",
        "asap report paper spade --runs runs --out tables",
    )
    paper.add_argument("name", choices=("asap", "spade", "pix2pix"), help="which paper")
    paper.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of runs (default: %(default)s)"
    )
    paper.add_argument(
        "--benchmarks",
        type=Path,
        default=Path("benchmarks/results"),
        metavar="DIR",
        help="folder that 'asap benchmark' has written to (default: %(default)s)",
    )
    paper.add_argument(
        "--out",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="folder that receives the files (default: this one)",
    )
    paper.set_defaults(action=report_paper)


def _add_measuring(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device",
        default="auto",
        help="where latency is measured: auto, cpu, cuda, .. (default: %(default)s)",
    )
    command.add_argument(
        "--repeats",
        type=_count,
        default=10,
        metavar="N",
        help="timed calls of each model; 0 measures no latency (default: %(default)s)",
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
