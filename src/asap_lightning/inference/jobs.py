"""Which files of a folder are translated, and where each image goes: no file may be in the way of others."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.finding import Contents, ignored, scan
from asap_lightning.data.formats import depth_suffixes, image_suffixes
from asap_lightning.data.strips import SUFFIXES, is_zarr
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.origin import origin_of
from asap_lightning.wording import Complaint, counted, listed


@dataclass
class Found:
    """What an input holds.

    Attributes:
        jobs: the files to translate.
        refused: files that cannot be, and why; they are in the way of no other.
        contents: everything that was met.
        made: images that an earlier prediction wrote among the inputs; left alone.
        left_out: the output folder, where it lies in the input folder and holds something.
    """

    jobs: list[Job]
    refused: list[Complaint]
    contents: Contents
    made: list[Path] = field(default_factory=list)
    left_out: Path | None = None

    def notes(self) -> list[str]:
        """What is left alone, a line a kind."""
        lines = []
        if others := self.contents.others:
            count = counted(len(others), "file is no image and is", "files are no images and are")
            lines.append(f"{count} left alone: {ignored(others)}")
        lines += [f"not translated: {line}" for line in self.contents.out_of_reach()]
        if self.contents.loops:
            lines.append(
                f"links back to a folder that they lie in, not followed: {listed(self.contents.loops)}"
            )
        if self.left_out is not None:
            lines.append(f"the output folder {self.left_out} lies in the input folder and is left out")
        if self.made:
            count = counted(len(self.made), "image was", "images were")
            lines.append(
                f"{count} written by an earlier prediction and left alone: {listed(self.made)} (give them in "
                "a folder of their own to translate them)"
            )
        return lines


def find_jobs(
    source: Path,
    output: Path,
    *,
    spec: ConditionSpec,
    pattern: str = "**/*",
    instances: Path | None = None,
    endings: Sequence[str] = ("",),
    arrays: bool = False,
    suffix: Callable[[Path], str] = lambda path: ".png",
) -> Found:
    """The files of a folder (or the one file ``source``) as jobs.

    Names and sub-folders are kept: ``source/a/b.png`` becomes ``output/a/b.png``. Left alone are the output
    folder, where it lies in the input folder, and images of an earlier prediction among other images.

    Args:
        source: a folder or a file.
        output: the folder that receives the images.
        spec: what the model translates.
        pattern: which files, as a glob relative to ``source``.
        instances: a folder with an instance map of the same relative name for every file.
        endings: what follows the name in the files that are written for a condition.
        arrays: whether arrays in files are conditions too, whatever the kind.
        suffix: of the image of a file.

    Raises:
        UserError: nothing to translate.
    """
    if not source.exists():
        raise UserError(f"input={source}: there is no such file or folder")
    suffixes = depth_suffixes() if spec.kind == "depth" else image_suffixes()
    suffixes = suffixes | SUFFIXES if arrays else suffixes
    folder = source.is_dir() and not is_zarr(source)
    root = source if folder else source.parent
    contents = scan(source, suffixes, without=output) if folder else _single(source, suffixes)
    if folder:
        for paths in (contents.files, contents.others):
            paths[:] = [path for path in paths if _fits(path.relative_to(root).parts, _parts(pattern))]
    made = [path for path in contents.files if origin_of(path) is not None]
    if len(made) == len(contents.files):  # a folder of its own: they are what is to be translated
        made = []
    if not contents.files:
        raise UserError(
            f"input={source} (pattern={pattern}) holds {_holds(contents)}; a {spec.kind} file for each image "
            "was expected"
        )
    left_alone = set(made)
    jobs = [
        Job(path, None, (output / path.relative_to(root)).with_suffix(suffix(path)))
        for path in contents.files
        if path not in left_alone
    ]
    jobs, refused = _apart(jobs, endings, folds_case(output))
    if spec.instance_edges:
        jobs, lonely = _with_instances(jobs, root, instances)
        refused += lonely
    inside = folder and output.is_dir() and root.resolve() in output.resolve().parents
    return Found(jobs, refused, contents, made, output if inside and any(output.iterdir()) else None)


def _single(source: Path, suffixes: frozenset[str]) -> Contents:
    fits = source.suffix.lower() in suffixes
    return Contents(files=[source] if fits else [], others=[] if fits else [source])


def _holds(contents: Contents) -> str:
    lines = [f"{counted(len(contents.others), 'file')}, none of them an image: {ignored(contents.others)}"]
    return "; ".join((lines if contents.others else []) + contents.out_of_reach()) or "no files"


def _parts(pattern: str) -> tuple[str, ...]:
    parts = Path(pattern).parts
    if not parts or Path(pattern).is_absolute() or ".." in parts:
        raise UserError(
            f"pattern={pattern}: names below the input folder were expected, as *.png, **/*.png or photos/*"
        )
    return parts


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a relative path fits a glob; ``**`` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[skipped:], pattern[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _apart(jobs: list[Job], endings: Sequence[str], folds: bool) -> tuple[list[Job], list[Complaint]]:
    """The jobs whose files are theirs alone, and why each of the others is refused."""

    def place(path: Path) -> str:
        text = os.path.abspath(path.parent.resolve() / path.name)
        return unicodedata.normalize("NFC", text).casefold() if folds else text

    sources = {place(job.source): job.source for job in jobs}
    written = {job.source: [(to, place(to)) for to in outputs(job, endings)] for job in jobs}
    owners: dict[str, list[Path]] = defaultdict(list)
    for source, files in written.items():
        for _, key in files:
            owners[key].append(source)
    free, refused = [], []
    for job in jobs:
        reason = _in_the_way(job.source, written[job.source], sources, owners)
        if reason:
            refused.append(Complaint(f"{job.source}: {reason}", str(job.source), (str(job.source),)))
        else:
            free.append(job)
    return free, refused


def _in_the_way(
    source: Path, files: Iterable[tuple[Path, str]], sources: dict[str, Path], owners: dict[str, list[Path]]
) -> str:
    for path, key in files:
        if key in sources:
            return f"its translation would overwrite {sources[key]}: choose another output folder"
        if others := [other for other in owners[key] if other != source]:
            return f"{listed(others)} would also be written to {path}: rename one, or use pattern=..."
        for parent in Path(key).parents:
            if str(parent) in owners:
                return f"its folder would have the name of the image of {owners[str(parent)][0]}: rename one"
    return ""


def outputs(job: Job, endings: Sequence[str]) -> list[Path]:
    """The files that a job writes."""
    return [job.target.with_stem(job.target.stem + ending) for ending in endings]


def folds_case(folder: Path) -> bool:
    """Whether names that differ only in case are one file there, as usual on macOS and Windows."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
    swapped = Path(str(there).swapcase())
    try:
        return swapped != there and swapped.samefile(there)
    except OSError:
        return False


