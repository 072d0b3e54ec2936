"""The building's plan: storeys, bays, and what stands where, in fractions of the image."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from asap_lightning.data.demo.elements import (
    Balcony,
    Cornice,
    Deco,
    Door,
    Element,
    Hood,
    Pillar,
    Plan,
    Shop,
    Window,
)
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.habit import Habit, choose_habit, has_balcony
from asap_lightning.data.demo.scheme import ACCENTS, choose_light, choose_material, choose_scheme, mix, pick


def plan_facade(seed: int, index: int) -> Plan:
    """Everything that is decided about facade ``index``; depends on (seed, index) alone."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    material = choose_material(rng)
    scheme, light = choose_scheme(rng, material), choose_light(rng)
    left, right = (float(rng.uniform(0.025, 0.08)) if rng.random() < 0.5 else 0.0 for _ in range(2))
    top, bottom = float(rng.uniform(0.07, 0.15)), float(rng.uniform(0.935, 0.97))
    facade = Rect(left, top, 1.0 - right, bottom)
    storeys = int(rng.choice([2, 3, 4], p=[0.3, 0.5, 0.2]))
    cornice = float(rng.uniform(0.028, 0.042))
    unit = (facade.height - cornice) / (storeys + 1.3)
    ground = Rect(left, bottom - 1.3 * unit, 1.0 - right, bottom)
    upper = Rect(left, top + cornice, 1.0 - right, ground.y0)
    bays = _bays(rng, upper, unit)
    habit = choose_habit(rng, material)
    elements: list[Element] = []
    if habit.pillars:
        elements += _pillars(rng, upper, bays, unit)
    rows = upper.rows(storeys)
    for number, row in enumerate(rows):
        elements += _storey(rng, row, bays, habit, number, storeys, unit)
    elements += _ground_floor(rng, ground, bays, habit, unit, scheme.trim)
    band = Rect(left, ground.y0 - 0.07 * unit, 1.0 - right, ground.y0 + 0.07 * unit)
    insert = next(i for i, e in enumerate(elements) if not isinstance(e, Pillar))
    elements.insert(insert, Cornice(band, 0.05 * unit, 0.0))
    teeth = 0.10 * unit if rng.random() < 0.7 else 0.0
    elements.append(Cornice(Rect(left, top, 1.0 - right, top + cornice), 0.9 * cornice, teeth))
    roof = Rect(left - 0.004, top - float(rng.uniform(0.03, 0.06)), 1.004 - right, top)
    has_roof = rng.random() < 0.85
    chimneys = _chimneys(rng, roof) if has_roof else ()
    return Plan(
        (seed, index), facade, ground, roof if has_roof else None, chimneys, scheme, light, tuple(elements)
    )


