"""``asap train``: composes a run, trains it, or resumes it."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from pytorch_lightning import seed_everything
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.commands.assemble import (
    make_callbacks,
    make_configured_trainer,
    make_data,
    make_loggers,
    make_module,
    parameters_in_millions,
    plain,
)
from asap_lightning.commands.checkpoints import checkpoint_to_resume
from asap_lightning.commands.finished import is_finished, mark_finished
from asap_lightning.commands.ranks import quiet_other_ranks, rank_command
from asap_lightning.tracking import finished_runs
from asap_lightning.training import (
    ModelDescription,
    StopRequest,
    TrainingInterrupted,
    fit,
    initialize_from,
    own_processes,
    read_checkpoint,
)

log = logging.getLogger(__name__)


def run(config: DictConfig) -> None:
    """Trains one run in the folder that Hydra has made for it.

    Raises:
        UserError: anything the user can mend.
        SystemExit: 130 after Ctrl-C, 143 after SIGTERM; a checkpoint has been written.
    """
    quiet_lightning()
    quiet_other_ranks()
    folder = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode == RunMode.MULTIRUN and config.ckpt and is_finished(folder, plain(config)):
        log.info("job %s was finished earlier: %s", HydraConfig.get().job.num, folder)
        return
    resume = checkpoint_to_resume(config.ckpt, folder)
    if resume is not None:  # before anything is built: is it one of ours?
        ModelDescription.from_checkpoint(read_checkpoint(resume), resume)
    seed_everything(config.seed, workers=True, verbose=False)
    data = make_data(config)
    module = make_module(config, data)
    if config.initialize is not None and resume is None:
        taken, left = initialize_from(module.generator, config.initialize)
        log.info("took %d tensors of %s, left %d as they were", len(taken), config.initialize, len(left))
    log.info(
        "run %s; generator %.1f M parameters, discriminator %.1f M",
        folder,
        parameters_in_millions(module.generator),
        parameters_in_millions(module.discriminator),
    )
    stop = StopRequest(announce=rank_zero_only(lambda text: print(text, file=sys.stderr)))
    loggers = make_loggers(config)
    with finished_runs(loggers):
        trainer = make_configured_trainer(config, folder, make_callbacks(config, folder, stop), loggers)
        if resume is not None:
            log.info("resuming from %s", resume)
        try:
            with own_processes(trainer, rank_command("train")):
                fit(trainer, module, data, ckpt_path=resume, stop=stop, baseline=config.baseline)
        except TrainingInterrupted as interrupted:
            where = f"; resume with ckpt={interrupted.checkpoint}" if interrupted.checkpoint else ""
            log.info("stopped by %s%s", signal.Signals(interrupted.signal_number).name, where)
            raise SystemExit(128 + interrupted.signal_number) from interrupted
        except SystemExit as ended:
            # A second Ctrl-C: Lightning has torn down and exits with 1.
            if stop.signal_number is None:
                raise
            raise SystemExit(128 + stop.signal_number) from ended
    if trainer.is_global_zero:
        mark_finished(folder, plain(config), trainer.global_step)


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
