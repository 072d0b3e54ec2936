"""Finding files and pairing them by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from asap_lightning.data.reading import IMAGE_SUFFIXES
from asap_lightning.errors import UserError

_ROLE_WORDS = re.compile(r"(?:_[A-Za-z][A-Za-z0-9]*)+$")
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})


def image_files(folder: Path, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> list[Path]:
    """All image files under a folder, sorted by path; hidden and system files are passed over."""
    allowed = frozenset(suffixes)
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in allowed
        and path.name.lower() not in _SYSTEM_FILES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    return sorted(found)


def has_images(folder: Path) -> bool:
    """Whether a folder holds an image file, at any depth; stops at the first."""
    if not folder.is_dir():
        return False
    return any(p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") for p in folder.rglob("*"))


def by_stem(folder: Path, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Files of a folder by their name without suffix; subfolders become a prefix of the name.

    Raises:
        UserError: two files have the same name but for the suffix.
    """
    stems: dict[str, Path] = {}
    for path in image_files(folder, suffixes):
        stem = "_".join(path.relative_to(folder).with_suffix("").parts)
        if stem in stems:
            raise UserError(
                f"{stems[stem]} and {path} have the same name: which one is meant? Remove or rename one"
            )
        stems[stem] = path
    return stems


def without_role(stems: Mapping[str, Path]) -> dict[str, Path]:
    """Files by name without a trailing word that all of them share, such as ``_leftImg8bit``."""
    endings = {match[0] if (match := _ROLE_WORDS.search(stem)) else "" for stem in stems}
    if len(endings) != 1 or not (ending := endings.pop()):
        return dict(stems)
    return {stem.removesuffix(ending): path for stem, path in stems.items()}


def pair(roles: Mapping[str, Mapping[str, Path]]) -> dict[str, dict[str, Path]]:
    """Files of several roles joined by name: name -> role -> path, sorted by name.

    Names are compared as they are; if no name is shared at all, trailing words that mark the role
    (``_gtFine_labelIds`` against ``_leftImg8bit``) are left out.

    Raises:
        UserError: a name is missing in one of the roles; lists the names.
    """
    if len(roles) > 1 and not set.intersection(*(set(stems) for stems in roles.values())):
        roles = {role: without_role(stems) for role, stems in roles.items()}
    first, *others = roles
    for other in others:
        require_partners(first, roles[first], other, roles[other])
    return {name: {role: roles[role][name] for role in roles} for name in sorted(roles[first])}


def require_partners(one: str, ones: Mapping[str, Path], other: str, others: Mapping[str, Path]) -> None:
    """A `UserError` listing the files of either role that have no partner in the other."""
    problems = []
    for role, stems, partner, partners in ((one, ones, other, others), (other, others, one, ones)):
        if lonely := sorted(set(stems) - set(partners)):
            problems.append(f"{len(lonely)} {role} without {partner}: {listed(stems[n] for n in lonely)}")
    if problems:
        raise UserError(
            "; ".join(problems) + ". Files of a pair have the same name: add the missing ones, or remove or "
            "rename the others"
        )


def listed(names: Iterable[object], limit: int = 5) -> str:
    """The first names, and how many more there are."""
    everything = [str(name) for name in names]
    more = f" and {len(everything) - limit} more" if len(everything) > limit else ""
    return ", ".join(everything[:limit]) + more


def require_folder_with_images(folder: Path, what: str) -> None:
    """A `UserError` if a folder that was found holds no image."""
    if not has_images(folder):
        raise UserError(f"{folder} is empty: it should hold the {what} (PNG, JPEG, ...)")
