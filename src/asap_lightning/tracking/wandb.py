"""Weights & Biases, offline where there is no key, one run a training however often it is resumed."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import wandb
from numpy.typing import NDArray
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from wandb.sdk.lib import RunDisabled

from asap_lightning.errors import UserError
from asap_lightning.tracking.artifacts import known_artifact, log_checkpoint, step_of
from asap_lightning.tracking.describing import define_metrics, describe
from asap_lightning.tracking.offline import is_closed
from asap_lightning.tracking.provenance import code_state
from asap_lightning.tracking.starting import Mode, ResolvedMode, resolve_mode, start_run

log = logging.getLogger(__name__)

LogCheckpoints = Literal["best", "all", False]
UNFINISHED = "upload_unfinished.txt"
"""Left in an online run's folder when uploads were not done in time."""


def make_wandb_logger(
    folder: str | Path,
    project: str = "asap-lightning",
    *,
    entity: str | None = None,
    group: str | None = None,
    name: str | None = None,
    job_type: str = "train",
    tags: Sequence[str] = (),
    notes: str | None = None,
    mode: Mode = "auto",
    run_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    log_checkpoints: LogCheckpoints = "best",
    init_timeout: float = 60,
    finish_timeout: float = 600,
) -> RunLogger:
    """A logger whose run starts with the first use and lies in ``<folder>/wandb``.

    Args:
        folder: the training's folder. The run's id is kept there, so that a resumed training
            continues the same run.
        project: name of the W&B project.
        entity: user or team; None takes the account's default.
        group: name under which W&B gathers runs (a sweep, the folds of an experiment).
        name: of the run; None takes the last two parts of the folder (``demo/2026-01-31_12-00-00``).
        job_type: ``train``, ``evaluate``, ...
        tags: words to find the run by.
        notes: free text.
        mode: ``auto`` is online if there is an API key, else offline, and says so; the environment
            variable ``WANDB_MODE`` decides before ``auto`` does. Nothing ever asks for a key.
        run_id: id of a run to continue; None takes the id in the folder, or makes a new one.
        config: the resolved configuration, as nested plain containers.
        log_checkpoints: ``best`` logs ``best.ckpt`` (without one ``last.ckpt``) as an artifact once, when
            the training ends; ``all`` every checkpoint whenever it is written; False none.
        init_timeout: seconds to wait for the server at the start; afterwards the run is logged offline.
        finish_timeout: seconds to wait for uploads at the end; 0 waits for ever.

    Raises:
        UserError: ``mode=online`` without an API key, or an unknown mode or choice.
    """
    folder = Path(folder)
    if log_checkpoints not in ("best", "all", False):
        raise UserError(f"logger.wandb.log_checkpoints={log_checkpoints}: best, all or false was expected")
    return RunLogger(
        mode=resolve_mode(mode, folder),
        save_dir=folder,
        log_checkpoints=log_checkpoints,
        timeouts={"init_timeout": float(init_timeout), "finish_timeout": float(finish_timeout)},
        project=project,
        entity=entity,
        group=group,
        name=name or "/".join(folder.resolve().parts[-2:]),
        job_type=job_type,
        tags=list(tags),
        notes=notes,
        config=dict(config or {}),
        id=run_id,
    )


