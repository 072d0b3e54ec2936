"""``asap train``: composes a run, trains it, or resumes it."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.configuration.assemble import (
    describe,
    make_callbacks,
    make_configured_trainer,
    make_loggers,
    make_module,
    parameters_in_millions,
)
from asap_lightning.configuration.checkpoints import checkpoint_to_resume, local_file
from asap_lightning.configuration.data import make_data
from asap_lightning.configuration.parts import require_parts
from asap_lightning.configuration.plain import plain
from asap_lightning.configuration.quoting import typed
from asap_lightning.configuration.ranks import quiet_other_ranks, rank_command
from asap_lightning.configuration.requeue import forget_requeue, hand_back, warn_of_shared_store, was_requeued
from asap_lightning.configuration.resuming import StoredRun
from asap_lightning.configuration.run_begin import begin_run, withdraw_run
from asap_lightning.configuration.trainer_checks import require_schedule
from asap_lightning.configuration.trial_job import measure_trial, trial_marks, trial_reporter
from asap_lightning.data import PairedDataModule
from asap_lightning.errors import UserError
from asap_lightning.locks import lock_at, taken
from asap_lightning.run_folder.marks import is_finished, mark_finished
from asap_lightning.run_folder.names import LAST, RUN_LOCK
from asap_lightning.tracking import finished_runs, note_input
from asap_lightning.training import (
    StopRequest,
    TrainingInterrupted,
    TranslationModule,
    fit,
    initialize_discriminator_from,
    initialize_from,
    own_processes,
    resumable_from,
)
from asap_lightning.wording import counted

log = logging.getLogger(__name__)


def run(config: DictConfig) -> None:
    """Trains one run in the folder that Hydra has made for it.

    Raises:
        UserError: anything the user can mend.
        SystemExit: 130 after Ctrl-C, 143 after SIGTERM; a checkpoint has been written.
    """
    quiet_lightning()
    quiet_other_ranks()
    warn_of_shared_store()
    hydra = HydraConfig.get()
    folder, several = Path(hydra.runtime.output_dir), hydra.mode == RunMode.MULTIRUN
    ckpt = config.ckpt or ("auto" if was_requeued(folder) else None)
    with only_writer(folder) as alone:
        if not alone and not several:
            raise UserError(
                f"another process is training in {folder}; wait for its end, or name another hydra.run.dir"
            )
        if not alone:
            log.info("job %s is being run by another process: %s", hydra.job.num, folder)
        elif several and ckpt and is_finished(folder, plain(config)):
            log.info("job %s was finished earlier: %s", hydra.job.num, folder)
        else:
            train_in(folder, config, checkpoint_to_resume(ckpt, folder))


def train_in(folder: Path, config: DictConfig, resume: Path | None) -> None:
    """Trains in a folder that no other process writes to.

    What can be refused is refused from cheap to expensive: the checkpoint, the data, networks, the trainer.
    """
    require_parts(plain(config), HydraConfig.get().overrides.task)
    stored = None if resume is None else StoredRun.read(resume)
    if stored is not None and (done := stored.done(config.trainer)) is not None:
        log.info("%s: %s", folder, done)
        note_finished(folder, config, stored.step)
        return
    seed_everything(seed_of(config), workers=True, verbose=False)
    data = make_data(config)
    find_pairs(data)
    if stored is not None:
        stored.compare(describe(config, data), folder)
    module = make_module(config, data)
    inputs = {
        "resume": resume,
        "initialize": initialize(module, config.initialize) if resume is None else None,
    }
    log.info(
        "run %s; generator %.1f M parameters, discriminator %.1f M",
        folder,
        parameters_in_millions(module.generator),
        parameters_in_millions(module.discriminator),
    )
    stop = StopRequest(announce=rank_zero_only(lambda text: print(text, file=sys.stderr)))
    loggers, reporter = make_loggers(config), trial_reporter(folder)
    callbacks = make_callbacks(config, folder, stop) + ([reporter] if reporter else [])
    with finished_runs(loggers):
        trainer = make_configured_trainer(config, folder, callbacks, loggers)
        require_schedule(trainer, data)
        begin_run(config)
        if reporter is not None:
            measure_trial(reporter, module, data, trainer, folder)
        with achieving(trainer, folder, stored.step if stored else 0), stopping(stop, folder):
            for role, file in inputs.items():
                note_input(loggers, role, file)
            with own_processes(trainer, rank_command("train")):
                fit(trainer, module, data, ckpt_path=resume, stop=stop, baseline=config.baseline)
    if trainer.is_global_zero:
        pruned = reporter is not None and reporter.pruned_at is not None
        mark_finished(folder, plain(config), trainer.global_step, pruned=pruned, **trial_marks(reporter))
        forget_requeue(folder)


def seed_of(config: DictConfig) -> int:
    """The run's seed.

    Raises:
        UserError: not a whole number from 0 to 2^32 - 1.
    """
    seed = config.seed
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed}: a whole number from 0 to {2**32 - 1} was expected")
    return seed


def find_pairs(data: PairedDataModule) -> None:
    """Makes the data set if it is one that can be made, and finds the pairs of both splits; reads none."""
    data.prepare_data()
    data.items("train")
    data.items("val")


def initialize(module: TranslationModule, source: str | None) -> Path | None:
    """Starts both networks from the weights of ``initialize``, if it is given; returns the file."""
    if source is None:
        return None
    path = local_file(source, "initialize")
    taken, left = initialize_from(module.generator, path)
    log.info("took %s of %s, left %d as they were", counted(len(taken), "tensor"), source, len(left))
    if module.discriminator is not None:
        log.info("%s: %s", source, initialize_discriminator_from(module.discriminator, path))
    return path


def note_finished(folder: Path, config: DictConfig, step: int) -> None:
    """A sweep's job that was ended between its last checkpoint and its mark gets the mark."""
    if HydraConfig.get().mode == RunMode.MULTIRUN and (folder / LAST).is_file():
        mark_finished(folder, plain(config), step, **trial_marks(trial_reporter(folder)))
        forget_requeue(folder)


