"""Several processes that ``torchrun`` has started measure one data set together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed

from asap_lightning.errors import UserError
from asap_lightning.inference.parts import Part, launched

PLACES = ("MASTER_ADDR", "MASTER_PORT")


@contextmanager
def together() -> Iterator[Part]:
    """Joins the processes for the length of the block; all leave it together.

    Yields:
        Which of them this one is; of one process alone the whole.

    Raises:
        UserError: they do not know where to meet.
    """
    part = launched(os.environ)
    if part.count == 1:
        yield part
        return
    absent = [name for name in PLACES if name not in os.environ]
    if absent:
        raise UserError(
            f"this is process {part.index} of {part.count}, and {' and '.join(absent)} are not set, where "
            "they would meet: start them with torchrun --nproc-per-node N -m asap_lightning evaluate .., or "
            "start one"
        )
    distributed.init_process_group("gloo", rank=part.index, world_size=part.count)
    try:
        yield part
        distributed.barrier()  # the first one has written what all have measured
    finally:
        distributed.destroy_process_group()


def require_alone(command: str) -> None:
    """A `UserError` where this is one of several processes, which would all do the same."""
    part = launched(os.environ)
    if part.count > 1:
        raise UserError(
            f"this is process {part.index} of {part.count}, and {command} is one process: measure the models "
            "with asap evaluate in several, and compare their folders in one"
        )
