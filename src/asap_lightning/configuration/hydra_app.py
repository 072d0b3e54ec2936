"""Runs a command as a Hydra application: overrides, ``--cfg``, ``-m``, ``--help``.

Hydra's own entry point prints every error in its own way and always exits with 1. Here Hydra is told
to raise instead, so that a user's mistake becomes one message and exit code 2, and a crash stays a
crash with its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.help_text import help_text
from asap_lightning.configuration.hydra_errors import translate
from asap_lightning.configuration.quoting import as_typed, with_list
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.configuration.run_begin import (
    begin_run,
    close_run_logs,
    drop_unbegun_run,
    note_error,
)
from asap_lightning.errors import UserError
from asap_lightning.run_folder.marks import forget_failure, mark_failed

FULL_ERROR = "HYDRA_FULL_ERROR"


def run_hydra(
    module: str,
    *,
    config_name: str,
    arguments: list[str],
    prog: str,
    listed: str | None = None,
    commands: Sequence[tuple[str, str]] = (),
) -> int:
    """Composes ``conf/<config_name>.yaml`` with the overrides and calls ``module.run(config)``.

    The module is imported when a run begins, so ``--help`` and ``--cfg`` answer without loading torch.

    Args:
        module: with the function ``run``.
        config_name: of the root file.
        arguments: what was typed behind the command.
        prog: the command as it is typed.
        listed: key that takes the words which are no overrides, as a list.
        commands: sub-commands and what they do, for ``--help``.

    Raises:
        UserError: for a mistake in the overrides, in the configuration, or found by the task.
    """
    register_resolvers()
    parser = get_args_parser()
    parser.prog = prog
    # Flags may stand between overrides: asap train experiment=demo -m seed=0,1 name=pair
    parsed = parser.parse_intermixed_args(arguments)
    words = parsed.overrides if listed is None else with_list(parsed.overrides, listed)
    parsed.overrides = as_typed(words, sweeps=parsed.multirun)
    job = Job(module)
    try:
        if parsed.help:
            folder = parsed.config_dir
            print(help_text(prog, config_name, parsed.overrides, folder=folder, commands=commands), end="")
            return 0
        with hydra_full_error("1"):  # Hydra raises errors instead of printing them and exiting
            _run_hydra(
                args=parsed,
                args_parser=parser,
                task_function=job,
                config_path=str(conf_dir()),
                config_name=config_name,
            )
        if job.error is not None:
            raise job.error
    except BrokenPipeError:  # who read the help or the configuration has gone: `cli` ends quietly
        raise
    except Exception as error:
        if not job.called and isinstance(error, OSError) and not isinstance(error, HydraException):
            raise UserError(no_folder(error)) from error
        mistake = translate(error, config_name=config_name, overrides=parsed.overrides)
        if mistake is None or mistake is error:
            raise
        raise mistake from error
    return 0


class Job:
    """What Hydra calls with a composed configuration.

    The error of a single run is kept in ``error``, because Hydra would print about it before anyone can.
    In a multirun the mistake of each job is printed when it happens, kept in the job's folder, and raised,
    so that the sweeper knows; the other jobs go on, and Hydra raises the first failed job's error after the
    last.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.error: Exception | None = None
        self.called = False
        self.full_error = os.environ.get(FULL_ERROR)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In a process that a launcher has started: the configuration's resolvers are needed there too."""
        self.__dict__.update(state)
        register_resolvers()

    def __call__(self, config: DictConfig) -> Any:
        self.called = True
        hydra = HydraConfig.get()
        folder, several = Path(hydra.runtime.output_dir), hydra.mode == RunMode.MULTIRUN
        forget_failure(folder)
        if several:  # a job that fails keeps its folder, for the sweep's report
            begin_run(config)
        try:
            # As the user has set it: a process that is started there inherits it.
            with hydra_full_error(self.full_error):
                return import_module(self.module).run(config)
        except Exception as error:
            mistake = translate(error, config_name=str(hydra.job.config_name), overrides=[])
            if mistake is None:
                begin_run(config)
            text = str(mistake) if mistake is not None else f"{type(error).__name__}: {error}"
            note_error(text, None if mistake is not None else error)
            if not several:
                self.error = error
                return None
            name = hydra.job.override_dirname
            print(f"asap: job {hydra.job.num} ({name}) failed: {text}", file=sys.stderr)
            mark_failed(folder, text)
            raise
        finally:
            close_run_logs()
            drop_unbegun_run()


def no_folder(error: OSError) -> str:
    """The message for a run's folder that cannot be made."""
    where = f": {error.filename}" if error.filename else ""
    return (
        f"the folder of the run cannot be made: {error.strerror or error}{where}; choose another "
        "folder with runs=DIR, a shorter name=NAME, or hydra.run.dir=DIR"
    )


@contextmanager
def hydra_full_error(value: str | None) -> Iterator[None]:
    """Sets the environment variable HYDRA_FULL_ERROR, or with None removes it, inside the block."""
    before = os.environ.get(FULL_ERROR)
    _set_full_error(value)
    try:
        yield
    finally:
        _set_full_error(before)


def _set_full_error(value: str | None) -> None:
    if value is None:
        os.environ.pop(FULL_ERROR, None)
    else:
        os.environ[FULL_ERROR] = value