class RunLogger(WandbLogger):
    """Lightning's logger with a run of its own, whose best metrics stand in the summary.

    Lightning's takes over whatever run is alive in the process; this one opens another beside it,
    and `finish` ends it with an exit code.
    """

    def __init__(
        self,
        mode: ResolvedMode,
        save_dir: Path,
        log_checkpoints: LogCheckpoints = False,
        timeouts: Mapping[str, float] | None = None,
        **init: Any,
    ) -> None:
        super().__init__(save_dir=str(save_dir), mode=mode, **init)
        self._wandb_init.pop("anonymous", None)  # W&B warns when it is named, even as None
        self.mode: ResolvedMode = mode
        self.log_checkpoints: LogCheckpoints = log_checkpoints
        self._timeouts = dict(timeouts or {})
        self._writer: Any = None
        self._snapshots: list[Path] = []

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; it is started at the first use."""
        attach_id = getattr(self, "_attach_id", None)
        if self._experiment is None and attach_id is not None:
            self._experiment = wandb._attach(attach_id)  # type: ignore[attr-defined]
        if self._experiment is None:
            code = code_state()
            settings: dict[str, Any] = {**self._timeouts, "finish_timeout_raises": True}
            if code.root is not None:
                settings["git_root"] = str(code.root)
            self._experiment = start_run(self._wandb_init, settings)
            if self.mode == "online" and getattr(self._experiment, "offline", False):
                self.mode = "offline"  # the server could not be reached
            if not isinstance(self._experiment, RunDisabled):
                define_metrics(self._experiment)
                describe(self._experiment)
        return self._experiment

    @property
    def run_folder(self) -> Path | None:
        """The W&B folder of the run (``.../wandb/offline-run-<time>-<id>``); None before it starts."""
        if self._experiment is None or isinstance(self._experiment, RunDisabled) or self.mode == "disabled":
            return None
        return Path(self._experiment.settings.sync_dir)

    @property
    def url(self) -> str | None:
        """Address of the run's page; None offline."""
        return getattr(self._experiment, "url", None) if self.mode == "online" else None

    @rank_zero_only
    def log_histogram(
        self, key: str, counts: NDArray[np.int64], edges: NDArray[np.float64], step: int
    ) -> None:
        """Logs a histogram: counts (N,) between edges (N + 1,)."""
        self.log_metrics({key: wandb.Histogram(np_histogram=(counts, edges))}, step)  # type: ignore[dict-item]

    @rank_zero_only
    def log_table(
        self,
        key: str,
        columns: list[str] | None = None,
        data: list[list[Any]] | None = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Logs a table; cells that are (H, W, 3) arrays become pictures."""
        if data is not None:
            data = [[wandb.Image(c) if isinstance(c, np.ndarray) else c for c in row] for row in data]
        with self._staging():
            super().log_table(key, columns, data, dataframe, step)

    @rank_zero_only
    def log_bars(self, key: str, label: str, value: str, rows: Sequence[tuple[str, float]]) -> None:
        """Logs a bar chart, and what it shows as the table ``KEY_table``.

        Args:
            key: name of the chart.
            label: heading of the bars' names.
            value: heading of their lengths.
            rows: name and length of each bar.
        """
        table = wandb.Table(columns=[label, value], data=[list(row) for row in rows])
        self._log_chart(key, wandb.plot.bar(table, label, value, title=key))

    @rank_zero_only
    def log_scatter(self, key: str, columns: Sequence[str], rows: Sequence[tuple[str, float, float]]) -> None:
        """Logs points, and what they are as the table ``KEY_table``.

        Args:
            key: name of the chart.
            columns: headings of the points' names, of x and of y.
            rows: name, x and y of each point.
        """
        table = wandb.Table(columns=list(columns), data=[list(row) for row in rows])
        self._log_chart(key, wandb.plot.scatter(table, columns[1], columns[2], title=key))

    def _log_chart(self, key: str, chart: Any) -> None:
        with self._staging():
            self.log_metrics({key: chart})

    @rank_zero_only
    def use_checkpoint(self, role: str, path: str | Path, artifact: str | None) -> None:
        """Notes what the run was made from, and tells W&B if it is an artifact.

        Offline W&B cannot look an artifact up: the name in the configuration (``inputs``) is what
        `asap tracking sync` completes the lineage from.

        Args:
            role: ``resume``, ``initialize``, ``evaluate``, ``predict``.
            path: the checkpoint file.
            artifact: name of the artifact it is; None if it is none.
        """
        run = self.experiment
        if isinstance(run, RunDisabled):
            return
        inputs = {**run.config.get("inputs", {}), role: {"file": str(path), "artifact": artifact}}
        run.config.update({"inputs": inputs}, allow_val_change=True)
        if artifact is not None and self.mode == "online":
            try:
                run.use_artifact(artifact, type="model")
            except Exception as error:  # whatever it is, it must not stop the work
                log.warning("W&B: cannot note that this run uses %s (%s)", artifact, error)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Logs, or keeps in mind for the end, what a `CheckpointWriter` has just written."""
        newest = getattr(checkpoint_callback, "newest", None)
        if not self.log_checkpoints or newest is None or self.mode == "disabled":
            return
        self._writer = checkpoint_callback
        if self.log_checkpoints == "all":
            self._log_checkpoint(*newest)

    def finish(self, exit_code: int = 0) -> None:
        """Ends the run, if one was started and is not yet ended; logs the best checkpoint before."""
        run = self._experiment
        if run is None or getattr(run, "_is_finished", False):
            return
        preempted = exit_code == 128 + signal.SIGTERM and self.mode == "online"
        if self._writer is not None and self.log_checkpoints == "best" and not preempted:
            self._log_best()
        try:
            run.finish(exit_code=exit_code)
        except TimeoutError:
            self._note_unfinished()
            return
        if self.mode == "offline" and self.run_folder is not None:
            _wait_until_closed(self.run_folder)
        elif self.mode == "online":
            for snapshot in self._snapshots:
                snapshot.unlink(missing_ok=True)

    def _log_best(self) -> None:
        """Logs the best checkpoint, unless it was logged before a resume; without one, the last."""
        best = self._writer.best_path
        if not best.is_file():
            self._log_checkpoint(*self._writer.newest)
        elif known_artifact(best) is None:
            self._log_checkpoint(best, self._writer.best_step)

    def _log_checkpoint(self, path: Path, step: int | None) -> None:
        writer = self._writer
        is_best = path == writer.best_path
        snapshots = Path(str(self.save_dir)) / "wandb" / "checkpoints"
        try:
            step = step_of(path) if step is None else step
            aliases = ["latest", *(["best"] if is_best else []), f"step-{step}"]
            about = {"step": step, "monitor": writer.monitor}
            if is_best and writer.best_value is not None:
                about["value"] = writer.best_value
            snapshot = log_checkpoint(self.experiment, path, snapshots, aliases=aliases, metadata=about)
            self._snapshots.append(snapshot)
        except Exception as error:  # of the disk, of W&B, a damaged file: none of them ends a training
            log.warning("W&B: cannot log the checkpoint %s (%s); training goes on", path, error)

    def _note_unfinished(self) -> None:
        folder = self.run_folder
        assert folder is not None
        (folder / UNFINISHED).write_text("asap tracking sync uploads the rest\n", encoding="utf-8")
        log.warning(
            "W&B: uploads were not done within %g s; `asap tracking sync` uploads the rest of %s",
            self._timeouts.get("finish_timeout", 0),
            folder,
        )

    @contextmanager
    def _staging(self) -> Iterator[None]:
        """Keeps what an offline run uploads later in the run's folder, not in W&B's for the whole machine."""
        if self.mode != "offline":
            yield
            return
        before = os.environ.get("WANDB_DATA_DIR")
        os.environ["WANDB_DATA_DIR"] = str((Path(str(self.save_dir)) / "wandb").absolute())
        try:
            yield
        finally:
            if before is None:
                del os.environ["WANDB_DATA_DIR"]
            else:
                os.environ["WANDB_DATA_DIR"] = before


def _wait_until_closed(folder: Path, seconds: float = 10.0) -> None:
    """W&B's writer may still be busy when ``finish`` returns; whoever reads the file next needs its end."""
    until = time.monotonic() + seconds
    while not any(is_closed(path) for path in folder.glob("run-*.wandb")):
        if time.monotonic() > until:
            log.warning("W&B: %s was not closed within %g s; it may lack its end", folder, seconds)
            return
        time.sleep(0.01)
