"""Works through a folder, alone or together with other processes, each image once."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.header import read_header
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.memory import give_back, is_out_of_memory
from asap_lightning.inference.origin import Recipe, WritesItself
from asap_lightning.locks import FileLock, Timeout
from asap_lightning.wording import Complaint, counted

log = logging.getLogger(__name__)

CLAIMS = ".claims"
PAUSE = 0.5
OF_THE_NAME = frozenset((errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENOTDIR))
"""What the system refuses because of one file's name or place."""
_THERE = ("image is there already but was not", "images are there already but were not")
Translate = Callable[[Job], Mapping[str, NDArray[np.uint8] | WritesItself]]
"""File-name suffix -> image; the one without a suffix comes last: where it is, the job is done."""
Overwrite = Literal["no", "changed", "all"]
_OVERWRITE: dict[object, Overwrite] = {False: "no", True: "all", "changed": "changed"}


def parse_overwrite(given: object) -> Overwrite:
    """What the option ``overwrite`` means.

    Raises:
        UserError: none of its values.
    """
    if given not in _OVERWRITE:
        raise UserError(f"overwrite={given}: false, changed or true was expected")
    return _OVERWRITE[given]


@dataclass
class Tally:
    """What became of the jobs of one process.

    Attributes:
        translated: by this process.
        there: finished by an earlier call.
        others: finished by other processes meanwhile.
        failures: why files could not be translated.
        seconds: spent in translating.
    """

    translated: int = 0
    there: int = 0
    others: int = 0
    failures: list[Complaint] = field(default_factory=list)
    seconds: float = 0.0


class Claims:
    """Which process works on which image: a lock each, which ends with its process, however that ends.

    Args:
        output: the folder that all processes write to; the locks lie in it.
    """

    def __init__(self, output: Path) -> None:
        self.folder = output / CLAIMS

    @contextmanager
    def claimed(self, job: Job) -> Iterator[bool]:
        """Whether the job is this process's own, inside the block."""
        name = hashlib.sha256(os.fsencode(os.path.relpath(job.target, self.folder))).hexdigest()[:24]
        lock = FileLock(self.folder / f"{name}.lock", timeout=0)
        if not self._acquired(lock):
            yield False
            return
        try:
            yield True
            with suppress(OSError):  # while it is still ours: who comes later makes a new one
                os.unlink(lock.lock_file)
        finally:
            lock.release()

    def _acquired(self, lock: FileLock) -> bool:
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
                return True
            except Timeout:
                return False
            except FileNotFoundError:  # a process that has just ended has removed the folder
                continue

    def clear(self) -> None:
        """Removes the folder of locks if nobody holds one."""
        with suppress(OSError):
            self.folder.rmdir()


def work(
    jobs: Sequence[Job],
    translate: Translate,
    recipe: Recipe,
    output: Path,
    *,
    overwrite: Overwrite = "no",
    track: Callable[[Iterable[Job]], Iterable[Job]] = iter,
) -> Tally:
    """Translates every job that is not finished, and waits for those that other processes have begun.

    Args:
        jobs: what is to be there at the end.
        translate: makes the images of a job.
        recipe: what they are made with; recognises those that are finished.
        output: the folder of the targets.
        overwrite: what is done about images that are there: ``no`` leaves those that this very recipe has
            made, ``changed`` makes anew those of another origin, ``all`` makes all anew.
        track: shows progress over an iterable.

    Raises:
        UserError: images of another origin are there, and ``overwrite`` is ``no``.
    """
    tally = Tally()
    left = list(jobs) if overwrite == "all" else _unfinished(jobs, recipe, overwrite, tally)
    if tally.there:
        log.info(
            "%d of %s there already (overwrite=true makes them anew)",
            tally.there,
            counted(len(jobs), "image is", "images are"),
        )
    claims = Claims(output)
    busy = [job for job in track(left) if not _attempt(job, claims, translate, recipe, overwrite, tally)]
    if busy:
        log.info("waiting for %s that other processes are working on", counted(len(busy), "image"))
    while busy:
        busy = [job for job in busy if not _attempt(job, claims, translate, recipe, "changed", tally)]
        if busy:
            time.sleep(PAUSE)
    claims.clear()
    return tally


def _unfinished(jobs: Sequence[Job], recipe: Recipe, overwrite: Overwrite, tally: Tally) -> list[Job]:
    left, strange = [], []
    for job in jobs:
        try:
            made = recipe.made(job)
        except UserError:  # a file that cannot be read: trying it says so
            made = None
        if made:
            tally.there += 1
            continue
        left.append(job)
        if made is False:
            strange.append(job.target)
    if strange and overwrite == "no":
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        raise UserError(
            f"{len(strange)} of {counted(len(jobs), *_THERE)} made with this checkpoint, these "
            f"options and these input files: {', '.join(str(path) for path in strange[:5])}{more}. "
            "overwrite=changed makes them anew, overwrite=true all of them; or choose another output folder"
        )
    return left


def _attempt(
    job: Job, claims: Claims, translate: Translate, recipe: Recipe, overwrite: Overwrite, tally: Tally
) -> bool:
    """False if another process is at it."""
    with claims.claimed(job) as mine:
        if not mine:
            return False
        started = time.monotonic()
        try:
            if overwrite != "all" and recipe.made(job):
                tally.others += 1
                return True
            origin = recipe.origin(job)  # before it is read: a file that changes meanwhile is not finished
            for suffix, image in translate(job).items():
                recipe.write(job.target.with_stem(job.target.stem + suffix), image, job, origin)
            tally.translated += 1
        except (UserError, MemoryError, RuntimeError, OSError) as error:
            text = _why_failed(job, error)
            text = text if str(job.source) in text else f"{job.source}: {text}"
            tally.failures.append(Complaint(text, str(job.source), (str(job.source),)))
        tally.seconds += time.monotonic() - started
    return True


def _why_failed(job: Job, error: Exception) -> str:
    """Why this file alone could not be translated; raises what would befall the others too."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in OF_THE_NAME:
        return f"{job.source}: {error.filename or job.target} cannot be written: {error.strerror}"
    if not is_out_of_memory(error):
        raise error
    give_back()
    header = read_header(job.source)
    size = " ({} x {} pixels)".format(*header.shown) if header is not None else ""
    return f"{job.source}{size} does not fit into memory: make it smaller, or use a machine with more memory"
