"""How long each command takes in a fresh process, beside the imports that it cannot do without.

Every row is timed in turn with the others, ``--rounds`` times; the table holds medians. ``--python`` names
the interpreter of another checkout, whose rows are then timed in the same turns: before and after.

    python benchmarks/startup.py --rounds 5 --python ../earlier/.venv/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from asap_lightning.data.demo import write_demo_dataset

HERE = Path(sys.executable)
COMMAND = "import sys; from asap_lightning.cli import main; sys.exit(main(sys.argv[1:]))"
# Ends the process at its first optimizer step: what follows is training, not starting.
FIRST_STEP = """
import os, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: os._exit(0))
from asap_lightning.cli import main
main(sys.argv[1:])
sys.exit("no step was made")
"""
TINY = [
    *("generator.mlp_width=16", "generator.lowres_width=16", "generator.lowres_max_width=32"),
    *("discriminator.width=8", "data.height=128", "data.width=128", "data.num_workers=0"),
    *("trainer.max_steps=1", "logger=csv", "baseline=false"),
]


def floors() -> dict[str, list[str]]:
    """Imports alone: what no command that needs them can be faster than."""
    modules = ("torch", "torch, torchmetrics", "pytorch_lightning")
    return {f"import {names}": ["-c", f"import {names}"] for names in modules}


def commands(trained: Path, facades: Path, labels: Path) -> dict[str, list[str]]:
    """One row a command: arguments of Python."""
    run, out = ["-c", COMMAND], trained.parent
    return {
        "import Translator": ["-c", "from asap_lightning.inference import Translator"],
        "asap --help": [*run, "--help"],
        "asap predict (4 pictures)": [
            *run,
            "predict",
            f"ckpt={trained}",
            f"input={labels}",
            f"output={out}/p",
            "overwrite=true",
        ],
        "asap evaluate (4 pairs)": [
            *run,
            "evaluate",
            f"ckpt={trained}",
            f"output={out}/e",
            "data.limit_val=4",
        ],
        "asap data check": [*run, "data", "check", str(facades)],
        "asap train --cfg job": [*run, "train", "experiment=demo", "--cfg", "job"],
        "asap train (first step)": [
            "-c",
            FIRST_STEP,
            "train",
            "experiment=demo",
            f"data.root={facades}",
            *TINY,
        ],
        "asap report training": [*run, "report", "training", str(trained), "--out", f"{out}/report.html"],
        "asap benchmark --help": [*run, "benchmark", "--help"],
        "asap import --help": [*run, "import", "--help"],
        "asap tracking --help": [*run, "tracking", "--help"],
    }


def seconds(arguments: list[str], python: Path, folder: Path) -> float:
    """Wall time of one process; stops with its output where it fails."""
    started = time.perf_counter()
    ended = subprocess.run([str(python), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"{arguments}: exit {ended.returncode}\n{ended.stderr[-2000:]}")
    return taken


def prepared(python: Path, folder: Path) -> tuple[Path, Path, Path]:
    """A run trained by this checkout, a data set of eight drawn facades and a folder of four label maps."""
    facades, labels = folder / "facades", folder / "labels"
    write_demo_dataset(facades, count=8, size=64, workers=1, progress=False)
    labels.mkdir()
    for path in sorted(facades.rglob("*.png"))[:4]:
        (labels / path.name).write_bytes(path.read_bytes())
    train = [
        "-c",
        COMMAND,
        "train",
        "experiment=demo",
        f"data.root={facades}",
        *TINY,
        f"hydra.run.dir={folder}/run",
    ]
    seconds(train, python, folder)
    return folder / "run", facades, labels


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--python", type=Path, help="interpreter of another checkout, timed in turn with this one"
    )
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = [(row, "floor", HERE, words) for row, words in floors().items()]
        sides = {"here": HERE} | ({"there": options.python.absolute()} if options.python else {})
        for side, python in sides.items():
            (folder / side).mkdir()
            rows = commands(*prepared(python, folder / side))
            tasks += [(row, side, python, words) for row, words in rows.items()]
        times: dict[tuple[str, str], list[float]] = {}
        for _ in tqdm(range(options.rounds), desc="rounds"):
            for row, side, python, words in tasks:
                times.setdefault((row, side), []).append(seconds(words, python, folder))
    table: dict[str, dict[str, float]] = {}
    for (row, side), values in times.items():
        table.setdefault(row, {})[side] = round(statistics.median(values), 3)
    for row, sides in table.items():
        print(f"{row:28}", "  ".join(f"{side} {value:7.2f} s" for side, value in sides.items()))
    if options.output:
        machine = {"python": platform.python_version(), "cores": os.cpu_count(), "rounds": options.rounds}
        options.output.write_text(
            json.dumps({"machine": machine, "seconds": table}, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