@contextmanager
def achieving(trainer: Trainer, folder: Path, begun: int) -> Iterator[None]:
    """A mistake before the first step leaves no run; a full disk is told what there is to resume."""
    fresh = not (folder / LAST).is_file()
    try:
        yield
    except UserError:
        if fresh and trainer.global_step <= begun:
            withdraw_run()
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f": {error.filename}" if error.filename else ""
        raise UserError(f"{error.strerror}{where}; {resumable_from(folder / LAST.parent)}") from error


@contextmanager
def stopping(stop: StopRequest, folder: Path) -> Iterator[None]:
    """Says how to go on after a signal, and ends with its exit code."""
    try:
        yield
    except TrainingInterrupted as interrupted:
        where = f"; resume with {typed('ckpt', interrupted.checkpoint)}" if interrupted.checkpoint else ""
        log.info("stopped by %s%s", signal.Signals(interrupted.signal_number).name, where)
        hand_back(interrupted.signal_number, folder)
        raise SystemExit(128 + interrupted.signal_number) from interrupted
    except SystemExit as ended:
        # A second Ctrl-C: Lightning has torn down and exits with 1.
        if stop.signal_number is None:
            raise
        raise SystemExit(128 + stop.signal_number) from ended


@contextmanager
def only_writer(folder: Path) -> Iterator[bool]:
    """Whether this process may write into a run's folder; until the end of the block no other one may.

    The other processes of a distributed training belong to the first one, which asks for all.
    """
    lock = lock_at(folder / RUN_LOCK)
    alone = getattr(rank_zero_only, "rank", 0) != 0 or taken(lock)
    try:
        yield alone
    finally:
        lock.release()


def quiet_lightning() -> None:
    """Silences Lightning's notes on devices and products, and warnings that do not hold here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # Steps are counted over epochs, so short epochs are logged too.
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than the logging")
    # Lightning looks for a position in the loader; here the data module carries it.
    warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before the epoch")
    # On a machine with SLURM it advises to start through srun, also where nobody wants to.
    warnings.filterwarnings("ignore", message="The `srun` command is available")
    # Lightning 2.6 on torch 2.15 uses a class that torch has deprecated.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated", category=FutureWarning)
