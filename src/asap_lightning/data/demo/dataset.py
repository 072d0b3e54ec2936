"""Writes the built-in data set: many facades, drawn in parallel, resumable."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.untrusted import read_json

MANIFEST = "demo.json"
# Raise it when the drawing changes, so that old and new facades never mix in one folder.
DRAWING = 1
MAX_COUNT, MIN_SIZE, MAX_SIZE = 9999, 32, 4096
_OURS = re.compile(r"cmp_b\d{4}\.(jpg|png|xml)")
_LEFTOVER = re.compile(r"\.(cmp_b\d{4}\.(jpg|png|xml)|demo\.json)\..*\.tmp")


@dataclass(frozen=True)
class DemoSummary:
    """What `write_demo_dataset` did.

    Attributes:
        root: the data set's folder.
        count: facades in it.
        size: side of the images in pixels.
        seed: of the series.
        drawn: facades drawn now.
        reused: facades that an earlier call had drawn.
    """

    root: Path
    count: int
    size: int
    seed: int
    drawn: int
    reused: int


@dataclass(frozen=True)
class _Series:
    """What decides every byte of the files; stored as the manifest."""

    seed: int
    size: int
    count: int
    drawing: int = DRAWING


def write_demo_dataset(
    root: str | os.PathLike[str],
    *,
    count: int = 200,
    size: int = 512,
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> DemoSummary:
    """Draws building facades into ``root`` in the layout of the CMP facade database.

    Writes ``root/base/cmp_b0001.jpg`` (photo), ``.png`` (palette label map, classes 1..12), ``.xml`` (boxes)
    and so on. Facade n is the same, byte for byte, whatever ``count`` and ``workers`` are. What an earlier or
    interrupted call with the same seed and size has written is kept; a larger ``count`` adds to it.

    Args:
        root: new, empty, or a folder that an earlier call has written.
        count: number of facades, 1 to 9999.
        size: side of the square images in pixels, 32 to 4096.
        seed: of the series, >= 0.
        workers: processes; 0 for one per core, 1 to draw in this process.
        progress: whether to show a progress bar on standard error.

    Raises:
        UserError: a value out of range, a folder with other content, a disk that is full or not writable.
    """
    _check_range("count", count, 1, MAX_COUNT)
    _check_range("size", size, MIN_SIZE, MAX_SIZE)
    _check_range("seed", seed, 0, 2**63 - 1)
    _check_range("workers", workers, 0, 1024)
    root, series = Path(root), _Series(seed, size, count)
    _check_folder(root, series)
    missing = [i for i in range(count) if not _is_written(root / "base", i)]
    try:
        _write_manifest(root, series)
        _draw_all(root / "base", series, missing, workers, progress)
    except OSError as error:
        raise UserError(
            f"{root}: the data set could not be written: {error.strerror or error}. "
            "Free some space or choose a writable folder, then run the same command again: "
            "it goes on where it stopped."
        ) from error
    except BrokenProcessPool as error:
        raise UserError(
            f"{root}: a drawing process ended before its work was done; at size={size} each needs about "
            f"{_memory_gb(size):.1f} GB of memory. Use fewer workers (workers=1 draws in this process); "
            'a script that calls this with several needs `if __name__ == "__main__":`.'
        ) from error
    return DemoSummary(root, count, size, seed, len(missing), count - len(missing))


def _memory_gb(size: int) -> float:
    # Measured: 1.4 GB at 4096; the libraries alone take 0.1.
    return 0.1 + 1.3 * (size / MAX_SIZE) ** 2


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{name}={value!r}: expected a whole number from {low} to {high}")


def _check_folder(root: Path, series: _Series) -> None:
    """Refuses a folder that holds anything but facades of the same series; clears what a killed run left."""
    if not root.exists():
        return
    if not root.is_dir():
        raise UserError(f"{root}: is a file, expected a folder to write the data set to")
    entries = sorted(p for p in root.iterdir())
    base = root / "base"
    if base.is_dir():
        entries += sorted(base.iterdir())
    leftovers = [p for p in entries if _LEFTOVER.fullmatch(p.name)]
    ours = [
        p for p in entries if p in (base, root / MANIFEST) or (p.parent == base and _OURS.fullmatch(p.name))
    ]
    others = [p for p in entries if p not in ours and p not in leftovers]
    if others or (ours and root / MANIFEST not in ours):
        odd = (others or ours)[0].relative_to(root)
        raise UserError(
            f"{root}: holds other files already (such as {odd}); they would mix with the drawn facades. "
            "Choose a new or an empty folder."
        )
    if root / MANIFEST in ours:
        _check_series(root / MANIFEST, series)
    for path in leftovers:
        path.unlink(missing_ok=True)


def _check_series(manifest: Path, wanted: _Series) -> None:
    try:
        found = read_json(manifest)
        seed, size, count, drawing = (int(found[key]) for key in ("seed", "size", "count", "drawing"))
    except (UserError, ValueError, KeyError, TypeError, OSError) as error:
        raise UserError(
            f"{manifest}: not readable as the description of a drawn data set ({error}). "
            "Choose another folder."
        ) from error
    if (seed, size, drawing) != (wanted.seed, wanted.size, wanted.drawing) or count > wanted.count:
        raise UserError(
            f"{manifest.parent}: holds another data set already (seed={seed} size={size} count={count} "
            f"drawing={drawing}), wanted seed={wanted.seed} size={wanted.size} count={wanted.count} "
            f"drawing={wanted.drawing}. Choose another folder, or delete this one first."
        )


def _write_manifest(root: Path, series: _Series) -> None:
    content = json.dumps(asdict(series), indent=2) + "\n"
    manifest = root / MANIFEST
    if manifest.exists() and manifest.read_text(encoding="utf-8") == content:
        return
    with atomic_write(manifest, "w") as file:
        file.write(content)


def _is_written(folder: Path, index: int) -> bool:
    # The files are written atomically and the .xml last: one that is there is whole.
    return all((folder / f"cmp_b{index + 1:04d}{suffix}").is_file() for suffix in (".jpg", ".png", ".xml"))


def _draw_all(folder: Path, series: _Series, indices: list[int], workers: int, progress: bool) -> None:
    if not indices:
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    folder.mkdir(parents=True, exist_ok=True)
    workers = min(workers or _cores(), len(indices))
    columns = (TextColumn("drawing facades"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("facades", total=len(indices))
        steps = (
            _in_processes(folder, series, indices, workers) if workers > 1 else _here(folder, series, indices)
        )
        # Closing the generator stops the processes also when Ctrl-C arrives here.
        with closing(steps):
            for _ in steps:
                bar.advance(task)


def _here(folder: Path, series: _Series, indices: list[int]) -> Generator[None, None, None]:
    for index in indices:
        _draw_one(folder, series, index)
        yield


def _in_processes(
    folder: Path, series: _Series, indices: list[int], workers: int
) -> Generator[None, None, None]:
    """Draws with spawned processes; few facades are queued ahead, so that Ctrl-C ends at once."""
    spawn = multiprocessing.get_context("spawn")
    rest = iter(indices)
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker) as pool:
        pending: set[Future[None]] = set()
        try:
            while True:
                while len(pending) < 2 * workers and (index := next(rest, None)) is not None:
                    pending.add(pool.submit(_draw_one, folder, series, index))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    yield
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    import cv2

    # The parent alone answers Ctrl-C; one thread a process, for there is one process a core.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _draw_one(folder: Path, series: _Series, index: int) -> None:
    from asap_lightning.data.demo.cmp_files import write_facade
    from asap_lightning.data.demo.paint import draw_facade

    write_facade(folder, index, draw_facade(series.seed, index, series.size))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
