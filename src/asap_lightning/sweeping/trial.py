"""One trial of a study as its training sees it: what is reported, and whether it should go on.

The study's process and the training's may be different ones, on different machines; they meet in the
study's file. Optuna's ``Trial.report`` is for one objective only, so intermediate values are written through
the storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError
from asap_lightning.run_folder.names import JOURNAL
from asap_lightning.sweeping.pruning import Course

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

TRIAL = "ASAP_TRIAL"
"""Environment variable that tells a job which trial of the study in its sweep's folder it is."""
STUDY_NAME = "study"
COST, PRUNED, FOLDER, DEVICE, MODEL = "cost", "pruned_at", "folder", "device", "model"
"""Names of a trial's attributes in the study."""


def open_storage(folder: str | Path) -> BaseStorage:
    """The storage of the study in a sweep's folder: a journal, one line a change.

    A file in which only lines are added needs no database, outlives a kill at any time, and its lock (a
    symbolic link) works on network file systems where SQLite's does not. A line that a dying process has left
    unfinished is cut off, or no later line could be read.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    path = Path(folder) / JOURNAL
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileSymlinkLock(str(path))
    if path.exists():
        lock.acquire()
        try:
            _cut_unfinished_line(path)
        finally:
            lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _cut_unfinished_line(path: Path) -> None:
    with open(path, "r+b") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            file.truncate(whole)


def signed(value: float, higher_is_better: bool) -> float:
    """A quality of which larger is better."""
    return value if higher_is_better else -value


def course_of(trial: FrozenTrial, higher_is_better: bool) -> Course | None:
    """How a trial has gone; None before its cost is known."""
    if COST not in trial.user_attrs:
        return None
    values = {step: signed(value, higher_is_better) for step, value in trial.intermediate_values.items()}
    return Course(float(trial.user_attrs[COST]), values)


class TrialHandle:
    """A trial that runs, found again by its number."""

    def __init__(self, storage: BaseStorage, study_id: int, number: int) -> None:
        self.storage, self.study_id, self.number = storage, study_id, number
        self.trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self.settings: dict[str, Any] = storage.get_study_user_attrs(study_id)

    @property
    def frozen(self) -> FrozenTrial:
        """The trial as it stands in the study now."""
        return self.storage.get_trial(self.trial_id)

    def report(self, step: int, value: float) -> None:
        """Writes down what a validation has measured."""
        self.storage.set_trial_intermediate_value(self.trial_id, step, value)

    def note(self, **attributes: Any) -> None:
        """Writes down attributes of the trial."""
        for name, value in attributes.items():
            self.storage.set_trial_user_attr(self.trial_id, name, value)

    def others(self) -> Sequence[FrozenTrial]:
        """The other trials of the study that have a cost."""
        trials = self.storage.get_all_trials(self.study_id, deepcopy=False)
        return [trial for trial in trials if trial.number != self.number and COST in trial.user_attrs]

    def known_cost(self, model: str, device: str) -> float | None:
        """The cost that another trial has measured of the same model on the same kind of device."""
        same = (
            t for t in self.others() if (t.user_attrs.get(MODEL), t.user_attrs.get(DEVICE)) == (model, device)
        )
        return next((float(trial.user_attrs[COST]) for trial in same), None)


def open_trial(folder: str | Path, number: int) -> TrialHandle:
    """The trial with this number of the study in a sweep's folder.

    Raises:
        UserError: there is no such study or trial.
    """
    if not (Path(folder) / JOURNAL).is_file():
        raise UserError(f"{folder} holds no study: there is no {JOURNAL} in it")
    storage = open_storage(folder)
    try:
        return TrialHandle(storage, storage.get_study_id_from_name(STUDY_NAME), number)
    except KeyError as error:
        raise UserError(f"the study in {folder} has no trial {number}") from error
