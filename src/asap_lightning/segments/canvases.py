"""Canvases for layouts: retrieved ones, and training's of an image's own segments."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.resizing import pad
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.bank_files import TABLE
from asap_lightning.segments.canvas_options import CanvasOptions
from asap_lightning.segments.emptying import border_band, canvas_of, cleared, some_of
from asap_lightning.segments.laying import Front, Laid, in_order, lay
from asap_lightning.segments.own import own_piece
from asap_lightning.segments.pieces import Align, Piece, laid
from asap_lightning.segments.regions import Region, regions_of
from asap_lightning.segments.retrieval import Retriever
from asap_lightning.wording import listed

log = logging.getLogger(__name__)
Training = Literal["own", "retrieved"]
Seed = int | Sequence[int]
Canvas = NDArray[np.uint8]
"""(H, W, 4), see `Sample.canvas`."""
MOST_REGIONS = 4096
"""Regions of a layout that get a piece at most, the largest ones: what a layout of noise can cost."""
STREAM = 0x5115
"""Sets the draws of canvases apart from those of augmentation, which have the same seed."""


class Canvases:
    """Makes the canvases of a data set, and of single layouts.

    A canvas is a pure function of layout, photo and seed. Threads and processes may share one.

    Args:
        bank: a bank or its folder.
        training: of what training's canvases are made: ``own`` segments of the image (the paper), or
            ``retrieved`` ones of other images, as in evaluation.
        options: see `CanvasOptions`.
        align: an alignment network's say, see `pieces.Align`.
        front: an order network's say, see `laying.Front`.

    Raises:
        UserError: no bank, or another word for ``training``.
    """

    def __init__(
        self,
        bank: Bank | str | os.PathLike[str],
        training: Training = "own",
        options: CanvasOptions | None = None,
        *,
        align: Align | None = None,
        front: Front | None = None,
    ) -> None:
        if training not in get_args(Training):
            raise UserError(f"data.canvas={training}: one of {', '.join(get_args(Training))} was expected")
        self.bank = bank if isinstance(bank, Bank) else Bank(bank)
        self.training, self.options = training, options or CanvasOptions()
        self.align, self.front = align, front
        self.retriever = Retriever(self.bank, self.options.context)
        self._told: set[int] = set()

    def require_classes(self, spec: ConditionSpec, whose: str) -> None:
        """As of the bank."""
        self.bank.require_classes(spec, whose)

    @property
    def identity(self) -> dict[str, object]:
        """What canvases depend on beside layouts and photos, as plain values."""
        return {
            "bank": self.bank.index.digests[TABLE],
            "canvas": self.training,
            "canvas_options": asdict(self.options),
            "align": getattr(self.align, "digest", None),
            "order": getattr(self.front, "digest", None),
        }

    def maker(self, split: str, *, training: bool) -> Callable[[Sample, Seed], Sample]:
        """What gives the samples of a split their canvas; in training as ``training`` says.

        A sample's own image is left out of the search and of the draws: ``SPLIT/NAME`` in the bank.
        """

        def add(sample: Sample, seed: Seed) -> Sample:
            own = training and self.training == "own"
            return self.with_canvas(sample, own=own, exclude=(f"{split}/{sample.name}",), seed=seed)

        return add

    def with_canvas(
        self, sample: Sample, *, own: bool, exclude: Collection[str] = (), seed: Seed = 0
    ) -> Sample:
        """A sample with a canvas (and, with ``rewrite``, the pieces' layout), padded as the sample is."""
        assert sample.label is not None
        height, width = sample.valid or sample.size
        label = sample.label[:height, :width]
        if own:
            if sample.photo is None:
                raise UserError(f"'{sample.name}' has no photo, of which its training canvas is made")
            canvas, layout = self.own(label, sample.photo[:height, :width], exclude=exclude, seed=seed), label
        else:
            canvas, layout = self.retrieved(label, exclude=exclude, seed=seed)
        return replace(sample, canvas=pad(canvas, *sample.size), label=pad(layout, *sample.size))

    def retrieved(
        self, label: NDArray, *, exclude: Collection[str] = (), seed: Seed = 0
    ) -> tuple[Canvas, NDArray]:
        """The canvas of a layout, of segments that were found for its regions.

        Args:
            label: (H, W) class ids, of any size; segments are scaled from the bank's frame to it.
            exclude: names of images whose segments are left out.
            seed: decides which pixels of the bands are emptied.

        Returns:
            The canvas, and the layout (H, W): with ``rewrite`` that of the pieces, else as it was.
        """
        made = self.lay(label, exclude)
        width = round(self.options.band * label.shape[0])
        emptied = [some_of(border_band(made.owner, width), self.options.emptied, _random(seed))]
        if self.options.clear:
            emptied.append(cleared(made, self.bank.spec, width))
        return canvas_of(made, emptied), made.rewritten(label) if self.options.rewrite else label

    def lay(self, label: NDArray, exclude: Collection[str] = ()) -> Laid:
        """The segments that were found as they lie, before anything is emptied."""
        return lay(self._pieces(label, exclude), _size(label), label=label, front=self.front)

    def own(
        self, label: NDArray, photo: NDArray[np.uint8], *, exclude: Collection[str] = (), seed: Seed = 0
    ) -> Canvas:
        """The training canvas of a pair: its own segments, spoiled; see `own`.

        Args:
            label: (H, W).
            photo: (H, W, 3).
            exclude: names of images whose masks are not drawn: the image itself.
            seed: decides all that is drawn.
        """
        made = self.own_pieces(label, photo, exclude, random := _random(seed))
        width = round(self.options.own_band * label.shape[0])
        return canvas_of(made, [some_of(border_band(made.owner, width), self.options.emptied, random)])

    def own_pieces(
        self, label: NDArray, photo: NDArray[np.uint8], exclude: Collection[str], random: np.random.Generator
    ) -> Laid:
        """The own segments as they lie before the bands are emptied."""
        numbers = self.bank.numbers_of(exclude)
        options = self.options
        pieces = (
            own_piece(
                region,
                photo,
                self.bank,
                random,
                masks=options.masks,
                recoloured=options.recoloured,
                exclude=numbers,
            )
            for region in self.regions(label)
        )
        return lay((piece for piece in pieces if piece is not None), _size(label), label=label)

    def __call__(self, label: NDArray) -> tuple[Canvas, NDArray]:
        """What a `Translator` asks its composer for: `retrieved`, of all of the bank."""
        return self.retrieved(label)

    def regions(self, label: NDArray) -> list[Region]:
        """The regions of a layout that get a piece, in the order of laying."""
        height, width = self.bank.frame
        least = self.options.min_area or self.bank.index.min_area
        least = max(1, round(least * label.shape[0] * label.shape[1] / (height * width)))
        scale = min(label.shape[0] / height, label.shape[1] / width)
        thickness = max(1, round(self.bank.index.min_thickness * scale))
        found = regions_of(
            label,
            self.bank.spec.num_classes,
            min_area=least,
            min_thickness=thickness,
            join=self.bank.index.join,
        )
        if len(found) > MOST_REGIONS:
            log.warning("a layout has %d regions: the largest %d get a piece", len(found), MOST_REGIONS)
            found = sorted(found, key=lambda one: -one.area)[:MOST_REGIONS]
        self._tell_lacking(found)
        return in_order(found, self.bank.spec)

    def _pieces(self, label: NDArray, exclude: Collection[str]) -> Iterator[Piece]:
        scale_box = self.options.fit == "box"
        for region in self.regions(label):
            for match in self.retriever.best(region, label, exclude=exclude):
                segment = self.bank.segment(match.number)
                piece = laid(segment, region, scale_box=scale_box, align=self.align, label=label)
                if piece is not None:
                    yield piece

    def _tell_lacking(self, regions: Sequence[Region]) -> None:
        """Says once which classes of the layouts the bank has no segment of."""
        lacking = {one.class_id for one in regions if not len(self.bank.of_class(one.class_id))} - self._told
        if lacking:
            self._told |= lacking
            names = self.bank.spec.channel_names
            log.warning(
                "%s has no segment of %s: such regions stay empty on canvases",
                self.bank.folder,
                listed((names[number] for number in sorted(lacking)), 40),
            )


def retrieve_canvas(
    bank: Bank | str | os.PathLike[str],
    label: NDArray,
    *,
    exclude: Collection[str] = (),
    options: CanvasOptions | None = None,
    align: Align | None = None,
    front: Front | None = None,
    seed: Seed = 0,
) -> tuple[Canvas, NDArray]:
    """`Canvases.retrieved` for one layout; whoever has many keeps a `Canvases`.

    Raises:
        UserError: no bank.
    """
    return Canvases(bank, options=options, align=align, front=front).retrieved(
        label, exclude=exclude, seed=seed
    )


def _size(label: NDArray) -> tuple[int, int]:
    return int(label.shape[0]), int(label.shape[1])


def _random(seed: Seed) -> np.random.Generator:
    words = [seed] if isinstance(seed, int) else list(seed)
    return np.random.default_rng([STREAM, *words])
