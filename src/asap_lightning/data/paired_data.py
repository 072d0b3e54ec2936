"""A data set on disk as pairs and loaders, at the sizes that are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.dataset import AddCanvas, PairedDataset
from asap_lightning.data.exemplars import Exemplars, plan_exemplars
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.loader import PairedLoader, collate_or_report, start_worker
from asap_lightning.data.sampler import EvaluationSampler, TrainingPosition
from asap_lightning.data.transforms import EVALUATION_MODES, Geometry, Mode, OddSize, PairedTransform
from asap_lightning.errors import UserError
from asap_lightning.locks import FileLock
from asap_lightning.ranks import rank, world_size


class CanvasSource(Protocol):
    """What gives a data set its canvases; `segments.Canvases` is one."""

    @property
    def identity(self) -> dict[str, object]:
        """What canvases depend on beside the pairs, as plain values."""

    def require_classes(self, spec: ConditionSpec, whose: str) -> None:
        """A `UserError` unless the canvases are of these classes."""

    def maker(self, split: str, *, training: bool) -> AddCanvas:
        """What adds canvases to the samples of a split."""


class PairedData:
    """Pairs of condition and photo.

    Order and augmentation are pure functions of (seed, epoch, index): they depend neither on the number
    of workers nor on what ran before, and nothing here touches torch's global random state. Training takes
    `PairedDataModule`, which is this under Lightning.

    Args:
        root: the folder of the data set, or the address of shards.
        layout: makes the layout from the root: a class of `data.layouts` or a partial of one.
        height, width: size of the pairs in training, and in evaluation where `eval_mode` is ``fixed``.
        mode: how training pairs come to that size; see `Geometry`.
        load_height, load_width: size before the crop; see `Geometry`.
        flip: whether half of the training pairs are mirrored.
        extra_transforms: further albumentations transforms for training.
        eval_mode: as `mode`, for evaluation: a mode without a crop, since nothing may be cut off there.
        odd_size: what happens at evaluation to sizes that the generator cannot take: ``pad`` (repeat the last
            row and column, `Batch.valid` has the real size) or ``resize`` (to the nearest multiple).
            In training they are always resized, as in the authors' programs.
        size_multiple: what height and width must be multiples of; set it from the generator's
            ``size_multiple`` before the loaders are made.
        minimum_size: and at least this; likewise.
        instance_edges: whether instance maps are read.
        batch_size: pairs a batch and process in training.
        eval_batch_size: the same in evaluation; by default `batch_size` where all pairs get one size, else 1.
        drop_last: whether the last, smaller batch of an epoch is left out.
        shuffle: whether training pairs are shuffled.
        limit_train, limit_val, limit_test: use only the first pairs of a split.
        num_workers: processes that read files; 0 reads in the main process.
        prefetch_factor: batches that each worker prepares ahead.
        persistent_workers: whether workers live on from epoch to epoch; by default, if there are any.
        pin_memory: by default, if CUDA is there.
        seed: decides order and augmentation.
        prepare: makes the data set at the root when there is no such folder yet.
        canvases: gives every sample a canvas of pieces, for generators that complete one.
        exemplar: whose photo is each pair's exemplar (`plan_exemplars`): ``self``, ``random``, ``nearest`` or
            a file of pairs; None: pairs have none.
        exemplar_own: share of the training pairs whose exemplar is their own photo, distorted.

    Attributes:
        spec: what the conditions are; known before any file is read.
        training_minimum: as `minimum_size`, for training alone, where a discriminator and losses look too.
        position: where the training data stands (epoch, first batch of this pass, batches delivered).
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        layout: Callable[..., Layout],
        height: int,
        width: int,
        *,
        mode: Mode = "fixed",
        load_height: int | None = None,
        load_width: int | None = None,
        flip: bool = True,
        extra_transforms: Sequence[Any] = (),
        eval_mode: Mode = "fixed",
        odd_size: OddSize = "pad",
        size_multiple: int = 1,
        minimum_size: int = 0,
        instance_edges: bool = False,
        batch_size: int = 1,
        eval_batch_size: int | None = None,
        drop_last: bool = True,
        shuffle: bool = True,
        limit_train: int | None = None,
        limit_val: int | None = None,
        limit_test: int | None = None,
        num_workers: int = 0,
        prefetch_factor: int | None = None,
        persistent_workers: bool | None = None,
        pin_memory: bool | None = None,
        seed: int = 0,
        prepare: Callable[[Path], object] | None = None,
        canvases: CanvasSource | None = None,
        exemplar: str | None = None,
        exemplar_own: float = 0.5,
    ) -> None:
        super().__init__()
        self._prepare = prepare
        self.exemplar, self.exemplar_own = exemplar, exemplar_own
        self._exemplars: dict[tuple[Split, bool], Exemplars | None] = {}
        self.layout = layout(root, instances=instance_edges)
        self.canvases = canvases
        if canvases is not None:
            canvases.require_classes(self.layout.spec, f"data.root={root}")
        self.geometry = Geometry(mode, height, width, load_height, load_width)
        if eval_mode not in EVALUATION_MODES:
            raise UserError(
                f"data.eval_mode={eval_mode}: one of {', '.join(EVALUATION_MODES)} was expected (nothing is "
                "cropped "
                "at evaluation)"
            )
        self.eval_geometry = Geometry(eval_mode, height, width, load_height, load_width)
        self.flip, self.extra_transforms = flip, tuple(extra_transforms)
        self.odd_size, self.size_multiple, self.minimum_size = odd_size, size_multiple, minimum_size
        self.training_minimum = 0
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size or (batch_size if eval_mode == "fixed" else 1)
        self.drop_last, self.shuffle, self.seed = drop_last, shuffle, seed
        self.limits: dict[Split, int | None] = {"train": limit_train, "val": limit_val, "test": limit_test}
        self.num_workers, self.prefetch_factor = num_workers, prefetch_factor
        self.persistent_workers, self.pin_memory = persistent_workers, pin_memory
        self.position = TrainingPosition()
        self._require_numbers()

    def _require_numbers(self) -> None:
        for name, value, least in (
            ("batch_size", self.batch_size, 1),
            ("eval_batch_size", self.eval_batch_size, 1),
            ("num_workers", self.num_workers, 0),
            ("seed", self.seed, 0),
            ("size_multiple", self.size_multiple, 1),
            *((f"limit_{split}", limit, 1) for split, limit in self.limits.items() if limit is not None),
        ):
            if not isinstance(value, int) or isinstance(value, bool):
                raise UserError(f"data.{name}={value}: a whole number from {least} on was expected")
            if value < least:
                raise UserError(f"data.{name}={value}: at least {least} was expected")

    @property
    def spec(self) -> ConditionSpec:
        """What the conditions are."""
        return self.layout.spec

    @property
    def height(self) -> int:
        """Rows of a training pair, where the mode fixes them."""
        return self.geometry.height

    @property
    def width(self) -> int:
        """Columns of a training pair, where the mode fixes them."""
        return self.geometry.width

    def prepare_data(self) -> None:
        """Makes the data set if it is one that can be made and is not there.

        It appears when it is whole; of several processes one makes it and the others wait.
        """
        root = self.layout.root
        if self._prepare is None or root.exists():
            return
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(root.with_name(f".{root.name}.lock")):
                if not root.exists():
                    unfinished = root.with_name(f".{root.name}.unfinished")
                    self._prepare(unfinished)
                    unfinished.rename(root)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"{root}: the data set could not be made there: {reason}") from error

    def items(self, split: Split) -> list[Item]:
        """The pairs of a split, after its limit."""
        return self.layout.items(split)[: self.limits[split]]

    def dataset(self, split: Split) -> PairedDataset:
        """The pairs of a split with the transform that belongs to it."""
        if split == "train":
            transform = PairedTransform(
                self.geometry,
                flip=self.flip,
                size_multiple=self.size_multiple,
                minimum_size=max(self.minimum_size, self.training_minimum),
                odd_size="resize",
                extra=self.extra_transforms,
            )
            return self._dataset(split, transform, training=True)
        return self.evaluation_dataset(split)

    def _dataset(self, split: Split, transform: PairedTransform, *, training: bool) -> PairedDataset:
        canvases = self.canvases
        add = None if canvases is None else canvases.maker(split, training=training)
        exemplars = self._exemplars_of(split, fixed=not training)
        return PairedDataset(self.layout, self.items(split), transform, self.seed, add, exemplars)

    def _exemplars_of(self, split: Split, *, fixed: bool) -> Exemplars | None:
        """The exemplars of a split's pairs; planned once, for that may read all label maps."""
        if self.exemplar is None:
            return None
        if (split, fixed) not in self._exemplars:
            self._exemplars[split, fixed] = plan_exemplars(
                self.exemplar,
                self.layout,
                self.items(split),
                own=self.exemplar_own,
                seed=self.seed,
                fixed=fixed,
            )
        return self._exemplars[split, fixed]

    def evaluation_dataset(self, split: Split) -> PairedDataset:
        """Any split's pairs as validation sees them, not augmented."""
        transform = PairedTransform(
            self.eval_geometry,
            size_multiple=self.size_multiple,
            minimum_size=self.minimum_size,
            odd_size=self.odd_size,
        )
        return self._dataset(split, transform, training=False)

    def evaluation_dataloader(self, split: Split) -> PairedLoader:
        """Any split's pairs as validation sees them: in order, each once, not augmented."""
        dataset = self.evaluation_dataset(split)
        sampler = EvaluationSampler(len(dataset), rank=self._rank, world_size=self._world_size)
        if len(dataset) and not len(sampler):
            # Lightning would skip the evaluation here, and the other processes would wait for this one's
            # part of the metrics; a pair without a photo is translated and not measured.
            sampler = EvaluationSampler(1)
            dataset.with_photo = False
        return PairedLoader(
            dataset, sampler=sampler, batch_size=self.eval_batch_size, **self._loader_options()
        )

    def _loader_options(self) -> dict[str, Any]:
        pin_memory = torch.cuda.is_available() if self.pin_memory is None else self.pin_memory
        options: dict[str, Any] = {
            "num_workers": self.num_workers,
            "collate_fn": collate_or_report,
            "pin_memory": pin_memory,
            # A generator of its own: starting workers must not draw from torch's global state.
            "generator": torch.Generator().manual_seed(self.seed),
        }
        if self.num_workers:
            keep = True if self.persistent_workers is None else self.persistent_workers
            options |= {"worker_init_fn": start_worker, "persistent_workers": keep}
            if self.prefetch_factor is not None:
                options["prefetch_factor"] = self.prefetch_factor
        return options

    @property
    def _rank(self) -> int:
        """Of this process among those that share the pairs."""
        return rank()

    @property
    def _world_size(self) -> int:
        """Processes that share the pairs."""
        return world_size()
