"""``asap data segments bank=BANK --fit align order``: the networks that move pieces and order them."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from asap_lightning.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from asap_lightning.commands.counting_bar import Count
    from asap_lightning.composing.networks import Kind, PieceNetwork
    from asap_lightning.segments.bank import Bank
    from asap_lightning.training.sims.examples import Cut, FramedPairs, Truth
    from asap_lightning.training.sims.loop import OnStep, PieceSettings

    Fit = Callable[["Fitting", OnStep], tuple[PieceNetwork, str]]

NUMBERS: dict[str, tuple[Any, Any, str]] = {
    "steps": (3000, 1, "updates of each network"),
    "batch": (16, 1, "segments, or pairs of them, an update"),
    "rate": (2e-3, None, "learning rate of Adam"),
    "width": (8, 1, "channels of a network's first stage; the paper's have 64"),
    "side": (48, 8, "pixels of the square windows in which pieces are seen"),
    "held-out": (400, 1, "segments, or pairs of them, that are measured"),
    "seed": (0, 0, "decides weights, order and displacements"),
}
"""Flag -> default, least, help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of fitting."""
    group = parser.add_argument_group("of bank=BANK --fit, with the data set that the bank was cut from")
    group.add_argument(
        "--fit",
        nargs="+",
        choices=("align", "order"),
        metavar="align|order",
        help="fit the network that moves pieces, the one that says which lies in front, or both; measured on "
        "the split val",
    )
    for name, (default, _, text) in NUMBERS.items():
        group.add_argument(f"--{name}", type=type(default), metavar="N", help=f"{text} (default: {default})")
    group.add_argument("--device", default=None, help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    group.add_argument(
        "--truth",
        choices=("depth", "outlines"),
        help="what says which of two segments lies in front: disparities, or outlines alone; default: depth, "
        "where the data set has it",
    )


def require_fitting(options: argparse.Namespace) -> None:
    """Puts the defaults in, and refuses flags of a fit where there is none, and values out of range."""
    for flag, (default, least, _) in NUMBERS.items():
        name = flag.replace("-", "_")
        value = getattr(options, name)
        if value is None:
            setattr(options, name, default)
        elif not options.fit:
            raise UserError(f"--{flag} {value}: it is of --fit align, order, which is not given")
        elif not (value >= least if least is not None else 0 < value < 1):
            expected = f"a number from {least} on" if least is not None else "a number between 0 and 1"
            raise UserError(f"--{flag} {value}: {expected} was expected")
    for name in ("truth", "device"):
        if getattr(options, name) is not None and not options.fit:
            raise UserError(f"--{name} {getattr(options, name)}: it is of --fit, which is not given")


@dataclass
class Fitting:
    """What both networks are fitted with.

    Attributes:
        bank: whose classes and colours.
        pairs, held_out: what is learnt from, and measured on.
        regions: cuts a layout.
        settings: of the fit.
        device: where to.
        count: segments, or pairs of them, that are measured.
        truth: what says the order.
    """

    bank: Bank
    pairs: FramedPairs
    held_out: FramedPairs
    regions: Cut
    settings: PieceSettings
    device: torch.device
    count: int
    truth: Truth


def run(options: argparse.Namespace) -> int:
    """Fits the networks, one after the other; each is there, whole, once it is fitted and measured."""
    from rich.progress import TimeRemainingColumn

    from asap_lightning.commands.counting_bar import counting_bar
    from asap_lightning.composing.networks import write_network

    fitting = prepared(options)
    for kind in dict.fromkeys(options.fit):
        with counting_bar(f"fitting {kind}", TimeRemainingColumn()) as count:
            fitted, said = FITS[kind](fitting, _shown_by(count, fitting.settings.steps))
        path = write_network(fitting.bank, fitted, fitting.settings.width)
        print(said)
        print(f"{path}: use it with data.canvas_options.{kind}=true, or canvas_options.{kind}=true of bank=")
    return 0


def _shown_by(count: Count, steps: int) -> OnStep:
    return lambda step, loss: count(step, steps)


def prepared(options: argparse.Namespace) -> Fitting:
    """Bank, pairs and settings; mistakes show before anything is fitted."""
    from asap_lightning.configuration.data_layout import configured
    from asap_lightning.inference.devices import choose_device
    from asap_lightning.segments.bank import Bank
    from asap_lightning.segments.canvas_options import CanvasOptions
    from asap_lightning.segments.canvases import Canvases
    from asap_lightning.training.sims.examples import FramedPairs
    from asap_lightning.training.sims.loop import PieceSettings

    bank, (layout, _) = Bank(options.words.bank), configured(options.words.overrides)
    bank.require_classes(layout.spec, f"data.root={layout.address}")
    (split, *others) = options.splits or ["train"]
    if others:
        raise UserError("--splits: one split was expected, of which the networks are fitted")
    pairs, held_out = (FramedPairs(layout, one, bank.frame, options.limit) for one in (split, "val"))
    truth: Truth = options.truth or ("depth" if pairs.has_depth else "outlines")
    if truth == "depth" and not pairs.has_depth and "order" in options.fit:
        raise UserError(
            f"--truth depth: data.root={layout.address} has no disparities (Cityscapes' are read from "
            "disparity/SPLIT/CITY/*_disparity.png). --truth outlines needs none"
        )
    settings = PieceSettings(
        **{name: getattr(options, name) for name in ("steps", "batch", "rate", "width", "side", "seed")},
        start=1.0,  # a fit of minutes has few passes for it to grow in
        fall=0.5,
    )
    cut = Canvases(bank, options=CanvasOptions.of(options.words.options)).regions
    device = choose_device(options.device or "auto")
    return Fitting(bank, pairs, held_out, cut, settings, device, options.held_out, truth)


def fit_align(fitting: Fitting, on_step: OnStep) -> tuple[PieceNetwork, str]:
    """The alignment network, and what was measured."""
    from asap_lightning.training.sims.alignment import fit_alignment, measure_alignment
    from asap_lightning.training.sims.examples import OwnSegments

    settings, channels = fitting.settings, fitting.bank.spec.label_channels
    examples = OwnSegments(fitting.pairs, fitting.regions, settings.seed)
    network = fit_alignment(examples, channels, settings, device=fitting.device, on_step=on_step)
    held_out = OwnSegments(fitting.held_out, fitting.regions, most=10**6)
    found = measure_alignment(network, held_out, settings, fitting.count)
    said = (
        f"align: on {found.segments} displaced segments of val, |piece - photo| is {found.before:.2f} of 255 "
        f"as they lie, {found.after:.2f} moved by the network, {found.least:.2f} by what undoes it exactly"
    )
    return _made("align", fitting, network, asdict(found)), said


def fit_order(fitting: Fitting, on_step: OnStep) -> tuple[PieceNetwork, str]:
    """The order network, and what was measured."""
    from asap_lightning.training.sims import order

    settings, colours = fitting.settings, _colours(fitting.bank)
    network = order.fit_order(
        _touching(fitting, fitting.pairs), colours, settings, device=fitting.device, on_step=on_step
    )
    found = order.measure_order(
        network, _touching(fitting, fitting.held_out, most=10**6), colours, settings.side, fitting.count
    )
    said = (
        f"order by {fitting.truth}: of {found.pairs} pairs of segments of val that touch, the network names "
        f"the front of {found.right:.1%}; the smaller one is in front in {found.larger_first:.1%}"
    )
    return _made("order", fitting, network, {**asdict(found), "truth": fitting.truth}), said


FITS: dict[str, Fit] = {"align": fit_align, "order": fit_order}


def _touching(fitting: Fitting, pairs: FramedPairs, **more: Any) -> Any:
    from asap_lightning.segments.names import ids_present
    from asap_lightning.training.sims.examples import TouchingSegments
    from asap_lightning.training.sims.order import GROUND

    ground = ids_present(fitting.bank.spec, GROUND)
    given = {"disparity": pairs.disparity, "ground": ground, "seed": fitting.settings.seed, **more}
    return TouchingSegments(pairs, fitting.regions, fitting.truth, **given)


def _colours(bank: Bank) -> Any:
    import numpy as np

    return np.array(bank.index.palette, np.uint8)


def _made(kind: Kind, fitting: Fitting, network: Any, measured: dict[str, Any]) -> PieceNetwork:
    from asap_lightning.composing.networks import PieceNetwork

    about = {"settings": asdict(fitting.settings), "measured": measured}
    return PieceNetwork(
        kind, network, fitting.bank.spec, fitting.settings.side, _colours(fitting.bank), about
    )
