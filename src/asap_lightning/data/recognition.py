"""Says which layout a folder looks like, for helpful errors.

Layouts ask this module for advice, so it imports none of them: their package tells it what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Protocol


class Recognisable(Protocol):
    """What is asked of a layout's class."""

    title: ClassVar[str]
    config: ClassVar[str]

    @classmethod
    def matches(cls, root: Path) -> bool:
        """Whether a folder looks like this layout; cheap, reads no image."""
        ...


_known: list[type[Recognisable]] = []


def know(layouts: Iterable[type[Recognisable]]) -> None:
    """Says what can be recognised, the most particular first."""
    _known[:] = layouts


def recognise(root: Path) -> type[Recognisable] | None:
    """The layout that a folder looks like; None if it looks like none. Reads no image."""
    if not root.is_dir():
        return None
    return next((layout for layout in _known if layout.matches(root)), None)


def advice(root: Path, wanted: type[Recognisable]) -> str:
    """What to do about a folder that is not laid out as wanted; empty if nothing is known."""
    found = recognise(root)
    if found is not None and found is not wanted:
        return f"This folder looks like {found.title}: use data={found.config}"
    if found is None:
        for near in _neighbours(root):
            other = recognise(near)
            if other is not None:
                use = "" if other is wanted else f" data={other.config}"
                return f"{near} looks like {other.title}: use{use} data.root={near}"
    return ""


def _neighbours(root: Path) -> list[Path]:
    """The folders one level below and the one above: a root is often given one level off."""
    below = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [*below, root.absolute().parent]
