"""A study that several processes share, without a training: what is chosen, told, taken over, refused."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from asap_lightning.errors import UserError
from asap_lightning.locks import lock_at
from asap_lightning.run_folder.names import JOURNAL, RUN_LOCK
from asap_lightning.sweeping.space import Choice, Real, Whole
from asap_lightning.sweeping.study import Claim, SharedStudy, StudySettings
from asap_lightning.sweeping.trial import COST, FOLDER, open_trial

SPACE = {"a": Choice(("x", "y", "z")), "b": Whole(1, 9, step=4), "c": Real(0.1, 10.0, log=True)}
SETTINGS = StudySettings(SPACE, "val/psnr", True, "flops", trials=3, overrides=("seed=1",))


def lived_through(
    study: SharedStudy, claim: Claim, cost: float = 1.0, **quality: float
) -> tuple[float, float]:
    """What a training reports, and the study's end of it."""
    trial = open_trial(study.folder, claim.number)
    trial.note(**{COST: cost})
    for step, value in quality.items():
        trial.report(int(step[1:]), value)
    return study.finish(claim)


def test_trials_are_counted_over_all_processes_and_the_front_is_found(tmp_path: Path) -> None:
    one, other = SharedStudy(tmp_path, SETTINGS), SharedStudy(tmp_path, SETTINGS)
    first, second, third = one.claim(), other.claim(), one.claim()
    assert first and second and third and other.claim() is None
    assert {first.number, second.number, third.number} == {0, 1, 2}
    assert first.values["a"] in "xyz" and first.values["b"] in "159" and 0.1 <= float(first.values["c"]) <= 10
    assert first.values != second.values, "two workers draw different trials"
    assert lived_through(one, first, 1.0, s10=5.0, s20=4.0) == (5.0, 1.0), "the best quality counts"
    lived_through(other, second, 3.0, s10=6.0)
    lived_through(one, third, 3.5, s10=5.5)
    assert [trial.number for trial in SharedStudy(tmp_path, SETTINGS).front()] == [
        first.number,
        second.number,
    ]


def test_an_orphan_is_taken_over_once_and_only_when_its_training_is_gone(tmp_path: Path) -> None:
    gone, here = SharedStudy(tmp_path, SETTINGS), SharedStudy(tmp_path, SETTINGS)
    orphan = gone.claim()
    assert orphan is not None
    open_trial(tmp_path, orphan.number).note(**{FOLDER: "job_1"})
    training = lock_at(tmp_path / "job_1" / RUN_LOCK)
    training.acquire()
    orphan.lock.release()  # as the kernel does
    new = here.claim()
    assert new is not None and new.number != orphan.number, "a SLURM job may outlive who has sent it"
    training.release()
    taken = here.claim()
    assert taken is not None and taken.resumed
    assert (taken.number, taken.values) == (orphan.number, orphan.values)


def test_a_failed_trial_is_tried_again_by_the_next_process_once(tmp_path: Path) -> None:
    settings = replace(SETTINGS, trials=1)
    study = SharedStudy(tmp_path, settings)
    failed = study.claim()
    assert failed is not None
    study.fail(failed, "out of memory")
    assert study.claim() is None, "not by this one"
    again = SharedStudy(tmp_path, settings)
    repeated = again.claim()
    assert repeated is not None and repeated.values == failed.values
    again.fail(repeated, "out of memory")
    assert SharedStudy(tmp_path, settings).claim() is None


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_small_space_is_searched_through_and_copies_are_not_trained(tmp_path: Path, sampler: str) -> None:
    settings = replace(SETTINGS, space={"a": Choice(("1", "2", "3"))}, trials=50, sampler=sampler)
    study, trained = SharedStudy(tmp_path, settings), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while (claim := study.claim()) is not None:
            trained.append(claim.values["a"])
            lived_through(study, claim, float(claim.values["a"]), s1=1.0)
    assert len(trained) == len(set(trained)) <= 3
    assert sampler == "nsga2" or len(trained) == 3


def test_a_study_does_not_change_its_subject(tmp_path: Path) -> None:
    SharedStudy(tmp_path, SETTINGS)
    for other in (
        replace(SETTINGS, overrides=("seed=2",)),
        replace(SETTINGS, metric="val/l1", higher_is_better=False),
        replace(SETTINGS, space={"a": Choice(("x",))}),
        replace(SETTINGS, cost="latency"),
    ):
        with pytest.raises(UserError, match="was begun with another"):
            SharedStudy(tmp_path, other)
    SharedStudy(tmp_path, replace(SETTINGS, trials=9, sampler="random"))


def test_a_line_that_a_killed_process_has_left_unfinished(tmp_path: Path) -> None:
    study = SharedStudy(tmp_path, SETTINGS)
    assert study.claim() is not None
    with open(tmp_path / JOURNAL, "ab") as journal:
        journal.write(b'{"op_code":4,"wor')
    again = SharedStudy(tmp_path, SETTINGS)
    assert len(again.trials()) == 1 and again.claim() is not None
    for line in (tmp_path / JOURNAL).read_text().splitlines():
        json.loads(line)


def test_a_trial_without_a_validation_has_failed(tmp_path: Path) -> None:
    study = SharedStudy(tmp_path, SETTINGS)
    claim = study.claim()
    assert claim is not None
    with pytest.raises(UserError, match="without a validation that logs val/psnr"):
        study.finish(claim)
    assert study.trials()[0].state.name == "FAIL"


def test_less_is_better_where_it_is(tmp_path: Path) -> None:
    study = SharedStudy(tmp_path, replace(SETTINGS, metric="val/l1", higher_is_better=False))
    claim = study.claim()
    assert claim is not None and lived_through(study, claim, 2.0, s1=0.3, s2=0.2, s3=0.4) == (0.2, 2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {}}, "nothing to choose"),
        ({"sampler": "cmaes"}, "tpe, nsga2, random"),
        ({"cost": "money"}, "latency, flops, parameters"),
        ({"trials": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense(change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(SETTINGS, **change)


def test_a_trial_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no study"):
        open_trial(tmp_path, 0)
    SharedStudy(tmp_path, SETTINGS)
    with pytest.raises(UserError, match="no trial 7"):
        open_trial(tmp_path, 7)


@pytest.mark.parametrize(
    "wrong", [lambda: Whole(3, 2), lambda: Whole(0, 2, log=True), lambda: Real(0.0, 1.0, log=True)]
)
def test_parameters_that_make_no_sense(wrong) -> None:
    with pytest.raises(ValueError, match="low"):
        wrong()
