"""A study's private file: which picture is whose, and how sessions go."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.preference.protocol import LONGEST_TEXT, Protocol
from asap_lightning.untrusted import read_json

STUDY, PICTURES, ANSWERS = "study.json", "pictures", "answers.sqlite"
FORMAT = 1
MOST_BYTES = 64 * 2**20
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")
_PICTURE = re.compile(r"[0-9a-f]{32}\.png")


def new_token() -> str:
    """An unguessable part of a link: 144 random bits."""
    return secrets.token_urlsafe(18)


def new_picture_name() -> str:
    """A file name that says nothing."""
    return f"{secrets.token_hex(16)}.png"


@dataclass(frozen=True)
class Shown:
    """Whose picture a file is."""

    system: int
    item: int
    spoiled: bool = False


@dataclass(frozen=True)
class Study:
    """What is compared.

    Attributes:
        title: above the page.
        protocol: how a session goes.
        systems: what made the pictures; names for the report.
        items: names of the inputs.
        files: of each system, its picture of each item.
        real: which of the systems are real photos; None if there are none.
        conditions: the picture of each input, shown with the question; empty for none.
        spoiled: ruined copies of some pictures, for questions with an obvious answer.
        participants: how many may take part.
        seed: of what is drawn.
        token: of the link by which one joins.
    """

    title: str
    protocol: Protocol
    systems: tuple[str, ...]
    items: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]
    real: int | None = None
    conditions: tuple[str, ...] = ()
    spoiled: Mapping[str, Shown] = field(default_factory=dict)
    participants: int = 200
    seed: int = 0
    token: str = field(default_factory=new_token)

    @cached_property
    def owners(self) -> dict[str, Shown]:
        """File -> whose picture it is."""
        known = {
            file: Shown(system, item)
            for system, files in enumerate(self.files)
            for item, file in enumerate(files)
        }
        return known | dict(self.spoiled)

    @property
    def comparisons(self) -> list[tuple[int, int]]:
        """Pairs of systems that are compared: each with the real photos, or each with each."""
        everyone = range(len(self.systems))
        if self.real is not None:
            return [(system, self.real) for system in everyone if system != self.real]
        return [(one, other) for one in everyone for other in everyone if one < other]

    def partner(self, item: int) -> int:
        """The item whose picture of the second system stands beside the first system's of ``item``."""
        if not self.protocol.unpaired:
            return item
        return (item + max(1, len(self.items) // 2)) % len(self.items)

    def write(self, folder: Path) -> None:
        """Writes ``study.json``."""
        content = {"format": FORMAT, **asdict(self)}
        with atomic_write(folder / STUDY, "w") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")


def read_study(folder: Path) -> Study:
    """The study in a folder.

    Raises:
        UserError: there is none, or its file is damaged.
    """
    path = folder / STUDY
    if not path.is_file():
        raise UserError(
            f"{folder} is no study: {STUDY} is missing in it. asap study make A B --out DIR makes one"
        )
    content = read_json(path, most=MOST_BYTES)
    try:
        study = _study_of(content)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged or was changed by hand ({type(error).__name__}: {error}): take a copy of the "
            "file that asap study make has written"
        ) from error
    for name in study.owners.keys() | set(study.conditions):
        if not (folder / PICTURES / name).is_file():
            raise UserError(f"{folder / PICTURES / name} is missing: copy the whole folder of the study")
    return study


def _study_of(content: Any) -> Study:
    if content["format"] != FORMAT:
        raise UserError(f"format {content['format']!r} is not the one that this program reads ({FORMAT})")
    protocol = Protocol(**{one.name: _typed(content["protocol"], one) for one in fields(Protocol)})
    study = Study(
        title=_text(content["title"]),
        protocol=protocol,
        systems=tuple(map(_text, content["systems"])),
        items=tuple(str(name) for name in content["items"]),
        files=tuple(tuple(map(_picture, files)) for files in content["files"]),
        real=None if content["real"] is None else _whole(content["real"], len(content["systems"]) - 1),
        conditions=tuple(map(_picture, content["conditions"])),
        spoiled={_picture(name): _shown(entry, content) for name, entry in content["spoiled"].items()},
        participants=_whole(content["participants"], 10**6),
        seed=_whole(content["seed"], 2**63),
        token=_matching(_TOKEN, content["token"]),
    )
    count = len(study.items)
    if count < 2 or len(study.systems) < 2 or len(study.files) != len(study.systems):
        raise ValueError("two systems with two pictures each are the least")
    if any(len(files) != count for files in study.files) or len(study.conditions) not in (0, count):
        raise ValueError("every system needs one picture of every item")
    if len(study.owners) != count * len(study.systems) + len(study.spoiled):
        raise ValueError("a picture stands there twice")
    return study


def _typed(content: Mapping[str, Any], one: Any) -> Any:
    value, default = content[one.name], one.default
    right = type(value) in (int, float) if isinstance(default, float) else type(value) is type(default)
    if not right:
        raise TypeError(f"protocol.{one.name} is {value!r}")
    return value


def _matching(pattern: re.Pattern[str], text: Any) -> str:
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not what stands here")
    return text


def _picture(name: Any) -> str:
    return _matching(_PICTURE, name)


def _text(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        raise ValueError(f"{text!r} is no text of 1 to {LONGEST_TEXT} characters")
    return text


def _whole(number: Any, most: int) -> int:
    if type(number) is not int or not 0 <= number <= most:
        raise ValueError(f"{number!r} is no whole number from 0 to {most}")
    return number


def _shown(entry: Any, content: Any) -> Shown:
    system, item = (
        _whole(entry["system"], len(content["systems"]) - 1),
        _whole(entry["item"], len(content["items"]) - 1),
    )
    return Shown(system, item, spoiled=True)
