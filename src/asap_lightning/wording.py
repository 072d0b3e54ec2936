"""Counts and lists in messages: "1 pair", "2 pairs"; the first names and how many more; one line a cause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


def counted(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: ``1 pair``, ``2 pairs``.

    Args:
        number: how many.
        one: the noun, or a phrase that begins with it.
        many: its plural; by default with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Iterable[object], limit: int = 5) -> str:
    """The first names, and how many more there are."""
    everything = [str(name) for name in names]
    more = f" and {len(everything) - limit} more" if len(everything) > limit else ""
    return ", ".join(everything[:limit]) + more


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one thing.

    Attributes:
        text: the whole message.
        subject: the file or pair that it is about; empty for what is about no single one.
        names: what the message calls it: its files.
    """

    text: str
    subject: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)

    @property
    def cause(self) -> str:
        """The message without what is the subject's own: equal for all that suffer from the same."""
        if not self.subject:
            return self.text
        cause = self.text
        for name in sorted({f"'{self.subject}'", *self.names}, key=len, reverse=True):
            cause = cause.replace(name, "*")
        return re.sub(r"\d+", "#", cause)


def by_cause(complaints: Iterable[Complaint]) -> list[list[Complaint]]:
    """Complaints of one cause together, in the order in which the causes appear."""
    groups: dict[str, list[Complaint]] = {}
    for complaint in complaints:
        groups.setdefault(complaint.cause, []).append(complaint)
    return list(groups.values())


def told(group: list[Complaint], noun: str = "file") -> str:
    """The first message of a cause, and for how many others it holds."""
    first, *others = group
    if not others:
        return first.text
    return (
        f"{first.text}\n  the same in {counted(len(others), f'more {noun}')}: "
        f"{listed(other.subject for other in others)}"
    )
