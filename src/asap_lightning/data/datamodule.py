"""The DataModule: a data set on disk as Lightning's loaders, resumable at any batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_warn

from asap_lightning.data.blocks import Blocks
from asap_lightning.data.layout import Split
from asap_lightning.data.layouts.shards import Shards
from asap_lightning.data.loader import PairedLoader
from asap_lightning.data.paired_data import PairedData
from asap_lightning.data.sampler import TrainingSampler
from asap_lightning.data.transforms import Geometry
from asap_lightning.errors import UserError


class PairedDataModule(PairedData, LightningDataModule):
    """`PairedData` under Lightning: training's loader, resumable at any batch, shared among processes.

    Run the trainer with ``use_distributed_sampler=False``: the samplers know ranks themselves. Arguments as
    of `PairedData`.
    """

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
        if self.canvases is not None:
            identity |= self.canvases.identity
        if self.exemplar is not None:
            identity |= {"exemplar": self.exemplar, "exemplar_own": self.exemplar_own}
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
