"""What the windows, balconies and bands of one building have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asap_lightning.data.demo.elements import BlindKind, DecoKind, Hood, Material, Railing


@dataclass(frozen=True)
class Habit:
    """The choices that repeat from bay to bay.

    ``width`` and ``height`` of the windows are shares of bay and storey; ``surround`` is a share of the
    storey's height; ``hoods`` alternate from storey to storey; ``blind_share`` is the share of blinds that
    are let down.
    """

    width: float
    height: float
    columns: int
    rows: int
    transom: float
    arch: float
    surround: float
    hoods: tuple[Hood, ...]
    keystones: bool
    blind: BlindKind
    blind_share: float
    french: bool
    railing: Railing
    balconies: str
    pillars: bool
    spandrels: DecoKind | None


def choose_habit(rng: np.random.Generator, material: Material) -> Habit:
    """Brick is vaulted in arches, stone carries pilasters, plaster is dressed with mouldings and shutters."""
    hoods: tuple[Hood, ...] = ("none",)
    ornate = rng.random() < 0.65
    if ornate:
        options: list[tuple[Hood, ...]] = [
            ("flat",),
            ("pediment", "flat"),
            ("segment", "flat"),
            ("flat", "none"),
            ("pediment", "segment"),
        ]
        hoods = options[int(rng.integers(len(options)))]
    arches = {"brick": (0.3, 0.3, 1.0), "stone": (0.0, 0.0, 1.0), "plaster": (0.0, 0.0, 0.0, 0.0, 0.3)}
    arch = float(rng.choice(arches[material]))
    decos: list[DecoKind | None] = [None, "panel", "medallion", "garland"]
    railings: list[Railing] = ["iron", "iron", "balusters", "parapet", "glass"]
    blinds: list[BlindKind] = ["none", "roller", "shutters", "roller"]
    blind = blinds[int(rng.integers(len(blinds)))]
    pillars = bool(rng.random() < {"brick": 0.15, "stone": 0.75, "plaster": 0.35}[material])
    if pillars and blind == "shutters":
        blind = "roller"  # open leaves need the room that the pilasters take
    plain = arch > 0
    return Habit(
        width=float(rng.uniform(0.5, 0.62)),
        height=float(rng.uniform(0.58, 0.66)),
        columns=int(rng.choice([2, 2, 2, 3])),
        rows=int(rng.choice([1, 1, 2, 3])),
        transom=float(rng.choice([0.0, 0.27, 0.3])),
        arch=arch,
        surround=float(rng.uniform(0.045, 0.075)) if rng.random() < 0.85 else 0.0,
        hoods=("none",) if plain else hoods,
        keystones=bool(rng.random() < 0.4),
        blind=blind,
        blind_share=float(rng.uniform(0.3, 0.7)),
        french=bool(rng.random() < 0.3),
        railing=railings[int(rng.integers(len(railings)))],
        balconies=str(
            rng.choice(["none", "centre", "alternate", "row", "all"], p=[0.25, 0.25, 0.2, 0.15, 0.15])
        ),
        pillars=pillars,
        spandrels=decos[int(rng.integers(len(decos)))] if ornate else None,
    )


def has_balcony(habit: Habit, number: int, storeys: int, bay: int, bays: int) -> bool:
    """Whether the window of a bay has a balcony; storey ``number`` counts from the top."""
    piano_nobile = number == storeys - 1
    match habit.balconies:
        case "centre":
            return abs(2 * bay - (bays - 1)) <= 1 - bays % 2 and number > 0
        case "alternate":
            return bay % 2 == 0 and (number > 0 or storeys == 2)
        case "row":
            return piano_nobile
        case "all":
            return number > 0
    return False
