"""The parts a facade is planned from: plain data, without any pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.light import Light
from asap_lightning.data.demo.materials import Surface

RGB = tuple[float, float, float]
Material = Literal["plaster", "brick", "stone"]
BlindKind = Literal["none", "roller", "shutters"]
Hood = Literal["none", "flat", "pediment", "segment"]
Railing = Literal["iron", "balusters", "parapet", "glass"]
DecoKind = Literal["panel", "medallion", "garland"]


@dataclass(frozen=True)
class Scheme:
    """The colours and materials of one building."""

    wall: Surface
    ground: Surface
    plinth: Surface
    trim: RGB
    frame: RGB
    blind: RGB
    iron: RGB
    door: RGB
    accent: RGB
    roof: Surface
    sky: RGB
    neighbours: tuple[Surface, Surface]


@dataclass(frozen=True)
class Window:
    """A window with what belongs to it.

    ``arch``: rise of the top as a share of half the width. ``transom``: height of the upper lights as a
    share, 0 without. ``surround``: width of the moulding, a fraction of the image. ``closed``: how far the
    blind is down, or 0/1 for shutters.
    """

    box: Rect
    columns: int
    rows: int
    transom: float
    arch: float
    surround: float
    hood: Hood
    sill: float
    keystone: bool
    blind: BlindKind
    closed: float
    curtain: float
    glow: float
    sky: float
    seed: int


@dataclass(frozen=True)
class Balcony:
    """A balcony's front: railing and slab; ``box`` holds both."""

    box: Rect
    railing: Railing
    depth: float


@dataclass(frozen=True)
class Cornice:
    """A moulded band; ``teeth`` is the pitch of its dentils, 0 without."""

    box: Rect
    depth: float
    teeth: float


@dataclass(frozen=True)
class Pillar:
    """A pilaster with base and capital."""

    box: Rect
    depth: float
    flutes: int


@dataclass(frozen=True)
class Deco:
    """An ornament on the wall."""

    box: Rect
    kind: DecoKind
    seed: int


@dataclass(frozen=True)
class Door:
    """An entrance: two leaves or one, a light above, a moulding around."""

    box: Rect
    leaves: int
    arch: float
    surround: float


@dataclass(frozen=True)
class Shop:
    """A shop front: sign, display windows, and perhaps an awning."""

    box: Rect
    sign: RGB
    fascia: RGB
    awning: RGB | None
    panes: int
    entrance: int
    seed: int


Element = Window | Balcony | Cornice | Pillar | Deco | Door | Shop


@dataclass(frozen=True)
class Plan:
    """A building in its street: everything decided, nothing painted.

    ``facade`` is the wall from the roof line to the pavement, ``ground`` its ground floor; ``elements``
    stand in painting order.
    """

    key: tuple[int, int]
    facade: Rect
    ground: Rect
    roof: Rect | None
    chimneys: tuple[Rect, ...]
    scheme: Scheme
    light: Light
    elements: tuple[Element, ...]
