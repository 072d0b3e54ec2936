"""Names of what lies in the folder of a run, ``runs/NAME/TIME``, or of a job of a sweep.

checkpoints/last.ckpt, best.ckpt    metrics.csv    samples/step_*.png    train.log
config.yaml (resolved)    .hydra/overrides.yaml (as typed)    finished.json, pruned.json, failed.json
"""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = "checkpoints"
LAST = Path(CHECKPOINTS) / "last.ckpt"
BEST = Path(CHECKPOINTS) / "best.ckpt"
METRICS_CSV = "metrics.csv"
SAMPLES = "samples"
CONFIG = "config.yaml"
LOG = "train.log"
HYDRA = ".hydra"
OVERRIDES = Path(HYDRA) / "overrides.yaml"
FINISHED = "finished.json"
PRUNED = "pruned.json"
FAILED = "failed.json"
REQUEUED = "requeued"
"""Left by a job that hands itself back to its scheduler."""
RUN_LOCK = ".lock"
"""Held locked by the training that writes into the folder."""
MULTIRUN = "multirun"
"""Folder beside a name's runs that holds its sweeps."""
SWEEP = "multirun.yaml"
"""In a sweep's folder: the configuration that its jobs have in common."""

JOURNAL = "study.journal"
"""In the folder of an Optuna study: its trials."""


def rank_logs(folder: Path) -> list[Path]:
    """The logs of a run's further processes."""
    return sorted(folder.glob("train_rank*.log"))


def best_checkpoint(folder: Path) -> Path | None:
    """The run's best checkpoint, or else its last; None without one."""
    return next((path for name in (BEST, LAST) if (path := folder / name).is_file()), None)


def checkpoint_in(folder: Path, prefer: Path = BEST) -> Path | None:
    """A run's checkpoint, from its folder or the one of checkpoints: the preferred, or else the other one."""
    other = LAST if prefer == BEST else BEST
    choices = (folder / name for name in (prefer, other, prefer.name, other.name))
    return next((path for path in choices if path.is_file()), None)


def runs_with(root: Path, file: Path = LAST) -> list[Path]:
    """The run folders directly under ``root`` that hold ``file``, newest file first."""
    found = [path for path in root.glob("*") if (path / file).is_file()]
    return sorted(found, key=lambda path: (path / file).stat().st_mtime_ns, reverse=True)
