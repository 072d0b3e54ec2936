"""What a training's other processes run, and how quiet they are."""

from __future__ import annotations

import logging
import sys

from hydra.core.hydra_config import HydraConfig
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.configuration.quoting import quoted

# What a job gets from the process that has composed it, and must not compose a second time.
OWN_TO_A_JOB = (
    "hydra.mode",
    "hydra.job.name",
    "hydra.run.dir",
    "hydra.output_subdir",
    "hydra.sweep",
    "hydra.launcher",
)


def rank_command(command: str) -> list[str]:
    """What makes another process compose this very job, in this job's folder.

    Lightning would repeat the program's own command line; of a multirun that is the whole sweep again.

    Args:
        command: name of the command of ``asap``.
    """
    hydra = HydraConfig.get()
    words = [sys.executable, "-m", "asap_lightning", command, *hydra.overrides.task]
    words += [word for word in hydra.overrides.hydra if not word.lstrip("+~").startswith(OWN_TO_A_JOB)]
    words += [
        f"hydra.run.dir={quoted(hydra.runtime.output_dir)}",
        "hydra.output_subdir=null",
        "hydra.mode=RUN",
        f"hydra.job.name={command}_rank${{oc.env:LOCAL_RANK}}",  # names its log file
    ]
    if hydra.job.config_name != command:
        words += ["--config-name", str(hydra.job.config_name)]
    for source in hydra.runtime.config_sources:
        if source.provider == "command-line":
            words += ["--config-dir", source.path]
    return words


def quiet_other_ranks() -> None:
    """Leaves the console of every process but the first to warnings; their log files keep everything."""
    if getattr(rank_zero_only, "rank", 0) == 0:
        return
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setLevel(logging.WARNING)
