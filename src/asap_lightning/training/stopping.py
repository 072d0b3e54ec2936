"""Stopping in good order: Ctrl-C, SIGTERM and a scheduler's warning are honoured after the running step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class TrainingInterrupted(Exception):
    """Training was stopped by a signal after a checkpoint had been written.

    Attributes:
        signal_number: the signal.
        checkpoint: path of the checkpoint, or None if training had not begun.
    """

    def __init__(self, signal_number: int, checkpoint: str | None) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number
        self.checkpoint = checkpoint


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""SLURM can be told to send one of the last two before a job's time is over; unheeded they kill a process."""


class StopRequest:
    """A context in which `STOP_SIGNALS` only set `signal_number`; a second Ctrl-C ends at once.

    Further signals of a scheduler change nothing: torchrun sends SIGTERM after the Ctrl-C that its processes
    have had already, and SLURM SIGTERM after its warning; a checkpoint is being written then.

    Outside the main thread signals cannot be caught, and the context does nothing.
    """

    def __init__(self, announce: Callable[[str], None] = print) -> None:
        self.signal_number: int | None = None
        self._announce = announce
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.signal_number = number
        self._announce(
            "\nstopping after this step and writing a checkpoint; press Ctrl-C again to stop at once"
        )
