"""Which share of a folder a process translates, when several work on it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asap_lightning.errors import UserError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Part:
    """Every ``count``-th file, beginning with number ``index``.

    Attributes:
        index: from 0 to count - 1.
        count: number of parts.
        local_rank: which of the processes on this machine this one is, for its GPU; None if unknown.
    """

    index: int = 0
    count: int = 1
    local_rank: int | None = None

    def of(self, items: Sequence[Item]) -> list[Item]:
        """This part's items; the parts together are all of them, each once."""
        return list(items[self.index :: self.count])


def parse_part(given: object, environment: Mapping[str, str] | None = None) -> Part:
    """``K/N``, or ``auto``: as ``torchrun`` or ``srun`` has numbered this process, else all of it.

    Raises:
        UserError: neither.
    """
    if str(given) == "auto":
        return launched(os.environ if environment is None else environment)
    match = re.fullmatch(r"(\d+)/(\d+)", str(given))
    if match is None or int(match[1]) >= int(match[2]):
        raise UserError(
            f"part={given}: auto, or a part such as 0/4, 1/4, 2/4 or 3/4, was expected (counted from 0)"
        )
    return Part(int(match[1]), int(match[2]))


def launched(environment: Mapping[str, str]) -> Part:
    """The part of a process that ``torchrun`` or ``srun`` has started.

    A batch script of SLURM sees the number of tasks too, but is one process: only ``srun`` counts.
    """
    for rank, world, local in (
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
    ):
        if rank in environment and world in environment:
            place = environment.get(local)
            return Part(
                int(environment[rank]), int(environment[world]), None if place is None else int(place)
            )
    return Part()