def _bays(rng: np.random.Generator, upper: Rect, unit: float) -> list[Rect]:
    n = int(np.clip(round(upper.width / (unit * rng.uniform(0.72, 1.0))), 3, 7))
    widths = np.ones(n)
    if n % 2 == 1 and rng.random() < 0.35:
        widths[n // 2] = 1.3
    elif n >= 4 and rng.random() < 0.35:
        widths[[0, -1]] = 1.22
    margin = 0.02 + 0.12 * rng.random() / n
    stops = margin + (1 - 2 * margin) * np.concatenate([[0.0], np.cumsum(widths) / widths.sum()])
    return [upper.part(float(a), 0.0, float(b), 1.0) for a, b in pairwise(stops)]


def _storey(
    rng: np.random.Generator,
    row: Rect,
    bays: list[Rect],
    habit: Habit,
    number: int,
    storeys: int,
    unit: float,
) -> list[Element]:
    """One upper floor: windows with blinds, balconies before them, ornaments under them, a string course."""
    elements: list[Element] = []
    fronts: list[Element] = []
    height = habit.height * row.height * (1.0 if number else 0.92)
    base = row.y1 - 0.17 * row.height
    hood = habit.hoods[(storeys - number) % len(habit.hoods)]
    for i, bay in enumerate(bays):
        balcony = has_balcony(habit, number, storeys, i, len(bays))
        width = habit.width * min(bay.width, unit)
        columns = habit.columns
        if bay.width > 1.15 * min(b.width for b in bays):
            width, columns = 1.22 * width, 3
        long = balcony or (habit.french and number == storeys - 1)
        foot = base + (0.08 * row.height if long else 0.0)
        box = Rect(bay.cx - width / 2, base - height, bay.cx + width / 2, foot)
        elements.append(_window(rng, box, habit, columns, hood, unit, has_sill=not long))
        if balcony:
            reach = 0.17 * width
            top = foot - 0.27 * row.height
            front = Rect(box.x0 - reach, top, box.x1 + reach, foot + 0.05 * row.height)
            fronts.append(Balcony(front, habit.railing, 0.16 * unit))
        elif habit.spandrels and number < storeys - 1:
            space = Rect(box.x0, base + 0.075 * row.height, box.x1, base + 0.145 * row.height)
            if not long:
                elements.append(Deco(space, habit.spandrels, int(rng.integers(2**31))))
    if number and number < storeys and rng.random() < 0.6:
        line = Rect(row.x0, row.y0 - 0.025 * row.height, row.x1, row.y0 + 0.022 * row.height)
        elements.insert(0, Cornice(line, 0.035 * unit, 0.0))
    if habit.balconies == "row" and fronts:
        first, last = fronts[0], fronts[-1]
        assert isinstance(first, Balcony) and isinstance(last, Balcony)
        joined = Rect(first.box.x0, first.box.y0, last.box.x1, first.box.y1)
        fronts = [replace(first, box=joined)]
    return elements + fronts


def _window(
    rng: np.random.Generator,
    box: Rect,
    habit: Habit,
    columns: int,
    hood: Hood,
    unit: float,
    *,
    has_sill: bool,
) -> Window:
    shut = rng.random() < habit.blind_share
    if habit.blind == "shutters":
        closed = float(rng.random() < 0.15)
    else:
        closed = (
            float(rng.choice([0.2, 0.35, 0.5, 0.7, 0.98], p=[0.25, 0.25, 0.2, 0.15, 0.15])) if shut else 0.0
        )
    return Window(
        box=box,
        columns=columns,
        rows=habit.rows,
        transom=habit.transom,
        arch=habit.arch,
        surround=habit.surround * unit,
        hood=hood,
        sill=0.045 * unit if has_sill else 0.0,
        keystone=habit.keystones,
        blind=habit.blind,
        closed=closed,
        curtain=float(rng.random()),
        glow=float(rng.random() < 0.04),
        sky=float(rng.uniform(0.2, 0.8)),
        seed=int(rng.integers(2**31)),
    )


def _pillars(rng: np.random.Generator, upper: Rect, bays: list[Rect], unit: float) -> list[Element]:
    width = float(rng.uniform(0.10, 0.14)) * unit
    flutes = int(rng.choice([0, 3, 4]))
    limits = [bays[0].x0, *(b.x1 for b in bays)]
    if len(limits) > 5:
        limits = [limits[0], limits[-1]] if rng.random() < 0.4 else limits
    boxes = [Rect(x - width / 2, upper.y0, x + width / 2, upper.y1) for x in limits]
    return [Pillar(box, 0.05 * unit, flutes) for box in boxes]


def _ground_floor(
    rng: np.random.Generator,
    ground: Rect,
    bays: list[Rect],
    habit: Habit,
    unit: float,
    trim: tuple[float, float, float],
) -> list[Element]:
    """Door in one bay; shops or windows in the others."""
    n = len(bays)
    entrance = int(rng.choice([n // 2, 0, n - 1], p=[0.5, 0.25, 0.25]))
    shops = rng.random() < 0.62
    elements: list[Element] = []
    top = ground.y0 + 0.2 * unit
    awnings = rng.random() < 0.55
    i = 0
    while i < n:
        if i == entrance:
            width = min(0.62 * bays[i].width, 0.52 * unit)
            box = Rect(bays[i].cx - width / 2, top + 0.06 * unit, bays[i].cx + width / 2, ground.y1)
            arch = float(rng.choice([0.0, 0.4, 1.0]))
            elements.append(Door(box, 2 if width > 0.4 * unit else 1, arch, 0.07 * unit))
        elif shops:
            joins = i + 1 < n and i + 1 != entrance and rng.random() < 0.5
            last = bays[i + 1] if joins else bays[i]
            box = Rect(bays[i].x0 + 0.05 * unit, top - 0.08 * unit, last.x1 - 0.05 * unit, ground.y1)
            elements.append(_shop(rng, box, bays[i].width, awnings, trim))
            i += int(joins)
        else:
            width = 0.58 * min(bays[i].width, unit)
            box = Rect(
                bays[i].cx - width / 2, top + 0.06 * unit, bays[i].cx + width / 2, ground.y1 - 0.32 * unit
            )
            arched = replace(habit, arch=habit.arch or float(rng.random() < 0.3), hoods=("none",))
            elements.append(_window(rng, box, arched, habit.columns, "none", unit, has_sill=True))
        i += 1
    return elements


def _shop(
    rng: np.random.Generator, box: Rect, bay: float, awnings: bool, trim: tuple[float, float, float]
) -> Shop:
    panes = max(2, round(box.width / bay * 2))
    accent = pick(rng, ACCENTS)
    return Shop(
        box=box,
        sign=accent,
        fascia=mix(accent, trim, float(rng.choice([0.0, 0.25, 0.8]))),
        awning=pick(rng, ACCENTS) if awnings and rng.random() < 0.75 else None,
        panes=panes,
        entrance=int(rng.integers(panes)),
        seed=int(rng.integers(2**31)),
    )


def _chimneys(rng: np.random.Generator, roof: Rect) -> tuple[Rect, ...]:
    boxes = []
    for _ in range(int(rng.integers(0, 4))):
        x, w = float(rng.uniform(0.08, 0.88)), float(rng.uniform(0.022, 0.045))
        h = float(rng.uniform(0.02, 0.035))
        x0 = roof.x0 + x * roof.width
        boxes.append(Rect(x0, roof.y0 - h, x0 + w, roof.y0 + 0.012))
    return tuple(boxes)
