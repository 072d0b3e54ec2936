"""Colour schemes: plaster, brick and stone in the warm, middling tones of European streets."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.demo.elements import RGB, Material, Scheme
from asap_lightning.data.demo.light import Light
from asap_lightning.data.demo.materials import Surface

PLASTER: tuple[RGB, ...] = (
    (0.90, 0.85, 0.74),
    (0.88, 0.80, 0.65),
    (0.89, 0.79, 0.71),
    (0.88, 0.82, 0.73),
    (0.86, 0.84, 0.77),
    (0.85, 0.84, 0.75),
    (0.88, 0.76, 0.65),
    (0.91, 0.88, 0.82),
)
BRICK: tuple[RGB, ...] = ((0.77, 0.54, 0.44), (0.79, 0.59, 0.47), (0.81, 0.66, 0.52), (0.74, 0.51, 0.42))
STONE: tuple[RGB, ...] = ((0.86, 0.81, 0.72), (0.83, 0.77, 0.67), (0.88, 0.84, 0.77))
FRAMES: tuple[RGB, ...] = ((0.93, 0.92, 0.89), (0.89, 0.87, 0.80), (0.86, 0.84, 0.78), (0.46, 0.33, 0.24))
DOORS: tuple[RGB, ...] = ((0.36, 0.23, 0.15), (0.26, 0.30, 0.24), (0.42, 0.27, 0.17), (0.28, 0.25, 0.28))
BLINDS: tuple[RGB, ...] = (
    (0.88, 0.86, 0.80),
    (0.84, 0.85, 0.84),
    (0.86, 0.82, 0.72),
    (0.50, 0.62, 0.55),
    (0.76, 0.66, 0.55),
)
ACCENTS: tuple[RGB, ...] = ((0.60, 0.21, 0.18), (0.17, 0.35, 0.30), (0.20, 0.27, 0.42), (0.68, 0.50, 0.24))
ROOFS: tuple[RGB, ...] = ((0.72, 0.46, 0.36), (0.68, 0.48, 0.40), (0.74, 0.50, 0.37), (0.50, 0.50, 0.52))
SKIES: tuple[RGB, ...] = ((0.66, 0.80, 0.94), (0.73, 0.84, 0.94), (0.83, 0.88, 0.92))


def pick(rng: np.random.Generator, colours: tuple[RGB, ...], jitter: float = 0.02) -> RGB:
    """One of the colours, a little changed in lightness and in hue."""
    base = np.array(colours[rng.integers(len(colours))])
    changed = np.clip(base + rng.normal(0, jitter) + rng.normal(0, 0.4 * jitter, 3), 0.05, 0.95)
    return (float(changed[0]), float(changed[1]), float(changed[2]))


def mix(a: RGB, b: RGB, t: float) -> RGB:
    """The colour at ``t`` in [0, 1] of the way from ``a`` to ``b``."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def brick(rng: np.random.Generator) -> Surface:
    """Brickwork with mortar joints."""
    return Surface(
        pick(rng, BRICK),
        course=rng.uniform(0.0085, 0.011),
        length=rng.uniform(2.6, 3.3),
        joint=rng.uniform(0.14, 0.2),
        joint_colour=pick(rng, ((0.76, 0.70, 0.62), (0.68, 0.62, 0.55))),
        variation=rng.uniform(0.05, 0.08),
        roughness=0.025,
        stains=0.022,
    )


def plaster(rng: np.random.Generator) -> Surface:
    """Smooth render, weathered more or less."""
    return Surface(pick(rng, PLASTER), roughness=rng.uniform(0.012, 0.028), stains=rng.uniform(0.008, 0.025))


def stone(rng: np.random.Generator, colour: RGB | None = None) -> Surface:
    """Ashlar in fine joints."""
    colour = colour or pick(rng, STONE)
    return Surface(
        colour,
        course=rng.uniform(0.022, 0.032),
        length=rng.uniform(1.8, 2.6),
        joint=0.06,
        joint_colour=mix(colour, (0.3, 0.26, 0.22), 0.42),
        variation=rng.uniform(0.025, 0.045),
        bevel=0.05,
        roughness=0.025,
        stains=0.018,
    )


def rustic(rng: np.random.Generator, colour: RGB) -> Surface:
    """Rusticated ground floor: large blocks between deep grooves."""
    return Surface(
        colour,
        course=rng.uniform(0.032, 0.042),
        length=rng.uniform(2.2, 3.4),
        joint=0.1,
        joint_colour=mix(colour, (0.22, 0.19, 0.16), 0.5),
        variation=0.02,
        bevel=0.09,
        roughness=0.025,
        stains=0.022,
    )


def tiles(rng: np.random.Generator) -> Surface:
    """Roof tiles."""
    colour = pick(rng, ROOFS)
    return Surface(
        colour,
        0.0085,
        1.0,
        0.25,
        mix(colour, (0.1, 0.08, 0.08), 0.55),
        variation=0.07,
        bevel=0.08,
        stains=0.05,
    )


WALLS = {"plaster": plaster, "brick": brick, "stone": stone}


def choose_material(rng: np.random.Generator) -> Material:
    """What a house is built of; plaster mostly."""
    materials: tuple[Material, ...] = ("plaster", "brick", "stone")
    return materials[int(rng.choice(3, p=[0.62, 0.15, 0.23]))]


def choose_scheme(rng: np.random.Generator, material: Material) -> Scheme:
    """The colours of one building of the given material, and those of its neighbours."""
    main = WALLS[material](rng)
    light = (0.95, 0.92, 0.86)
    trim = pick(rng, STONE) if material == "brick" else mix(main.colour, light, rng.uniform(0.4, 0.8))
    base = mix(main.colour, pick(rng, STONE), 0.85 if material == "brick" else 0.35)
    ground = rustic(rng, base) if rng.random() < 0.6 else Surface(base, roughness=0.025, stains=0.022)
    return Scheme(
        wall=main,
        ground=ground,
        plinth=stone(rng, mix(base, (0.68, 0.66, 0.62), 0.45)),
        trim=trim,
        frame=pick(rng, FRAMES),
        blind=pick(rng, BLINDS),
        iron=pick(rng, ((0.16, 0.16, 0.17), (0.20, 0.24, 0.22), (0.25, 0.20, 0.17)), 0.015),
        door=pick(rng, DOORS),
        accent=pick(rng, ACCENTS),
        roof=tiles(rng),
        sky=pick(rng, SKIES),
        neighbours=(WALLS[choose_material(rng)](rng), WALLS[choose_material(rng)](rng)),
    )


def choose_light(rng: np.random.Generator) -> Light:
    """Sun from the left or the right, or an overcast sky with faint shadows."""
    sunny = rng.random() < 0.7
    return Light(
        side=float(rng.choice([-1, 1]) * rng.uniform(0.35, 1.0)),
        drop=float(rng.uniform(0.7, 1.25)),
        strength=float(rng.uniform(0.36, 0.52) if sunny else rng.uniform(0.16, 0.26)),
        blur=float(rng.uniform(0.001, 0.002) if sunny else rng.uniform(0.008, 0.014)),
        warmth=float(rng.uniform(0.0, 1.0) if sunny else rng.uniform(-0.6, 0.2)),
        exposure=float(rng.uniform(1.07, 1.12)),
    )
