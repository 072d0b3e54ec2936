"""What loggers are sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asap_lightning.training.callbacks.media import log_histogram


def trainer_with(*loggers: Any) -> Any:
    return SimpleNamespace(loggers=list(loggers), global_step=7, global_rank=0)


class Taking:
    """A logger that draws histograms."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []

    def log_histogram(self, **sent: Any) -> None:
        self.taken.append(sent)


VALUES = np.array([0, 1, 1, 3, np.nan, np.inf], np.float32)


def test_a_histogram_leaves_out_what_is_not_finite() -> None:
    logger = Taking()
    log_histogram(trainer_with(object(), logger), "x", VALUES, 3)
    (sent,) = logger.taken
    assert sent["key"] == "x" and sent["step"] == 7
    assert sent["counts"].tolist() == [1, 2, 1] and sent["edges"].tolist() == [0, 1, 2, 3]
    log_histogram(trainer_with(logger), "x", VALUES[4:], 3)
    assert len(logger.taken) == 1, "nothing to draw"


def test_tensorboard_gets_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    from asap_lightning.training.callbacks import media

    class Board:
        def __init__(self) -> None:
            self.experiment = self
            self.sent: dict[str, Any] = {}

        def add_histogram_raw(self, name: str, **sent: Any) -> None:
            self.sent = sent

    monkeypatch.setattr(media, "TensorBoardLogger", Board)
    board = Board()
    log_histogram(trainer_with(board), "x", VALUES, 3)
    assert (board.sent["min"], board.sent["max"], board.sent["num"]) == (0, 3, 4)
    assert (board.sent["sum"], board.sent["sum_squares"]) == (5, 11)
    assert board.sent["bucket_limits"] == [1, 2, 3] and board.sent["bucket_counts"] == [1, 2, 1]
