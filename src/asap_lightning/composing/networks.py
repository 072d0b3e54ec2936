"""Fitted networks of pieces in a bank's folder: safetensors files that describe themselves.

The text ``asap_lightning_pieces`` of a file's metadata says, as JSON, what network it is, of which classes,
and how it was fitted. Such a file may come from a stranger: it is data, and every value is checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.models.described import fill, sketch
from asap_lightning.safetensors_file import write_safetensors
from asap_lightning.segments.bank import Bank
from asap_lightning.untrusted import load_safetensors
from asap_lightning.untrusted.shape import check_shape
from asap_lightning.untrusted.text import parse_json, printable

Kind = Literal["align", "order"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENTRY, VERSION = "asap_lightning_pieces", 1
TARGETS: dict[Kind, str] = {
    "align": "asap_lightning.models.sims.AlignmentNetwork",
    "order": "asap_lightning.models.sims.OrderNetwork",
}
LEAST_SIDE, LARGEST_SIDE = 8, 1024


@dataclass(frozen=True)
class PieceNetwork:
    """A fitted network of pieces.

    Attributes:
        kind: ``align`` or ``order``.
        network: in evaluation mode.
        spec: of the layouts.
        side: pixels of the windows that it sees.
        colours: (N, 3) uint8 of the classes, for the order network.
        fit: how it was fitted and what was measured, for people.
    """

    kind: Kind
    network: nn.Module
    spec: ConditionSpec
    side: int
    colours: NDArray[np.uint8]
    fit: Mapping[str, Any] = field(default_factory=dict)


def path_of(bank: Bank, kind: Kind) -> Path:
    """Where a bank's network lies."""
    return bank.folder / f"{kind}.safetensors"


def write_network(bank: Bank, fitted: PieceNetwork, width: int) -> Path:
    """Puts a network into its bank's folder, atomically, in the place of the one that was there.

    Args:
        bank: whose classes it was fitted to.
        fitted: the network.
        width: of its first stage.

    Raises:
        UserError: the file cannot be written.
    """
    about = {
        "version": VERSION,
        "kind": fitted.kind,
        "network": {
            "_target_": TARGETS[fitted.kind],
            "label_channels": fitted.spec.label_channels,
            "width": width,
        },
        "spec": fitted.spec.as_dict(),
        "side": fitted.side,
        "colours": fitted.colours.tolist(),
        "fit": dict(fitted.fit),
    }
    weights = {name: value.detach().cpu().contiguous() for name, value in fitted.network.state_dict().items()}
    path = path_of(bank, fitted.kind)
    try:
        with atomic_write(path) as file:
            write_safetensors(file, weights, {"format": "pt", ENTRY: json.dumps(about)})
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_network(bank: Bank, kind: Kind) -> PieceNetwork:
    """The network of a bank.

    Raises:
        UserError: there is none, or it is damaged, of another kind or version, or of other classes.
    """
    path = path_of(bank, kind)
    if not path.is_file():
        raise UserError(
            f"canvas_options.{kind}=true: there is no {path}; fit the network with asap data segments "
            f"bank={bank.folder} data=NAME data.root=DIR --fit {kind}, or set canvas_options.{kind}=false"
        )
    texts, weights = load_safetensors(path)
    about = _about(texts, path)
    try:
        spec, side, colours = _checked(about, kind)
    except (UserError, KeyError, TypeError, ValueError) as error:
        known = isinstance(error, UserError | ValueError)
        reason = printable(str(error) if known else f"{type(error).__name__}: {error}", 300)
        raise UserError(f"{path} is no {kind} network: {reason}. Fit it again (--fit {kind})") from error
    if (spec.kind, spec.label_channels, spec.class_names) != (
        "label",
        bank.spec.label_channels,
        bank.spec.class_names,
    ):
        raise UserError(f"{path} was fitted to other classes than the bank's: fit it again (--fit {kind})")
    network = sketch(about["network"], "pieces", str(path), len(weights))
    fill(network, weights, str(path))
    fit = about.get("fit")
    return PieceNetwork(kind, network.eval(), spec, side, colours, fit if isinstance(fit, Mapping) else {})


def _about(texts: Mapping[str, str], path: Path) -> dict[str, Any]:
    text = texts.get(ENTRY)
    about = parse_json(text, path) if text is not None else None
    if text is None or not isinstance(about, dict):
        raise UserError(
            f"{path} is no network of pieces: its metadata has no '{ENTRY}'. asap data segments "
            "--fit makes one"
        )
    try:
        check_shape(about, len(text))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if about.get("version") != VERSION:
        raise UserError(
            f"{path} has version {printable(str(about.get('version')), 40)}; this program reads version "
            f"{VERSION}. Fit it again with asap data segments --fit"
        )
    return about


def _checked(about: Mapping[str, Any], kind: Kind) -> tuple[ConditionSpec, int, NDArray[np.uint8]]:
    """Classes, side and colours; whatever is wrong with them is raised."""
    node = about["network"]
    if about["kind"] != kind or node["_target_"] != TARGETS[kind]:
        raise ValueError(f"it holds another one ({about['kind']})")
    spec = ConditionSpec.from_dict(about["spec"])
    if node["label_channels"] != spec.label_channels or set(node) != {"_target_", "label_channels", "width"}:
        raise ValueError("its network and its classes differ")
    side = about["side"]
    if type(side) is not int or not LEAST_SIDE <= side <= LARGEST_SIDE:
        raise ValueError(f"side is not a whole number from {LEAST_SIDE} to {LARGEST_SIDE}")
    colours = about["colours"]
    levels = [level for colour in colours for level in colour]
    if [len(colour) for colour in colours] != [3] * spec.label_channels or not all(
        type(level) is int and 0 <= level <= 255 for level in levels
    ):
        raise ValueError(f"{spec.label_channels} colours of three levels were expected")
    return spec, side, np.array(colours, np.uint8).reshape(-1, 3)
