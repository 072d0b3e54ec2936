"""Two folders of pictures, which any program may have written, measured against each other.

Pictures are pairs if every name (the path below the folder, without suffix) is in both folders and both
pictures of a name have one size: then metrics of images compare them. Metrics of sets need neither. Pictures
are taken as every viewer shows them, grey ones as colours, transparency dropped, 16 bits as 8.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asap_lightning.data.finding import image_files
from asap_lightning.data.header import read_header
from asap_lightning.data.panels import Picture, fit
from asap_lightning.data.reading import read_photo
from asap_lightning.data.resizing import resize_picture
from asap_lightning.data.sample_pictures import spread
from asap_lightning.errors import UserError
from asap_lightning.evaluation.report import EvaluationReport, ImageRow
from asap_lightning.metrics import Images, MetricSuite, Pairs
from asap_lightning.metrics.processes import gathered
from asap_lightning.ranks import rank, world_size
from asap_lightning.wording import counted, listed

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class PictureFolder:
    """Pictures of a folder.

    Attributes:
        path: the folder.
        files: by name.
        sizes: of each, by name, as it is measured.
        resize: to what size pictures are brought; None leaves them.
    """

    path: Path
    files: Mapping[str, Path]
    sizes: Mapping[str, Size]
    resize: Size | None

    def read(self, name: str) -> Picture:
        """(H, W, 3) uint8, resized if so."""
        picture = read_photo(self.files[name])
        return picture if self.resize is None else resize_picture(picture, *self.resize)


def open_folder(path: str | Path, option: str, resize: Size | None = None) -> PictureFolder:
    """The pictures below a folder; only their headers are read.

    Args:
        path: the folder.
        option: the setting that names it, for messages.
        resize: height and width to which pictures are brought.

    Raises:
        UserError: no folder, no picture in it, or what is none.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"{option}={path}: there is no such folder")
    found = image_files(folder)
    if not found:
        raise UserError(f"{option}={path}: the folder holds no picture")
    stems = [_name(file.relative_to(folder).with_suffix("")) for file in found]
    twice = {stem for stem, count in Counter(stems).items() if count > 1}
    files = {
        _name(file.relative_to(folder)) if stem in twice else stem: file
        for stem, file in zip(stems, found, strict=True)
    }
    sizes = {name: resize or _size(file) for name, file in files.items()}
    return PictureFolder(folder, files, sizes, resize)


def _size(file: Path) -> Size:
    header = read_header(file)
    if header is None:  # reading says what is wrong with it
        height, width = read_photo(file).shape[:2]
        return height, width
    width, height = header.shown
    return height, width


def _name(path: Path) -> str:
    return unicodedata.normalize("NFC", path.as_posix())


def no_pairs(fake: PictureFolder, real: PictureFolder) -> str | None:
    """Why the pictures are no pairs; None if they are."""
    only = [sorted(one.files.keys() - other.files.keys()) for one, other in ((fake, real), (real, fake))]
    if any(only):
        parts = [
            f"{counted(len(names), 'picture')} of {folder.path} ({listed(names, 3)}) without one of that "
            f"name in {other.path}"
            for names, folder, other in zip(only, (fake, real), (real, fake), strict=True)
            if names
        ]
        counts = f"{len(fake.files)} generated, {len(real.files)} real"
        return f"the pictures are no pairs ({counts}): {'; '.join(parts)}"
    unequal = [name for name in fake.files if fake.sizes[name] != real.sizes[name]]
    if unequal:
        name = unequal[0]
        shown = [f"{width} x {height}" for height, width in (fake.sizes[name], real.sizes[name])]
        return (
            f"{counted(len(unequal), 'pair')} of different sizes: '{name}' is {shown[0]} in {fake.path} and "
            f"{shown[1]} in {real.path} (width x height); size=N brings all pictures to one size"
        )
    return None


def several_sizes(*folders: PictureFolder) -> list[str]:
    """A line for readers where pictures differ in size."""
    found = Counter(size for folder in folders for size in folder.sizes.values())
    if len(found) < 2:
        return []
    shown = [f"{count} of {width} x {height}" for (height, width), count in found.most_common()]
    return [
        f"the pictures have {len(found)} sizes ({listed(shown, 4)}); networks that see pictures at their own "
        "size see them so; size=N brings all pictures to one size"
    ]


@torch.inference_mode()
def evaluate_folders(
    fake: PictureFolder,
    real: PictureFolder,
    suite: MetricSuite,
    *,
    device: torch.device | str = "cpu",
    batch: int = 16,
    samples: int = 4,
    longest: int = 512,
    about: Mapping[str, Any] | None = None,
    on_image: Callable[[], None] | None = None,
) -> EvaluationReport:
    """Measures the pictures of ``fake`` against those of ``real``; each is read once.

    Args:
        fake: the generated pictures.
        real: the photos.
        suite: what is measured; where `no_pairs` has a reason, the suite must lack ``pairs``.
        device: where networks compute.
        batch: pictures of one size that are measured at once.
        samples: pictures that are shown, evenly over the folders.
        longest: larger ones are made smaller until their longer side has this many pixels.
        about: plain values that go into the report.
        on_image: called after every picture that was read.

    Raises:
        UserError: a picture that cannot be read.
    """
    paired = no_pairs(fake, real) is None
    rows: dict[str, ImageRow] = {}

    def take(pairs: Pairs) -> None:
        for name, scores in zip(pairs.any.names, suite.update(pairs), strict=True):
            if pairs.generated is not None:
                rows[name] = ImageRow(name, scores)

    for names in _own(_batches(fake, batch)):
        generated = _images(fake, names, device, on_image)
        take(Pairs(generated, _images(real, names, device, on_image) if paired else None))
    for names in () if paired else _own(_batches(real, batch)):
        take(Pairs(None, _images(real, names, device, on_image)))
    results = suite.compute()
    results.warnings += several_sizes(fake, real)
    rows = {name: row for part in gathered(rows) for name, row in part.items()}
    ordered = [rows[name] for name in fake.files]
    return EvaluationReport(
        ordered, results, _samples(fake, real, samples, longest), ["generated", "photo"], dict(about or {})
    )


def _batches(folder: PictureFolder, batch: int) -> Iterator[list[str]]:
    """Names of one size each, sorted by size so that batches are full."""
    by_size = sorted(folder.files, key=lambda name: folder.sizes[name])
    for _, group in groupby(by_size, key=lambda name: folder.sizes[name]):
        names = list(group)
        yield from (names[begin : begin + batch] for begin in range(0, len(names), batch))


def _own(batches: Iterator[list[str]]) -> Iterator[list[str]]:
    """Those of this process, of several that measure together."""
    return islice(batches, rank(), None, world_size())


def _images(
    folder: PictureFolder,
    names: Sequence[str],
    device: torch.device | str,
    on_image: Callable[[], None] | None,
) -> Images:
    pixels: list[Tensor] = []
    for name in names:
        pixels.append(torch.from_numpy(np.array(folder.read(name))).permute(2, 0, 1))
        if on_image is not None:
            on_image()
    return Images(list(names), torch.stack(pixels).to(device))


def _samples(
    fake: PictureFolder, real: PictureFolder, count: int, longest: int
) -> list[tuple[str, list[Picture]]]:
    """Some pictures of both: of pairs the same ones."""
    made, photos = list(fake.files), list(real.files)
    rows = []
    for index in sorted(spread(count, min(len(made), len(photos)))):
        photo = made[index] if made[index] in real.files else photos[index]
        rows.append((made[index], [fit(fake.read(made[index]), longest), fit(real.read(photo), longest)]))
    return rows
