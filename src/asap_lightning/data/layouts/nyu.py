"""NYU depth v2, the labelled part: depth -> photo."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.reading import MAX_PIXELS, scale_depth
from asap_lightning.data.sample import Sample
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import printable
from asap_lightning.wording import counted

FILE = "nyu_depth_v2_labeled.mat"


class NyuDepth(Layout):
    """NYU depth v2: 1449 indoor frames of 640 x 480 in one MATLAB 7.3 (HDF5) file.

    The file stores MATLAB's arrays, whose axes HDF5 shows in reverse: images (N, 3, W, H), depths (N, W, H).
    Split: the first ``train_count`` frames in the file's order train, the others are validation and test. The
    paper gives the sizes (1200 and 249) but no list.

    Args:
        root: the folder that holds ``nyu_depth_v2_labeled.mat``, or that file.
        train_count: number of training frames.
        nearest, farthest: depths in metres that become -1 and 1; what lies outside is clipped.
        instances: must be False: instance maps are not read.
    """

    title: ClassVar[str] = "NYU depth v2"
    config: ClassVar[str] = "nyu"
    stores_arrays: ClassVar[bool] = True
    expected: ClassVar[str] = f"  {FILE}  MATLAB 7.3 file with images and depths"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        train_count: int = 1200,
        nearest: float = 0.0,
        farthest: float = 10.0,
        instances: bool = False,
    ) -> None:
        super().__init__(root, instances=instances)
        self.train_count, self.nearest, self.farthest = train_count, nearest, farthest
        self._open: tuple[int, Any] | None = None

    @property
    def spec(self) -> ConditionSpec:
        return ConditionSpec(kind="depth", channels=1)

    @property
    def file(self) -> Path:
        """The MATLAB file."""
        return self.root if self.root.suffix == ".mat" else self.root / FILE

    @classmethod
    def matches(cls, root: Path) -> bool:
        return (root / FILE).is_file()

    def require_root(self) -> None:
        if not (self.root.suffix == ".mat" and self.root.is_file()):
            super().require_root()

    def find(self, split: Split) -> list[Item]:
        if not self.file.is_file():
            raise self.wrong_root(f"there is no {FILE}")
        count = self._arrays()["images"].shape[0]
        if not 0 < self.train_count < count:
            raise UserError(
                f"data.layout.train_count={self.train_count}, but {self.file} holds "
                f"{counted(count, 'frame')}: a number from 1 to {count - 1} was expected, so "
                "that some are left for validation"
            )
        frames = range(self.train_count) if split == "train" else range(self.train_count, count)
        return [Item(f"nyu_{n + 1:04d}", self.file, photo=self.file, index=n) for n in frames]

    def read(self, item: Item) -> Sample:
        arrays = self._arrays()
        try:
            photo = np.ascontiguousarray(arrays["images"][item.index].transpose(2, 1, 0))
            metres = np.ascontiguousarray(arrays["depths"][item.index].T, dtype=np.float32)
        except OSError as error:
            raise UserError(f"{self.file}: frame {item.index + 1} cannot be read ({error})") from error
        depth = scale_depth(metres, self.nearest, self.farthest)
        paths: dict[str, Source] = {"depth": self.file, "photo": self.file}
        return Sample(item.name, depth=depth, photo=photo, paths=paths).require_equal_sizes()

    def _arrays(self) -> Any:
        """The open file; opened once a process, since HDF5 handles do not survive a fork."""
        if self._open is None or self._open[0] != os.getpid():
            self._open = (os.getpid(), _open_matlab(self.file))
        return self._open[1]

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file: a worker opens its own."""
        return {**self.__dict__, "_open": None}


def _open_matlab(path: Path) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UserError(
            "NYU depth v2 needs the library h5py, which is not installed: pip install 'asap-lightning[nyu]'"
        ) from error
    try:
        arrays = h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path} is not a MATLAB 7.3 (HDF5) file that can be read ({error}): download it again"
        ) from error
    found = printable(", ".join(sorted(arrays)) or "nothing", 200)
    for name, dimensions, kinds in (("images", 4, "u"), ("depths", 3, "f")):
        # a link or an external storage would read another file of this machine
        link = arrays.get(name, getlink=True)
        array = arrays[name] if isinstance(link, h5py.HardLink) else None
        if not isinstance(array, h5py.Dataset) or array.ndim != dimensions:
            raise UserError(f"{path} has no array '{name}' with {dimensions} axes; it holds {found}")
        frame = math.prod(array.chunks or (1,)), math.prod(array.shape[1:])
        if array.external or array.is_virtual or array.dtype.kind not in kinds or max(frame) > MAX_PIXELS:
            raise UserError(f"{path}: '{name}' is not stored as NYU's is; download the file again")
    images, depths = arrays["images"].shape, arrays["depths"].shape
    if images[1] != 3 or (images[0], *images[2:]) != depths:
        raise UserError(f"{path}: images {images} and depths {depths} are no pairs; download it again")
    return arrays
