"""A worker: has a translator, is given units of work, says what became of each picture."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from asap_lightning.batch.attempts import Attempts
from asap_lightning.batch.entries import Entry
from asap_lightning.batch.manifest import Row
from asap_lightning.batch.reading import EntryReader, Read
from asap_lightning.batch.setup import Setup
from asap_lightning.data.shards.tar import write_tar
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.inference.composer import composer_of
from asap_lightning.inference.memory import give_back, is_out_of_memory
from asap_lightning.inference.origin import Recipe, origin_of, png
from asap_lightning.inference.translator import Translator
from asap_lightning.inference.work import OF_THE_NAME

SHARD = "pictures-{:06d}.tar"


@dataclass(frozen=True)
class Unit:
    """What a worker is given at a time.

    Attributes:
        number: of the shard that it becomes, where shards are written.
        entries: its pictures.
    """

    number: int
    entries: tuple[Entry, ...]


class Worker:
    """Translates units; a picture that fails is a row that says why, and no other suffers.

    Args:
        setup: what it needs beside the pictures.
        load: makes the translator; a test's own may be given.

    Raises:
        UserError: the checkpoint is not the one that was meant.
    """

    def __init__(self, setup: Setup, load: Callable[[Setup], Translator] | None = None) -> None:
        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        self.setup = setup
        self.translator = (load or load_translator)(setup)
        self.recipe = Recipe(setup.checkpoint, setup.options())
        if self.recipe.checkpoint != setup.digest:
            raise UserError(
                f"{setup.checkpoint} is another file here than where the work was begun (SHA-256 "
                f"{self.recipe.checkpoint[:16]}, not {setup.digest[:16]}): all machines must see the same one"
            )
        self._reader = EntryReader(setup, self.translator)
        self._attempts = Attempts(setup.output)

    def __call__(self, unit: Unit) -> list[Row]:
        """Translates the pictures of a unit; rows in their order.

        Raises:
            UserError: the output cannot be written, which no other picture would escape.
        """
        rows: dict[str, Row] = {}
        pictures: dict[str, bytes] = {}
        try:
            for entry, read in self._read_in_turn(unit.entries, rows):
                rows[entry.name] = self._translate(entry, read, pictures)
                self._attempts.end(entry.name)
            if pictures:
                self._write_shard(unit, rows, pictures)
        except OSError as error:
            raise UserError(
                f"output={self.setup.output} cannot be written: {error.strerror or error}. Free some "
                "space, or "
                "choose another folder, then repeat the command: what is finished is kept"
            ) from error
        finally:  # after an error, or Ctrl-C; only a process that was killed leaves its marks
            for entry in unit.entries:
                if rows.get(entry.name) is None or rows[entry.name].status != "quarantined":
                    self._attempts.end(entry.name)
        return [rows[entry.name] for entry in unit.entries]

    def _read_in_turn(
        self, entries: Sequence[Entry], rows: dict[str, Row]
    ) -> Iterator[tuple[Entry, Future[Read]]]:
        """The entries with what reading gives; those that a process has died with are read and done alone.

        Whoever is read ahead while another picture ends the process is marked along with it; alone, only
        the culprit is marked again.
        """
        deaths = {entry.name: self._attempts.deaths(entry.name) for entry in entries}
        for entry in entries:
            if deaths[entry.name] >= self.setup.deaths:
                rows[entry.name] = self._quarantined(entry, deaths[entry.name])
        suspects = [entry for entry in entries if 0 < deaths[entry.name] < self.setup.deaths]
        others = [entry for entry in entries if not deaths[entry.name]]
        with ThreadPoolExecutor(self.setup.readers, "asap-batch-reader") as pool:
            for group, ahead in ((suspects, 1), (others, 2 * self.setup.readers)):
                waiting: deque[tuple[Entry, Future[Read]]] = deque()
                for entry in group:
                    self._attempts.begin(entry.name)
                    waiting.append((entry, pool.submit(self._reader, entry)))
                    if len(waiting) >= ahead:
                        yield waiting.popleft()
                yield from waiting

    def _translate(self, entry: Entry, read: Future[Read], pictures: dict[str, bytes]) -> Row:
        setup, recipe = self.setup, self.recipe.digest
        try:
            got = read.result()
            origin = self.recipe.origin_of_digests([got.digest])
            target = setup.output / f"{entry.name}.png"
            if (
                setup.form == "files" and origin_of(target) == origin
            ):  # a worker that died behind it has made it
                return Row(
                    *(entry.name, entry.source, "done", f"{entry.name}.png", "", sha256_of(target)),
                    *(got.digest, recipe),
                )
            image = setup.style.translate(self.translator, got.condition, got.instance)[""]
            content = png(image, entry.source, origin, self.recipe.checkpoint)
        except Exception as error:
            return self._failed(entry, error)
        digest = hashlib.sha256(content).hexdigest()
        if setup.form == "shards":
            pictures[entry.name] = content
            return Row(entry.name, entry.source, "done", "", "", digest, got.digest, recipe)
        try:
            with atomic_write(target) as file:
                file.write(content)
        except OSError as error:
            if error.errno not in OF_THE_NAME:
                raise
            return self._failed(entry, error)
        return Row(entry.name, entry.source, "done", f"{entry.name}.png", "", digest, got.digest, recipe)

    def _failed(self, entry: Entry, error: Exception) -> Row:
        """Whatever is wrong with one picture; the reason is listed."""
        if is_out_of_memory(error):
            give_back()
            text = "it does not fit into memory: make it smaller, or use a machine with more memory"
        elif isinstance(error, UserError):
            text = str(error)
        else:
            text = f"{type(error).__name__}: {error}"
        text = text if entry.source in text else f"{entry.source}: {text}"
        return Row(entry.name, entry.source, "failed", recipe=self.recipe.digest, error=text)

    def _quarantined(self, entry: Entry, deaths: int) -> Row:
        text = f"{entry.source}: the process that translates it was ended {deaths} times; not tried any more"
        return Row(entry.name, entry.source, "quarantined", recipe=self.recipe.digest, error=text)

    def _write_shard(self, unit: Unit, rows: dict[str, Row], pictures: dict[str, bytes]) -> None:
        """The pictures of a unit in one tar file; a worker that repeats it writes the same file."""
        order = [entry for entry in unit.entries if entry.name in pictures]
        path = self.setup.output / SHARD.format(unit.number)
        samples = ((e.name, {"png": pictures[e.name]}, {"png": e.source}) for e in order)
        shard = write_tar(path, self.recipe.digest, samples)
        for entry, stored in zip(order, shard.samples, strict=True):
            rows[entry.name] = replace(rows[entry.name], file=path.name, member=f"{stored.key}.png")


def load_translator(setup: Setup) -> Translator:
    """The translator of a worker, with the memory bank, whose files all workers of a machine share.

    Raises:
        UserError: the bank is not the one that was meant.
    """
    translator = Translator(Path(setup.checkpoint), device=setup.device, weights=setup.weights)
    if setup.canvas is not None:
        composer = composer_of(translator, setup.canvas)
        if composer.identity != setup.canvas_identity:
            raise UserError(
                f"{composer.bank.folder} is another memory bank here than where the work was begun: all "
                "machines must see the same one"
            )
        translator.composer = composer
    return translator
