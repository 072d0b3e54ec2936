"""Hydra finds its plugins in the namespace ``hydra_plugins``; this one hands over to `asap_lightning`.

Hydra imports it for every command, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["StudySweeper"]


class StudySweeper(Sweeper):
    """Runs the trials of an Optuna study, see ``conf/hydra/sweeper/study.yaml``."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps what Hydra gives for launching jobs."""
        self.context, self.task_function, self.settled = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the study; ``arguments`` are the overrides of the command line."""
        from asap_lightning.configuration.study_sweep import run_study

        return run_study(self, arguments)

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> Sequence[Any]:
        """Starts jobs with the launcher of ``hydra/launcher`` and waits for them."""
        from hydra.core.plugins import Plugins

        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.task_function, config=self.settled
        )
        return launcher.launch(jobs, initial_job_idx=first)
