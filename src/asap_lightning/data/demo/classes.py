"""The classes of the CMP facade database, ids and colours as its files have them."""

from __future__ import annotations

BACKGROUND, FACADE, WINDOW, DOOR, CORNICE, SILL = 1, 2, 3, 4, 5, 6
BALCONY, BLIND, DECO, MOLDING, PILLAR, SHOP = 7, 8, 9, 10, 11, 12

CLASS_NAMES: dict[int, str] = {
    BACKGROUND: "background",
    FACADE: "facade",
    WINDOW: "window",
    DOOR: "door",
    CORNICE: "cornice",
    SILL: "sill",
    BALCONY: "balcony",
    BLIND: "blind",
    DECO: "deco",
    MOLDING: "molding",
    PILLAR: "pillar",
    SHOP: "shop",
}

# RGB of ids 0..12; 0 does not occur in the files.
PALETTE: tuple[tuple[int, int, int], ...] = (
    (0, 0, 0),
    (0, 0, 170),
    (0, 0, 255),
    (0, 85, 255),
    (0, 170, 255),
    (0, 255, 255),
    (85, 255, 170),
    (170, 255, 85),
    (255, 255, 0),
    (255, 170, 0),
    (255, 85, 0),
    (255, 0, 0),
    (170, 0, 0),
)
