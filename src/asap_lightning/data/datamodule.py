"""The DataModule: a data set on disk as Lightning's loaders, resumable at any batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_warn

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.blocks import Blocks
from asap_lightning.data.dataset import PairedDataset
from asap_lightning.data.layouts.base import Item, Layout, Split
from asap_lightning.data.layouts.shards import Shards
from asap_lightning.data.loader import PairedLoader, collate_or_report, start_worker
from asap_lightning.data.sampler import EvaluationSampler, TrainingPosition, TrainingSampler
from asap_lightning.data.transforms import EVALUATION_MODES, Geometry, Mode, OddSize, PairedTransform
from asap_lightning.errors import UserError


class PairedDataModule(LightningDataModule):
    """Pairs of condition and photo.

    Order and augmentation are pure functions of (seed, epoch, index): they depend neither on the number
    of workers nor on what ran before, and nothing here touches torch's global random state. Run the
    trainer with ``use_distributed_sampler=False``: the samplers know ranks themselves.

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
    ) -> None:
        super().__init__()
        self._prepare = prepare
        self.layout = layout(root, instances=instance_edges)
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

    def setup(self, stage: str | None = None) -> None:
        """Finds the files of the splits that this stage needs; reads none of them."""
        needed: dict[str | None, tuple[Split, ...]] = {
            "fit": ("train", "val"),
            "validate": ("val",),
            "test": ("test",),
            "predict": ("test",),
        }
        for split in needed.get(stage, ()):
            self.items(split)
        if stage == "fit":
            self._require_divisible()
            for warning in self.layout.warnings:
                rank_zero_warn(warning)
            self._warn_of_small_shards()

    def _require_divisible(self) -> None:
        if self.geometry.fixes_size:
            for name, side in (("height", self.height), ("width", self.width)):
                if side % self.size_multiple:
                    below = side // self.size_multiple * self.size_multiple
                    nearest = f"{below} or " if below else ""
                    raise UserError(
                        f"data.{name}={side} is not a multiple of {self.size_multiple}, which the generator "
                        "needs: "
                        f"use {nearest}{below + self.size_multiple}"
                    )

    def _warn_of_small_shards(self) -> None:
        """Pairs that were made smaller before they were stored cannot be made sharp again."""
        if not isinstance(self.layout, Shards):
            return
        pairs: tuple[tuple[Split, Geometry], ...] = (("train", self.geometry), ("val", self.eval_geometry))
        for split, geometry in pairs:
            resized = self.layout.resized(split)
            stored = None if resized is None else Geometry(**resized)
            if stored is not None and max(stored.load) < max(geometry.load):
                rank_zero_warn(
                    f"data.root={self.layout.address}: the shards hold pairs of {stored.load[1]} x "
                    f"{stored.load[0]} (width x height), which data.height and data.width enlarge to "
                    f"{geometry.load[1]} x {geometry.load[0]}; make shards of that size with asap data shard"
                )
                return

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
        else:
            transform = PairedTransform(
                self.eval_geometry,
                size_multiple=self.size_multiple,
                minimum_size=self.minimum_size,
                odd_size=self.odd_size,
            )
        return PairedDataset(self.layout, self.items(split), transform, self.seed)

    def train_dataloader(self) -> PairedLoader:
        """Shuffled, augmented pairs, from `position` on."""
        dataset = self.dataset("train")
        loader = PairedLoader(
            dataset, batch_sampler=self._training_sampler(len(dataset)), **self._loader_options()
        )
        loader.position = self.position
        return loader

    def _training_sampler(self, count: int) -> TrainingSampler:
        return TrainingSampler(
            count,
            self.batch_size,
            seed=self.seed,
            position=self.position,
            drop_last=self.drop_last,
            shuffle=self.shuffle,
            rank=self._rank,
            world_size=self._world_size,
            blocks=self._blocks(count),
        )

    def batches_an_epoch(self) -> int:
        """Batches that each process trains on in an epoch, after the trainer's ``limit_train_batches``.

        Raises:
            UserError: the training split has fewer pairs than a batch.
        """
        count = len(self._training_sampler(len(self.items("train"))))
        limit = None if self.trainer is None else self.trainer.limit_train_batches
        if limit is None:
            return count
        return min(count, limit) if isinstance(limit, int) else int(count * limit)

    def _blocks(self, count: int) -> Blocks | None:
        """The shards of the training split, after its limit."""
        blocks = self.layout.blocks("train")
        return None if blocks is None else blocks.limited(count)

    def val_dataloader(self) -> PairedLoader:
        """Validation pairs in order, each once."""
        return self.evaluation_dataloader("val")

    def test_dataloader(self) -> PairedLoader:
        """Test pairs in order, each once."""
        return self.evaluation_dataloader("test")

    def predict_dataloader(self) -> PairedLoader:
        """The conditions of the test split, each once."""
        return self.evaluation_dataloader("test")

    def evaluation_dataloader(self, split: Split) -> PairedLoader:
        """Any split's pairs as validation sees them: in order, each once, not augmented."""
        dataset = self.dataset(split)
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
        return self.trainer.global_rank if self.trainer is not None else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer is not None else 1

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Moves a `Batch`; asynchronously if it is in page-locked memory."""
        return batch.to(device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        """Where training goes on: the epoch and the number of its batches that are done."""
        epoch, batch = self._finished()
        return {"epoch": epoch, "batch": batch, **self._identity()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Makes the next pass over the training data start where `state_dict` was taken.

        Where an epoch has other batches now, it starts with the epoch after that.
        """
        epoch, batch = int(state_dict["epoch"]), int(state_dict["batch"])
        changed = self.changes_since(state_dict)
        if changed:
            rank_zero_warn(
                "the run is continued with other data settings, so it starts a new epoch and will not repeat "
                "the uninterrupted run: "
                + ", ".join(f"{key} was {before}, is {now}" for key, (before, now) in changed.items())
            )
            epoch, batch = epoch + bool(batch), 0
        self.position.resume(epoch, batch)

    def changes_since(self, state: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """What makes the batches of an epoch others than those of a `state_dict`: name -> (there, here).

        How a batch is spread over processes makes no difference. A state of an earlier version knows less.
        """
        mine = self._identity()
        theirs = {name: state.get(name, value) for name, value in mine.items()}
        for one in (mine, theirs):
            one["global batch_size"] = one.pop("batch_size") * one.pop("world_size")
        changed = {name: (theirs[name], mine[name]) for name in mine if theirs[name] != mine[name]}
        if not changed and int(state["batch"]) >= mine["batches"]:
            changed["batches"] = (f"more than {state['batch']}", mine["batches"])
        return changed

    def _identity(self) -> dict[str, Any]:
        """What the meaning of a position depends on."""
        identity: dict[str, Any] = {
            "seed": self.seed,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "pairs": len(self.items("train")),
            "batches": self.batches_an_epoch(),
            "batch_size": self.batch_size,
            "world_size": self._world_size,
        }
        blocks = self.layout.blocks("train")
        return (
            identity if blocks is None else {**identity, "shards": len(blocks.sizes), "window": blocks.window}
        )

    def _finished(self) -> tuple[int, int]:
        """Epoch and finished batches; those that are being trained on, or held for it, do not count."""
        position = self.position
        done = position.start + position.delivered
        trainer = self.trainer
        if trainer is None or not position.delivered:
            return position.epoch, done
        progress: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        done -= int(progress.ready > progress.processed)
        done -= getattr(trainer.lightning_module, "held_batches", 0)
        if done >= trainer.num_training_batches:
            return position.epoch + 1, 0
        return position.epoch, done
