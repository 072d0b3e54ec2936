"""``asap singan train image=PATH``: learns from one image, or goes on with it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning import Callback, seed_everything
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.checkpoint import read_checkpoint
from asap_lightning.commands.train import achieving, only_writer, quiet_lightning, seed_of, stopping
from asap_lightning.configuration.assemble import make_configured_trainer, make_loggers
from asap_lightning.configuration.checkpoints import checkpoint_to_resume
from asap_lightning.configuration.plain import configured_by, plain
from asap_lightning.configuration.run_begin import begin_run
from asap_lightning.errors import UserError
from asap_lightning.run_folder.marks import mark_finished
from asap_lightning.run_folder.names import CHECKPOINTS, FINISHED, LAST, runs_with
from asap_lightning.singan.checkpoint import Pyramid, pyramid_in
from asap_lightning.singan.picture import read_image, read_region
from asap_lightning.singan.updates import UpdateSettings
from asap_lightning.singan_training.module import POSITION, SinGanModule
from asap_lightning.singan_training.position import Position
from asap_lightning.singan_training.recipe import Recipe
from asap_lightning.tracking import finished_runs
from asap_lightning.training import CheckpointWriter, StopRequest, fit
from asap_lightning.training.callbacks import ResolvedConfig

log = logging.getLogger(__name__)


def run(config: DictConfig) -> None:
    """Trains one run in the folder that Hydra has made for it.

    Raises:
        UserError: anything the user can mend.
        SystemExit: 130 after Ctrl-C, 143 after SIGTERM; a checkpoint has been written.
    """
    quiet_lightning()
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    with only_writer(folder) as alone:
        if not alone:
            raise UserError(
                f"another process is training in {folder}; wait for its end, or name another hydra.run.dir"
            )
        train_in(folder, config, to_resume(config, folder))


def to_resume(config: DictConfig, folder: Path) -> Path | None:
    """The checkpoint that the run goes on from; None: it begins.

    Raises:
        UserError: the folder holds a run, and nothing says that it should go on.
    """
    resume = checkpoint_to_resume(config.ckpt, folder)
    if resume is None and (folder / LAST).is_file():
        raise UserError(
            f"{folder} holds a run: {standing(folder)}; ckpt=auto goes on with it, another name= or "
            "hydra.run.dir= begins a new one"
        )
    if config.ckpt is None and HydraConfig.get().mode != RunMode.MULTIRUN:
        for earlier in runs_with(Path(config.runs) / str(config.name)):
            if not (earlier / FINISHED).is_file():
                log.info(
                    "%s holds an earlier run: %s; ckpt=auto would go on with it", earlier, standing(earlier)
                )
                break
    return resume


def standing(folder: Path) -> str:
    """How far the run in a folder has come, in words."""
    try:
        pyramid = pyramid_in(read_checkpoint(folder / LAST), folder / LAST)
    except UserError as error:
        return f"its checkpoint cannot be used ({error})"
    return said(pyramid)


def said(pyramid: Pyramid) -> str:
    """Finished, or stopped at which scale."""
    if pyramid.finished:
        return f"finished, {pyramid.count} scales"
    return f"stopped at scale {len(pyramid.scales) + 1} of {pyramid.count}"


def train_in(folder: Path, config: DictConfig, resume: Path | None) -> None:
    """Trains in a folder that no other process writes to; refuses from cheap to expensive."""
    path = image_path(config.image)
    recipe = make_recipe(config)
    seed = seed_of(config)
    image, notes = read_image(path, plain_value(config.background))
    size = (image.shape[-2], image.shape[-1])
    region = None if config.mask is None else read_region(Path(str(config.mask)).expanduser(), size)
    for note in notes:
        log.info("%s", note)
    seed_everything(seed, workers=True, verbose=False)
    with configured_by("ahead"):
        module = SinGanModule(image, recipe, seed=seed, region=region, ahead=config.ahead)
    if resume is not None and resumed(resume, module, folder, config):
        return
    sizes = module.plan.sizes
    log.info(
        "run %s; %s, %d x %d: %d scales from %d x %d to %d x %d, %d iterations each",
        *(folder, path.name, *size, module.plan.count, *sizes[0], *sizes[-1], recipe.iterations),
    )
    stop = StopRequest(announce=rank_zero_only(lambda text: print(text, file=sys.stderr)))
    loggers = make_loggers(config)
    with finished_runs(loggers):
        trainer = make_configured_trainer(
            with_steps(config, module.total), folder, make_callbacks(config, folder, stop), loggers
        )
        begin_run(config)
        begun = 0 if resume is None else len(module.finished)
        with achieving(trainer, folder, begun), stopping(stop, folder):
            fit(trainer, module, ckpt_path=resume, stop=stop)
    mark_finished(folder, plain(config), trainer.global_step)


def resumed(path: Path, module: SinGanModule, folder: Path, config: DictConfig) -> bool:
    """Says where the run goes on; True if nothing is left to train.

    Raises:
        UserError: the checkpoint is of another image or other settings.
    """
    checkpoint = read_checkpoint(path)
    pyramid = pyramid_in(checkpoint, path)
    position = Position.read(checkpoint.get(POSITION), path)
    position.compare(module.recipe, module.image_key, module.seed)
    if pyramid.finished:
        log.info("%s: %s; nothing is left to train. Another name= begins a new run", folder, said(pyramid))
        if not (folder / FINISHED).is_file():  # killed between the last checkpoint and the mark
            mark_finished(folder, plain(config), module.total)
        return True
    log.info(
        "resuming from %s (scale %d of %d, iteration %d of %d)",
        *(path, position.scale + 1, pyramid.count, position.iteration, module.recipe.iterations),
    )
    return False


def make_recipe(config: DictConfig) -> Recipe:
    """The recipe that the configuration describes; the task sets what belongs to it.

    Raises:
        UserError: a number out of its range.
    """
    updates = plain(config.updates)
    if config.task == "animation":
        updates["noise_padding"] = True
    if config.task == "super_resolution" and updates["reconstruction"] == UpdateSettings.reconstruction:
        updates["reconstruction"] = 100.0
    animated = config.task == "animation" and config.min_size == Recipe.min_size
    with configured_by("updates, network, optimizer"):
        return Recipe(
            task=str(config.task),
            factor=float(config.factor),
            min_size=20 if animated else config.min_size,
            max_size=config.max_size,
            scale_factor=float(config.scale_factor),
            iterations=config.iterations,
            **plain(config.network),
            **plain(config.optimizer),
            updates=UpdateSettings(**updates),
        )


def make_callbacks(config: DictConfig, folder: Path, stop: StopRequest) -> list[Callback]:
    """The callbacks of ``callbacks``, in order, behind the checkpoint writer."""
    with configured_by("callbacks"):
        chosen = [instantiate(node) for node in config.callbacks.values() if node is not None]
    with configured_by("checkpoint"):
        writer = CheckpointWriter(folder / CHECKPOINTS, stop=stop, monitor=None, **plain(config.checkpoint))
    return [ResolvedConfig(plain(config), folder), writer, *chosen]


def with_steps(config: DictConfig, total: int) -> DictConfig:
    """The configuration with the number of iterations over all scales, where the trainer ends."""
    changed = config.copy()
    changed.trainer.max_steps = total
    return changed


def image_path(image: Any) -> Path:
    """The file of ``image=``.

    Raises:
        UserError: a folder, or no such file.
    """
    path = Path(str(image)).expanduser()
    if path.is_dir():
        raise UserError(f"image={image} is a folder; a picture was expected, or several: image=[A,B]")
    if not path.is_file():
        raise UserError(f"image={image}: there is no such file (looked from {Path.cwd()})")
    return path


def plain_value(value: Any) -> Any:
    """A text as it is, a list as a list."""
    return value if isinstance(value, str) else list(value)
