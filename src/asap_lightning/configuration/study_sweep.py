"""Runs a study: from Hydra's overrides to trials, and each trial as a job in a folder of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from omegaconf import OmegaConf

from asap_lightning.configuration.study_workers import run_workers
from asap_lightning.errors import UserError
from asap_lightning.metrics import metric_named
from asap_lightning.run_folder.names import SWEEP
from asap_lightning.sweeping.space import Choice, Parameter, Real, Whole
from asap_lightning.sweeping.study import Claim, SharedStudy, StudySettings
from asap_lightning.sweeping.trial import TRIAL

if TYPE_CHECKING:
    from hydra_plugins.asap_study import StudySweeper

log = logging.getLogger(__name__)


def run_study(sweeper: StudySweeper, arguments: list[str]) -> None:
    """Works on the study until nothing is left to begin.

    Raises:
        UserError: wrong settings; or the first failed trial's mistake, after the others.
    """
    settings = dict(OmegaConf.to_container(sweeper.settled.hydra.sweeper, resolve=True))  # type: ignore[arg-type]
    folder = Path(str(sweeper.settled.hydra.sweep.dir))
    space, fixed = split_overrides(sweeper, settings["params"], arguments)
    study = SharedStudy(folder, study_settings(settings, space, fixed))
    OmegaConf.save(sweeper.settled, folder / SWEEP)
    log.info("study in %s: %d trials of %d are there", folder, len(study.trials()), settings["trials"])
    if settings["workers"] > 1:
        run_workers(sweeper.settled, study, int(settings["workers"]))
        errors: list[Exception] = []
    else:
        errors = work_on(sweeper, study, fixed)
    say_front(study)
    if errors:
        raise errors[0]


def study_settings(
    settings: dict[str, Any], space: dict[str, Parameter], fixed: Sequence[str]
) -> StudySettings:
    """The study that ``hydra.sweeper`` describes."""
    kept = [word for word in fixed if not word.startswith("ckpt=")]
    metric = str(settings["metric"])
    names = ("cost", "trials", "sampler", "population", "seed", "pruner")
    return StudySettings(
        space=space,
        metric=metric.partition(":")[0],
        higher_is_better=metric_named(metric, "hydra.sweeper.metric=").higher_is_better,
        overrides=tuple(kept),
        **{name: settings[name] for name in names},
    )


def split_overrides(
    sweeper: StudySweeper, params: dict[str, Any], arguments: Sequence[str]
) -> tuple[dict[str, Parameter], list[str]]:
    """What the study chooses, and the overrides that every trial has.

    A value on the command line wins over the same key in ``params``.

    Raises:
        UserError: a range that cannot be searched.
    """
    parser = OverridesParser.create(config_loader=sweeper.context.config_loader)
    parsed = parser.parse_overrides([f"{key}={value}" for key, value in params.items()])
    given = parser.parse_overrides(list(arguments))
    space: dict[str, Parameter] = {}
    for override in (*parsed, *given):
        space.pop(override.get_key_element(), None)
        if override.is_sweep_override():
            space[override.get_key_element()] = parameter_of(override)
    fixed = [str(override.input_line) for override in given if not override.is_sweep_override()]
    return space, fixed


def parameter_of(override: Override) -> Parameter:
    """The parameter that Hydra's ``choice``, ``range`` or ``interval`` describes."""
    value: Any = override.value()
    try:
        if isinstance(value, IntervalSweep):
            start: Any = value.start
            end: Any = value.end
            logarithmic = "log" in value.tags
            if isinstance(start, int) and isinstance(end, int):
                return Whole(start, end, log=logarithmic)
            return Real(float(start), float(end), log=logarithmic)
        if isinstance(value, RangeSweep):
            numbers = list(value.range())
            if all(isinstance(number, int) for number in numbers) and len(numbers) > 1:
                return Whole(min(numbers), max(numbers), step=abs(int(value.step)))
        if isinstance(value, ChoiceSweep | RangeSweep):
            return Choice(tuple(str(text) for text in override.sweep_string_iterator()))
    except ValueError as error:
        raise UserError(f"{override.input_line}: {error}") from error
    raise UserError(
        f"{override.input_line}: a study searches 'a,b,c', choice(...), range(...), interval(...) and "
        f"tag(log, interval(...)); this is none of them"
    )


def work_on(sweeper: StudySweeper, study: SharedStudy, fixed: Sequence[str]) -> list[Exception]:
    """Runs trials one after the other; returns what went wrong."""
    errors: list[Exception] = []
    # A trial that another process has begun goes on at its checkpoint; in a new folder nothing is found.
    kept = [word for word in fixed if word not in ("ckpt=last", "ckpt=auto", "ckpt=null")]
    resume = [] if any(word.startswith("ckpt=") for word in kept) else ["ckpt=auto"]
    while (claim := study.claim()) is not None:
        shown = " ".join(f"{key}={value}" for key, value in claim.values.items())
        log.info("trial %d%s: %s", claim.number, " goes on" if claim.resumed else "", shown)
        job = [*kept, *resume, *(f"{key}={value}" for key, value in claim.values.items())]
        job.append(f"+hydra.job.env_set.{TRIAL}='{claim.number}'")
        try:
            (result,) = sweeper.launch([job], claim.number)
            _ = result.return_value  # raises what the job has raised
        except Exception as error:
            study.fail(claim, f"{type(error).__name__}: {error}")
            errors.append(error)
            continue
        except BaseException:  # stopped: whoever comes next goes on with it
            claim.lock.release()
            raise
        try:
            say_result(study, claim, *study.finish(claim))
        except UserError as error:
            log.error("%s", error)
            errors.append(error)
    return errors


def say_result(study: SharedStudy, claim: Claim, quality: float, cost: float) -> None:
    """One line for a finished trial."""
    pruned = study.pruned_at(claim.number)
    log.info(
        "trial %d: %s %.5g, %s %.5g%s",
        claim.number,
        study.settings.metric,
        quality,
        study.settings.cost,
        cost,
        f", pruned after {pruned} updates" if pruned is not None else "",
    )


def say_front(study: SharedStudy) -> None:
    """The Pareto front, and what to do next."""
    front = study.front()
    log.info("%d trials; none is better in both than these:", len(study.trials()))
    names = study.settings
    for trial in front:
        shown = " ".join(f"{key}={value}" for key, value in trial.params.items())
        quality, cost = trial.values
        log.info("  %s %.5g  %s %.5g  %s", names.metric, quality, names.cost, cost, shown)
    log.info("asap report sweep %s", study.folder)
