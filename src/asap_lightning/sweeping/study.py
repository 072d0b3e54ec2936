"""A study with two objectives, quality and cost, that several processes work on and that outlives them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.building import shown
from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.measure import COST_NAMES
from asap_lightning.locks import FileLock, is_locked, lock_at, taken
from asap_lightning.run_folder.names import RUN_LOCK
from asap_lightning.sweeping.space import Parameter
from asap_lightning.sweeping.trial import COST, FOLDER, PRUNED, STUDY_NAME, open_storage, signed

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

LOCKS = ".locks"
RETRY_OF, COPY_OF, ERROR = "retry_of", "copy_of", "error"
SAMPLERS = ("tpe", "nsga2", "random")
MOST_COPIES = 50


@dataclass(frozen=True)
class StudySettings:
    """What a study is about. All but the number of trials and the sampler must stay as they are.

    Attributes:
        space: key of the configuration -> what may be chosen for it.
        metric: name of the validation metric that is the quality.
        higher_is_better: whether a larger value of it is the better one.
        cost: ``latency``, ``flops`` or ``parameters``.
        trials: how many trials there are in the end, over all processes and continuations.
        sampler: ``tpe``, ``nsga2`` or ``random``.
        population: of ``nsga2``.
        seed: decides what the sampler draws.
        pruner: name and numbers of the pruning rule, for `pruning_rule`.
        overrides: what else was asked for on the command line.
    """

    space: Mapping[str, Parameter]
    metric: str
    higher_is_better: bool
    cost: str
    trials: int
    sampler: str = "tpe"
    population: int = 20
    seed: int = 0
    pruner: Mapping[str, Any] | None = None
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.space:
            raise UserError("the study has nothing to choose: hydra.sweeper.params is empty")
        if self.sampler not in SAMPLERS:
            raise UserError(
                f"hydra.sweeper.sampler={self.sampler}: one of {', '.join(SAMPLERS)} was expected"
            )
        if self.cost not in COST_NAMES:
            raise UserError(f"hydra.sweeper.cost={self.cost}: one of {', '.join(COST_NAMES)} was expected")
        if self.trials < 1:
            raise UserError(f"hydra.sweeper.trials={self.trials}: at least 1 was expected")

    def fixed(self) -> dict[str, Any]:
        """What a continuation may not change, as plain containers."""
        return {
            "space": {name: parameter.as_dict() for name, parameter in self.space.items()},
            "metric": self.metric,
            "higher_is_better": self.higher_is_better,
            "cost": self.cost,
            "overrides": sorted(self.overrides),
        }

    def make_sampler(self, number: int) -> BaseSampler:
        """The sampler for trial ``number``.

        Each trial has random numbers of its own: workers that began with one seed, or a study that goes on
        after an interruption, would otherwise draw the same trials again.
        """
        from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

        seed = (self.seed * 1_000_003 + number) % 2**32
        if self.sampler == "tpe":
            return TPESampler(seed=seed)
        if self.sampler == "nsga2":
            return NSGAIISampler(population_size=self.population, seed=seed)
        return RandomSampler(seed=seed)


@dataclass
class Claim:
    """A trial that this process works on.

    Attributes:
        number: of the trial.
        values: key of the configuration -> chosen value, as override texts.
        resumed: whether another process has begun it and is gone.
    """

    number: int
    values: dict[str, str]
    resumed: bool
    lock: FileLock


class SharedStudy:
    """The study in a sweep's folder.

    A process that takes a trial holds a lock as long as it works on it. A trial that is running in the
    study and whose lock is free has lost its process: the next process that looks for work goes on with it.

    Args:
        folder: of the sweep.
        settings: what the study is about.

    Raises:
        UserError: the folder holds a study of something else.
    """

    def __init__(self, folder: str | Path, settings: StudySettings) -> None:
        try:
            import optuna
        except ImportError as error:
            raise UserError("a study needs Optuna: pip install 'asap-lightning[sweep]'") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder, self.settings = Path(folder), settings
        with self._mutex():
            self.storage = open_storage(self.folder)
            up, down = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
            self.study: Study = optuna.create_study(
                storage=self.storage,
                study_name=STUDY_NAME,
                directions=[up if settings.higher_is_better else down, down],
                load_if_exists=True,
            )
            self._check_settings()
        self._failed_before = {trial.number for trial in self.trials() if trial.state.name == "FAIL"}

    def _check_settings(self) -> None:
        wanted, found = self.settings.fixed(), self.study.user_attrs
        for name, value in wanted.items():
            if name not in found:
                self.study.set_user_attr(name, value)
            elif found[name] != value:
                raise UserError(
                    f"the study in {self.folder} was begun with another {name}: {found[name]}, now {value}; "
                    "trials would not be comparable. Start a new study (without ckpt=auto) or go on as before"
                )
        self.study.set_user_attr("pruner", dict(self.settings.pruner or {"name": "none"}))

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        with lock_at(self.folder / LOCKS / "study"):
            yield

    def _lock_of(self, number: int) -> FileLock:
        return lock_at(self.folder / LOCKS / f"trial_{number}")

    def trials(self) -> list[FrozenTrial]:
        """All trials, in their order."""
        return self.study.get_trials(deepcopy=False)

    def claim(self) -> Claim | None:
        """The next trial for this process: one that was interrupted, one that had failed, or a new one.

        None when there is nothing left to begin; trials of other processes may still run.
        """
        copies = 0
        while copies < MOST_COPIES:
            with self._mutex():
                claim = self._interrupted() or self._new()
            if claim is None or claim.resumed or not self._copied(claim):
                return claim
            copies += 1
        return None

    def _interrupted(self) -> Claim | None:
        from optuna.trial import Trial

        for trial in self.trials():
            if trial.state.name != "RUNNING" or self._runs_elsewhere(trial):
                continue
            lock = self._lock_of(trial.number)
            if taken(lock):
                return self._claimed(Trial(self.study, trial._trial_id), lock, resumed=True)
        return None

    def _runs_elsewhere(self, trial: FrozenTrial) -> bool:
        """Whether its training still runs, though the process that had started it may be gone."""
        folder = trial.user_attrs.get(FOLDER)
        if folder is None:
            return False
        if not isinstance(folder, str) or Path(folder).name != folder:  # the journal may be anybody's
            raise UserError(
                f"the study in {self.folder}: trial {trial.number} names the folder {shown(folder)}; one "
                "in the sweep's was expected: the journal is damaged, begin a new study"
            )
        return is_locked(self.folder / folder / RUN_LOCK)

    def _new(self) -> Claim | None:
        trials = self.trials()
        self._repeat_failed(trials)
        waiting = any(trial.state.name == "WAITING" for trial in self.trials())
        if not waiting and (self._count(trials) >= self.settings.trials or self._exhausted(trials)):
            return None
        self.study.sampler = self.settings.make_sampler(len(trials))
        trial = self.study.ask()
        lock = self._lock_of(trial.number)
        lock.acquire()
        return self._claimed(trial, lock, resumed=False)

    def _claimed(self, trial: Any, lock: FileLock, *, resumed: bool) -> Claim:
        space = self.settings.space
        for (
            name,
            value,
        ) in trial.params.items():  # Optuna goes by what the journal says
            if name in space and not space[name].allows(value):
                lock.release()
                raise UserError(
                    f"the study in {self.folder}: trial {trial.number} has {name}={shown(value)}, not "
                    "in its search space: the journal is damaged, begin a new study"
                )
        values = {name: parameter.suggest(trial, name) for name, parameter in space.items()}
        return Claim(trial.number, values, resumed, lock)

    def _repeat_failed(self, trials: Sequence[FrozenTrial]) -> None:
        """Trials that had failed before this process began are tried once more."""
        repeated = {trial.user_attrs.get(RETRY_OF) for trial in trials}
        for trial in trials:
            first_time = RETRY_OF not in trial.user_attrs and COPY_OF not in trial.user_attrs
            if trial.number in self._failed_before - repeated and first_time and trial.params:
                self.study.enqueue_trial(trial.params, user_attrs={RETRY_OF: trial.number})

    def _count(self, trials: Sequence[FrozenTrial]) -> int:
        """Trials that count: no copies, no repetitions."""
        return sum(RETRY_OF not in trial.user_attrs and COPY_OF not in trial.user_attrs for trial in trials)

    def _exhausted(self, trials: Sequence[FrozenTrial]) -> bool:
        size = math.prod(parameter.count for parameter in self.settings.space.values())
        seen = {tuple(sorted(t.params.items())) for t in trials if len(t.params) == len(self.settings.space)}
        return len(seen) >= size

    def _copied(self, claim: Claim) -> bool:
        """Whether the sampler has drawn a trial that is there already; its values are then told again."""
        trials = self.trials()
        own = trials[claim.number]
        if RETRY_OF in own.user_attrs:
            return False
        twin = next((t for t in trials if t.number != own.number and t.params == own.params), None)
        if twin is None:
            return False
        self.storage.set_trial_user_attr(own._trial_id, COPY_OF, twin.number)
        if twin.state.name == "COMPLETE":
            self.study.tell(claim.number, twin.values)
        else:  # it runs, or has failed
            self.study.tell(claim.number, state=_state("FAIL"))
        claim.lock.release()
        return True

    def finish(self, claim: Claim) -> tuple[float, float]:
        """Tells the study what a trial has reached: its best quality and its cost; returns them.

        Raises:
            UserError: the training has validated nothing.
        """
        trial = self.trials()[claim.number]
        qualities = [value for value in trial.intermediate_values.values() if math.isfinite(value)]
        if not qualities or COST not in trial.user_attrs:
            self.fail(claim, f"no {self.settings.metric}")
            raise UserError(
                f"trial {claim.number} has ended without a validation that logs {self.settings.metric}; "
                "validate more often (trainer.val_check_interval) or choose another hydra.sweeper.metric"
            )
        best = max(qualities, key=lambda value: signed(value, self.settings.higher_is_better))
        self.study.tell(claim.number, [best, trial.user_attrs[COST]])
        claim.lock.release()
        return best, float(trial.user_attrs[COST])

    def fail(self, claim: Claim, reason: str) -> None:
        """Tells the study that a trial has come to nothing."""
        self.storage.set_trial_user_attr(self.trials()[claim.number]._trial_id, ERROR, reason[:500])
        self.study.tell(claim.number, state=_state("FAIL"))
        claim.lock.release()

    def pruned_at(self, number: int) -> int | None:
        """The step at which a trial was ended early."""
        return self.trials()[number].user_attrs.get(PRUNED)

    def front(self) -> list[FrozenTrial]:
        """The trials that none beats in both objectives, from the cheapest on; each model once."""
        best = [trial for trial in self.study.best_trials if COPY_OF not in trial.user_attrs]
        return sorted(best, key=lambda trial: trial.values[1])


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]