def _with_instances(jobs: list[Job], root: Path, instances: Path | None) -> tuple[list[Job], list[Complaint]]:
    """The jobs with their instance maps, and those that have none."""
    index: dict[str, Path] = {}
    if instances is not None:
        if not instances.is_dir():
            raise UserError(f"instances={instances}: there is no such folder")
        index = {_plain_name(path, instances): path for path in scan(instances).files}
    complete, refused = [], []
    for job in jobs:
        found = _instance_of(job.source, root, index, beside=instances is None)
        if found is not None:
            complete.append(Job(job.source, found, job.target))
            continue
        where = (
            f"a file of the same name in {instances}"
            if instances
            else "instances=FOLDER with files of the same names"
        )
        refused.append(
            Complaint(
                f"{job.source} has no instance map, which this model needs: {where} was expected",
                str(job.source),
                (str(job.source),),
            )
        )
    return complete, refused


def _instance_of(path: Path, root: Path, index: dict[str, Path], *, beside: bool) -> Path | None:
    """The instance map of a label map: of the same name, or of Cityscapes' name."""
    if beside:
        neighbour = path.with_name(path.name.replace("labelIds", "instanceIds"))
        return neighbour if neighbour != path and neighbour.is_file() else None
    name = _plain_name(path, root)
    return index.get(name) or index.get(name.replace("labelIds", "instanceIds"))


def _plain_name(path: Path, root: Path) -> str:
    """The relative path without suffix, in Unicode's composed form."""
    return unicodedata.normalize("NFC", path.relative_to(root).with_suffix("").as_posix())
