"""Making a study: matching the pictures of the systems, and copying them under names that say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.matching import by_stem, pair, require_folder_with_images
from asap_lightning.data.palettes import colorize_label
from asap_lightning.data.panels import Picture, save_png
from asap_lightning.data.reading import open_image, photo_array, read_photo
from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.protocol import Protocol
from asap_lightning.preference.session import needed, question_groups
from asap_lightning.preference.study import ANSWERS, PICTURES, Shown, Study, new_picture_name
from asap_lightning.wording import counted, listed

REAL = "real photos"
METRICS = "metrics.json"
PARTS = 4
"""A ruined copy has its tiles, so many along each side, in another order."""
MOST_SPOILED = 12


@dataclass(frozen=True)
class Sources:
    """Folders of pictures.

    Attributes:
        systems: name -> folder, of what is compared.
        real: folder of real photos that each system is compared with; None to compare the systems.
        conditions: folder of the inputs, shown with the question.
        label_maps: whether the files there hold class ids, which are shown in colours.
    """

    systems: Mapping[str, Path]
    real: Path | None = None
    conditions: Path | None = None
    label_maps: bool = False

    @property
    def folders(self) -> dict[str, Path]:
        """Role, as messages call it -> folder."""
        folders = {f"pictures of {name}": folder for name, folder in self.systems.items()}
        return folders | {
            role: folder
            for role, folder in ((REAL, self.real), ("conditions", self.conditions))
            if folder is not None
        }


def make_study(
    sources: Sources,
    out: Path,
    protocol: Protocol,
    *,
    title: str = "Comparing pictures",
    most_items: int | None = None,
    participants: int = 200,
    seed: int = 0,
    progress: Callable[[Sequence[str]], Iterable[str]] = lambda names: names,
) -> Study:
    """Copies the pictures and writes the study.

    Args:
        sources: the folders.
        out: folder of the study; must not exist or be empty.
        protocol: how a session goes.
        title: of the page.
        most_items: takes so many of the inputs, drawn by ``seed``; all by default.
        participants: how many may take part.
        seed: of all that is drawn.
        progress: wraps the names of the inputs while their pictures are copied.

    Raises:
        UserError: pictures that do not match, too few of them, or a folder that is in the way.
    """
    require_apart(sources, out)
    matched = matched_files(sources)
    names = chosen_names(list(matched), most_items, seed)
    systems = (*sources.systems, *([REAL] if sources.real is not None else []))
    study = Study(
        title=title,
        protocol=protocol,
        systems=systems,
        items=tuple(names),
        files=tuple(tuple(new_picture_name() for _ in names) for _ in systems),
        real=len(systems) - 1 if sources.real is not None else None,
        conditions=tuple(new_picture_name() for _ in names) if sources.conditions else (),
        participants=participants,
        seed=seed,
    )
    require_questions(study)
    spoil = _to_spoil(study)
    spoiled: dict[str, Shown] = {}
    folder = out / PICTURES
    for item, name in enumerate(progress(names)):
        pictures = _pictures(matched[name], sources)
        for system, picture in enumerate(pictures):
            save_png(folder / study.files[system][item], picture)
            if spoil.get(item) == system:
                file = new_picture_name()
                save_png(folder / file, ruined(picture, name))
                spoiled[file] = Shown(system, item, spoiled=True)
        if study.conditions:
            save_png(folder / study.conditions[item], _condition(matched[name]["conditions"], sources))
    study = replace(study, spoiled=spoiled)
    Answers(out / ANSWERS, study).close()
    study.write(out)  # the last, so what is a study is a whole one
    return study


def require_apart(sources: Sources, out: Path) -> None:
    """A `UserError` unless there are two things to compare, in folders of their own, and ``out`` is free."""
    count = len(sources.systems)
    if count + (sources.real is not None) < 2:
        raise UserError(
            "a study compares at least two folders of pictures: asap study make A B, or asap study make A "
            "--real PHOTOS"
        )
    seen: dict[Path, str] = {}
    for role, folder in sources.folders.items():
        require_folder_with_images(folder, role)
        if (folder / METRICS).is_file():
            raise UserError(
                f"{folder} is what asap evaluate has written: it keeps scores and not the pictures. "
                "asap predict ckpt=FILE input=CONDITIONS output=FOLDER writes those"
            )
        place = folder.resolve()
        if place in seen:
            raise UserError(
                f"{folder} is given twice, as {seen[place]} and as {role}: nothing would be compared"
            )
        seen[place] = role
        target = out.resolve()
        if target.is_relative_to(place) or place.is_relative_to(target):
            raise UserError(
                f"--out {out} and {folder} lie inside one another: the study's pictures would mix with the "
                f"{role}. Choose a folder elsewhere"
            )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} is there already and not an empty folder: choose another name")


def matched_files(sources: Sources) -> dict[str, dict[str, Path]]:
    """Name of an input -> role -> file.

    Raises:
        UserError: a name is missing in one of the folders.
    """
    return pair({role: by_stem(folder) for role, folder in sources.folders.items()})


def chosen_names(names: Sequence[str], most: int | None, seed: int) -> list[str]:
    """The inputs of the study.

    Raises:
        UserError: fewer than two.
    """
    if most is not None and most < 2:
        raise UserError(f"--items {most}: at least 2 were expected")
    if len(names) < 2:
        raise UserError(
            f"the folders share {counted(len(names), 'picture')} ({listed(names)}): a study needs at least "
            "2, and says something from some dozens on"
        )
    if most is None or most >= len(names):
        return list(names)
    return sorted(Random(f"{seed} items").sample(list(names), most))


def require_questions(study: Study) -> None:
    """A `UserError` if a session wants more questions than there are."""
    smallest, wanted = min(len(group) for group in question_groups(study)), needed(study)
    if wanted > smallest:
        practice = study.protocol.practice if study.real is not None else 0
        both = f" and --practice {practice}" if practice else ""
        raise UserError(
            f"--trials {study.protocol.trials}{both} take {wanted} different questions a session, but there "
            f"are {smallest}: more pictures, or fewer trials"
        )


def _to_spoil(study: Study) -> dict[int, int]:
    """Item -> system of the pictures of which ruined copies are made."""
    protocol = study.protocol
    count = protocol.vigilance + (protocol.practice if study.real is None else 0)
    items = Random(f"{study.seed} spoiled").sample(range(len(study.items)), len(study.items))
    systems = [study.real] if study.real is not None else list(range(len(study.systems)))
    return {
        item: systems[index % len(systems)] for index, item in enumerate(items[: min(count, MOST_SPOILED)])
    }


def _pictures(files: Mapping[str, Path], sources: Sources) -> list[Picture]:
    """Of the systems, then the real photo.

    Raises:
        UserError: of several sizes, by which they could be told apart.
    """
    paths = [path for role, path in files.items() if role != "conditions"]
    pictures = [read_photo(path) for path in paths]
    for path, picture in zip(paths[1:], pictures[1:], strict=True):
        if picture.shape != pictures[0].shape:
            sizes = " and ".join(
                f"{where} has {shown.shape[1]} x {shown.shape[0]} pixels"
                for where, shown in ((paths[0], pictures[0]), (path, picture))
            )
            raise UserError(
                f"{sizes}: pictures of one input must have one size, or their makers can be told apart. "
                "Translate at that size, or resize the photos as the evaluation does"
            )
    return pictures


def _condition(path: Path, sources: Sources) -> Picture:
    image = open_image(path)
    if not sources.label_maps:
        return photo_array(image, path)
    if image.mode not in ("L", "P"):
        raise UserError(
            f"{path} has the mode {image.mode}; with --label-maps files of one channel with a class id a "
            "pixel were expected. Pictures are shown as they are without it"
        )
    ids = np.asarray(image)
    return colorize_label(ids, ConditionSpec(num_classes=256))


def ruined(picture: Picture, seed: str) -> Picture:
    """A copy with its 4 x 4 tiles in another order: the colours of the picture, and nothing of its sense.

    Raises:
        UserError: that changes nothing, as in a picture of one colour.
    """
    height, width = (side // PARTS for side in picture.shape[:2])
    order = list(range(PARTS**2))
    draw = Random(seed)
    while any(place == tile for place, tile in enumerate(order)):
        draw.shuffle(order)
    copy: Any = picture.copy()
    for place, tile in enumerate(order):
        (y, x), (from_y, from_x) = divmod(place, PARTS), divmod(tile, PARTS)
        copy[y * height : (y + 1) * height, x * width : (x + 1) * width] = picture[
            from_y * height : (from_y + 1) * height, from_x * width : (from_x + 1) * width
        ]
    if np.array_equal(copy, picture):
        raise UserError(
            f"the picture of '{seed}' has one colour only, so no question with an obvious answer can be made "
            "of it: leave it out, or use --vigilance 0"
        )
    return copy
