from typing import Any

import pytest

from asap_lightning.errors import UserError
from asap_lightning.tracking import finished_runs
from asap_lightning.tracking.finishing import exit_code_of
from asap_lightning.training import TrainingInterrupted


class Recorder:
    """A logger that notes how it was finished."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def finish(self, exit_code: int) -> None:
        self.codes.append(exit_code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError(), 1),
        (UserError(), 2),
        (KeyboardInterrupt(), 130),
        (TrainingInterrupted(15, None), 143),
        (SystemExit(), 0),
        (SystemExit(7), 7),
        (SystemExit("message"), 1),
    ],
)
def test_exit_codes(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code
    first, second, other = Recorder(), Recorder(), object()
    with pytest.raises(type(error)), finished_runs([first, other, second]):
        raise error
    assert first.codes == second.codes == [code]


def test_a_job_that_ends_well_finishes_with_0() -> None:
    logger: Any = Recorder()
    with finished_runs([logger]):
        assert logger.codes == []
    assert logger.codes == [0]
