"""Tiny data sets on disk, one builder a layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


class Trees:
    """Writes data sets of random pairs; ids and colours are drawn from a fixed seed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.random = np.random.default_rng(0)

    def photo(self, path: Path, size: tuple[int, int] = (12, 16)) -> NDArray[np.uint8]:
        pixels = self.random.integers(0, 256, (*size, 3), dtype=np.uint8)
        return self.save(path, pixels)

    def label(
        self, path: Path, size: tuple[int, int] = (12, 16), low: int = 0, high: int = 3
    ) -> NDArray[np.uint8]:
        return self.save(path, self.random.integers(low, high, size, dtype=np.uint8))

    def save(self, path: Path, pixels: NDArray) -> NDArray:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return pixels

    def cmp(self, count: int = 6, first: int = 1, folder: str = "base", letter: str = "b") -> Path:
        for number in range(first, first + count):
            stem = self.root / folder / f"cmp_{letter}{number:04d}"
            self.photo(stem.with_suffix(".jpg"))
            label = Image.fromarray(self.random.integers(1, 13, (12, 16), dtype=np.uint8))
            label.putpalette(bytes(range(256)) * 3)
            label.save(stem.with_suffix(".png"))
            stem.with_suffix(".xml").write_text("<objects/>")
        return self.root

    def cityscapes(
        self, counts: dict[str, int] | None = None, photos: tuple[str, ...] = ("train", "val")
    ) -> Path:
        for split, count in (counts or {"train": 3, "val": 2, "test": 2}).items():
            for number in range(count):
                stem = f"{split}/town/town_{number:06d}_000019"
                ids = self.label(self.root / f"gtFine/{stem}_gtFine_labelIds.png", high=34)
                instances = np.where(ids > 23, ids.astype(np.uint16) * 1000 + 1, ids)
                self.save(self.root / f"gtFine/{stem}_gtFine_instanceIds.png", instances.astype(np.uint16))
                if split in photos:
                    self.photo(self.root / f"leftImg8bit/{stem}_leftImg8bit.png")
        return self.root

    def spade(self, splits: tuple[str, ...] = ("train", "val"), count: int = 4, high: int = 3) -> Path:
        for split in splits:
            for number in range(count):
                self.label(self.root / f"{split}_label/{number:03d}.png", high=high)
                self.label(self.root / f"{split}_inst/{number:03d}.png", high=200)
                self.photo(self.root / f"{split}_img/{number:03d}.jpg")
        return self.root

    def pix2pixhd(self, pictures: bool = False) -> Path:
        condition, photo = ("A", "B") if pictures else ("label", "img")
        for split in ("train", "test"):
            for number in range(3):
                stem = f"town_{number:03d}_000019"
                source = self.root / f"{split}_{condition}" / f"{stem}_gtFine_labelIds.png"
                if pictures:
                    self.photo(source)
                else:
                    self.label(source)
                    self.label(self.root / f"{split}_inst/{stem}_gtFine_instanceIds.png")
                self.photo(self.root / f"{split}_{photo}/{stem}_leftImg8bit.jpg")
        return self.root

    def folders(self, count: int = 5, inside: str = "") -> Path:
        for number in range(count):
            self.photo(self.root / inside / f"A/{number}.png")
            self.photo(self.root / inside / f"B/{number}.jpg")
        return self.root

    def pairs(self, splits: tuple[str, ...] = ("train", "val"), count: int = 3) -> Path:
        for split in splits:
            for number in range(count):
                self.photo(self.root / split / f"{number}.png", (12, 32))
        return self.root

    def ade20k(self) -> Path:
        for split in ("training", "validation"):
            for number in range(3):
                self.label(self.root / f"annotations/{split}/ADE_{number:08d}.png", high=151)
                self.photo(self.root / f"images/{split}/ADE_{number:08d}.jpg")
        return self.root

    def deepfashion(self, count: int = 4, size: int = 64) -> Path:
        """Photos with the key points of a person each; a fourth of each split's persons lack an arm."""
        for split in ("train", "val"):
            lines = []
            for number in range(count):
                stem = f"WOMEN/Dresses/id_{split}/{number:02d}_1_front"
                self.photo(self.root / f"img/{stem}.jpg", (size, size))
                points = self.random.uniform(200, 800, (18, 2))
                row = [-1.0 if number % 4 == 3 and index in (3, 4) else index for index in range(18)]
                pose = self.root / f"pose/{stem}"
                pose.parent.mkdir(parents=True, exist_ok=True)
                scored = [f"{x:.6e} {y:.6e} 0.9 {index}" for index, (x, y) in enumerate(points)]
                pose.with_name(pose.name + "_candidate.txt").write_text("\n".join(scored) + "\n")
                text = " ".join(f"{value:.18e}" for value in (*row, 21.5, 18))
                pose.with_name(pose.name + "_subset.txt").write_text(text + "\n")
                lines.append(f"deepfashionHD/img/{stem}.jpg\n")
            (self.root / f"{split}.txt").write_text("".join(lines))
        return self.root

    def nyu(self, count: int = 5) -> tuple[Path, NDArray, NDArray]:
        h5py = pytest.importorskip("h5py")
        self.root.mkdir(parents=True, exist_ok=True)
        photos = self.random.integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
        depths = self.random.uniform(0.5, 12.0, (count, 12, 16)).astype(np.float32)
        with h5py.File(self.root / "nyu_depth_v2_labeled.mat", "w") as file:
            file["images"] = photos.transpose(0, 3, 2, 1)
            file["depths"] = depths.transpose(0, 2, 1)
        return self.root, photos, depths
