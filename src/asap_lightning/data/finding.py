"""Which files a folder holds: links are followed, and what cannot be reached is told."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asap_lightning.data.formats import image_suffixes, why_ignored
from asap_lightning.errors import UserError
from asap_lightning.wording import counted, listed

SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})
"""What file managers and servers leave in folders: no one's data, passed over like hidden files."""


@dataclass
class Contents:
    """What `scan` has found.

    Attributes:
        files: with a suffix that was asked for, sorted by path.
        others: all other files.
        broken: links that lead nowhere.
        closed: what may not be opened, such as folders of another user.
        loops: links to a folder that they lie in; not followed.
    """

    files: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)
    loops: list[Path] = field(default_factory=list)

    def out_of_reach(self) -> list[str]:
        """A line for each kind of what is named here but cannot be read."""
        kinds = (
            (self.broken, "link that leads nowhere", "links that lead nowhere", _with_target),
            (self.closed, "place that may not be opened", "places that may not be opened", str),
        )
        return [
            f"{counted(len(paths), one, many)}: {listed(map(shown, paths))}"
            for paths, one, many, shown in kinds
            if paths
        ]


def scan(folder: Path, suffixes: Iterable[str] | None = None, *, without: Path | None = None) -> Contents:
    """Everything below a folder but hidden and system files.

    Links to files and folders are followed, each as often as it is met; a link back to a folder that it
    lies in is not. A folder that is not there holds nothing.

    Args:
        folder: where.
        suffixes: of the files that are wanted, in lower case; pictures by default.
        without: a folder that is left out.
    """
    wanted = image_suffixes() if suffixes is None else frozenset(suffixes)
    found = Contents()
    for path, kind in _walk(folder, without):
        if kind == "file":
            (found.files if path.suffix.lower() in wanted else found.others).append(path)
        else:
            getattr(found, kind).append(path)
    for paths in vars(found).values():
        paths.sort()
    return found


def _walk(folder: Path, without: Path | None) -> Iterator[tuple[Path, str]]:
    """Paths with what they are: ``file``, or the name of the attribute of `Contents` that they belong to."""
    left_out = _identity(without) if without is not None else None
    stack = [(folder, frozenset({_identity(folder)}))]
    while stack:
        inside, above = stack.pop()
        try:
            names = os.listdir(inside)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            yield inside, "closed"
            continue
        for name in names:
            if name.startswith(".") or name.lower() in SYSTEM_NAMES:
                continue
            path = inside / name
            try:
                state = path.stat()
            except OSError:
                yield path, ("broken" if path.is_symlink() else "closed")
                continue
            identity = (state.st_dev, state.st_ino)
            if not stat.S_ISDIR(state.st_mode):  # nor is a pipe a file: reading it would wait for ever
                yield path, ("file" if stat.S_ISREG(state.st_mode) else "others")
            elif identity in above:
                yield path, "loops"
            elif identity != left_out:
                stack.append((path, above | {identity}))


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and number of what a path leads to; None for nothing."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def image_files(folder: Path, suffixes: Iterable[str] | None = None) -> list[Path]:
    """All picture files below a folder, sorted by path.

    Raises:
        UserError: links that lead nowhere or folders that may not be opened: what they should hold would
            be missing without a word.
    """
    found = scan(folder, suffixes)
    if lost := found.out_of_reach():
        raise UserError(
            f"{folder} holds {'; '.join(lost)}. Mend or remove the links, and give yourself the right to "
            "read the rest"
        )
    return found.files


def has_images(folder: Path, suffixes: Iterable[str] | None = None) -> bool:
    """Whether a folder holds a picture file, at any depth; stops at the first."""
    wanted = image_suffixes() if suffixes is None else frozenset(suffixes)
    return any(kind == "file" and path.suffix.lower() in wanted for path, kind in _walk(folder, None))


def ignored(paths: Iterable[Path]) -> str:
    """Files that are not read, as counts by suffix with an example each: ``3 .txt (notes.txt, ..)``."""
    everything = sorted(paths)
    counts = Counter(path.suffix.lower() for path in everything)
    parts = []
    for suffix, count in counts.most_common():
        names = [path.name for path in everything if path.suffix.lower() == suffix]
        parts.append(f"{count} {suffix or 'without suffix'} ({listed(names, 2)})")
    hint = why_ignored(frozenset(counts))
    return ", ".join(parts) + (f". {hint}" if hint else "")


def _with_target(path: Path) -> str:
    try:
        return f"{path} -> {os.readlink(path)}"
    except OSError:
        return str(path)
