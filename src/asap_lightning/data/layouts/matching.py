"""Pairing files by name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from asap_lightning.data.finding import has_images, ignored, image_files, scan
from asap_lightning.data.formats import image_suffixes
from asap_lightning.errors import UserError
from asap_lightning.wording import counted, listed

_ROLE_WORDS = re.compile(r"(?:_[A-Za-z][A-Za-z0-9]*)+$")


def stem_of(path: Path, folder: Path) -> str:
    """A file's name without suffix; sub-folders become a prefix of it.

    In Unicode's composed form: macOS stores decomposed names, and both look the same.
    """
    return unicodedata.normalize("NFC", "_".join(path.relative_to(folder).with_suffix("").parts))


def by_stem(folder: Path, suffixes: Iterable[str] | None = None) -> dict[str, Path]:
    """Files of a folder by `stem_of`.

    Args:
        folder: where.
        suffixes: of the files; pictures by default.

    Raises:
        UserError: two files have the same name but for the suffix, or something cannot be reached.
    """
    stems: dict[str, Path] = {}
    for path in image_files(folder, suffixes):
        stem = stem_of(path, folder)
        if stem in stems:
            raise UserError(
                f"{stems[stem]} and {path} have the same name"
                f"{_but_for(stems[stem], path)}: which one is meant? Remove or rename one"
            )
        stems[stem] = path
    return stems


def _but_for(one: Path, other: Path) -> str:
    """Why two names that look different, or look alike and are not, count as the same."""
    if one.with_suffix("") == other.with_suffix(""):
        return ""
    if unicodedata.normalize("NFC", str(one)) == unicodedata.normalize("NFC", str(other)):
        return " in two Unicode forms (composed and decomposed)"
    return ", since sub-folders become a part of it"


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
    """A `UserError` listing the files of either role that have no partner in the other.

    Args:
        one, other: what the roles are called, in the plural: ``photos``.
        ones, others: their files by name.
    """
    left = {n: ones[n] for n in sorted(set(ones) - set(others))}
    right = {n: others[n] for n in sorted(set(others) - set(ones))}
    problems = [
        f"{counted(len(lonely), role.removesuffix('s'), role)} without {partner}: {listed(lonely.values())}"
        for role, lonely, partner in ((one, left, other), (other, right, one))
        if lonely
    ]
    if problems:
        raise UserError(
            "; ".join(problems) + f". Files of a pair have the same name: {nearly_equal(left, right)}add the "
            "missing ones, or remove or rename the others"
        )


def nearly_equal(ones: Mapping[str, Path], others: Mapping[str, Path]) -> str:
    """Which small difference keeps names apart, for the kind that explains most of them; else empty."""
    best: tuple[int, str] = (0, "")
    for difference, key in _DIFFERENCES.items():
        left, right = (_unique(stems, key) for stems in (ones, others))
        joined = sorted(set(left) & set(right))
        if len(joined) > best[0]:
            one, other = left[joined[0]], right[joined[0]]
            verb = "differs" if len(joined) == 1 else "differ"
            example = f"{one.name} and {other.name}"
            best = (
                len(joined),
                f"{counted(len(joined), 'of them', 'of them')} {verb} only in {difference} ({example}); ",
            )
    return best[1]


def _unique(stems: Mapping[str, Path], key: Callable[[str], str]) -> dict[str, Path]:
    """Files by a simplified name, without those that become equal to each other."""
    keys = {stem: key(stem) for stem in stems}
    counts = Counter(keys.values())
    return {keys[stem]: path for stem, path in stems.items() if counts[keys[stem]] == 1}


def _without_suffixes(stem: str) -> str:
    while (path := Path(stem)).suffix.lower() in image_suffixes():
        stem = path.stem
    return stem


def _numbers_alone(stem: str) -> str:
    return "-".join(str(int(digits)) for digits in re.findall(r"\d+", stem)) or stem


_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "leading zeros": lambda stem: re.sub(r"\d+", lambda digits: str(int(digits[0])), stem),
    "upper and lower case": str.casefold,
    "a second suffix": _without_suffixes,
    "spaces, dots, hyphens and underscores": lambda stem: re.sub(r"[\s._-]+", "", stem),
    "an ending": lambda stem: _ROLE_WORDS.sub("", stem) or stem,
    "letters around equal numbers": _numbers_alone,
}
"""What names may differ in by mistake -> the name without it; the narrowest first."""


def require_folder_with_images(folder: Path, what: str, suffixes: Iterable[str] | None = None) -> None:
    """A `UserError` if a folder holds no file of the suffixes, pictures by default; says what it holds."""
    if has_images(folder, suffixes):
        return
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: it should hold the {what} (PNG, JPEG, ...)")
    found = scan(folder, suffixes)
    there = found.out_of_reach() + (
        [f"files of other kinds: {ignored(found.others)}"] if found.others else []
    )
    state = f"holds no pictures, but {'; '.join(there)}. It" if there else "is empty: it"
    raise UserError(f"{folder} {state} should hold the {what} (PNG, JPEG, ...)")
