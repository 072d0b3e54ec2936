"""A palette is found in label pictures, and shown."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.demo.classes import PALETTE
from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.data.palette_find import ColourCounts, flat, propose
from asap_lightning.data.palette_match import pack, unpack
from asap_lightning.data.palette_sheet import CELL, examples, hexadecimal, palette_sheet
from asap_lightning.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def label_picture(index: int) -> np.ndarray:
    ids = draw_facade(0, index, 64).label.repeat(6, 0).repeat(6, 1)
    return np.array(PALETTE, np.uint8)[ids]


def colours_in(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {unpack(code) for code in np.unique(pack(picture))}


def as_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file))


def counted(*pictures: np.ndarray, lossy: bool = False) -> ColourCounts:
    counts = ColourCounts()
    for picture in pictures:
        counts.add(picture, lossy=lossy)
    return counts


@pytest.mark.parametrize("quality", [75, 90])
def test_the_colours_of_jpeg_files(quality):
    drawn = [label_picture(index) for index in range(3)]
    proposal = propose(counted(*(as_jpeg(picture, quality) for picture in drawn), lossy=True))
    used = set.union(*map(colours_in, drawn))
    assert len(proposal.colours) == len(used)
    for colour in proposal.colours:
        assert min(max(abs(a - b) for a, b in zip(colour, other, strict=True)) for other in used) <= 6
    assert not proposal.exact and 10 <= proposal.tolerance <= 200
    assert 0 < proposal.unmatched <= 0.03 and proposal.shares == sorted(proposal.shares, reverse=True)
    assert list(proposal.within.values()) == sorted(proposal.within.values())


def test_drawn_files_are_exact_down_to_a_pixel():
    picture = label_picture(0).copy()
    picture[0, 0], picture[9, 9] = (1, 0, 0), (0, 0, 171)  # next to 'none' and to 'background'
    proposal = propose(counted(picture, label_picture(1)))
    assert proposal.exact and proposal.tolerance == 0 and proposal.unmatched < 1e-12
    assert {(1, 0, 0), (0, 0, 171)} < set(proposal.colours)
    assert sum(proposal.shares) == pytest.approx(1)


def test_count_and_tolerance():
    counts = counted(np.array([[[0, 0, 0]] * 5 + [[9, 0, 0]] * 3 + [[200, 0, 0]] * 2], np.uint8))
    assert propose(counts, count=2).colours == [(0, 0, 0), (9, 0, 0)]
    assert propose(counts, count=2).unmatched == pytest.approx(0.2)
    merged = propose(counts, tolerance=9)
    assert merged.colours == [(0, 0, 0), (200, 0, 0)] and merged.shares == pytest.approx([0.8, 0.2])


def test_pictures_without_regions_have_no_palette():
    with pytest.raises(UserError, match="They look like photos"):
        propose(counted(NOISE))


def test_flat_pixels_look_like_their_neighbours():
    picture = np.zeros((5, 6, 3), np.uint8)
    picture[2, 5] = 13
    expected = np.zeros((5, 6), bool)
    expected[1:4, 1:4] = True
    assert np.array_equal(flat(picture), expected)
    assert not flat(picture[:2]).any()


def test_the_sheet_shows_each_colour_and_where_it_occurs():
    picture = np.zeros((CELL, 2 * CELL, 3), np.uint8)
    picture[:, CELL:] = picture[: CELL // 2, :CELL] = 200, 100, 0
    colours = [(0, 0, 0), (200, 100, 0), (9, 9, 90)]
    shown = examples([picture, picture[:5, :5]], colours, 0)
    assert shown[2] is None and shown[0] is not None and shown[1] is not None
    np.testing.assert_array_equal(shown[0][0], picture[:, :CELL])
    assert (shown[1][1][: CELL // 2] == (200, 100, 0)).all() and (shown[1][1][CELL // 2 :] > 150).all()
    sheet = palette_sheet(colours, [0.3, 0.7, 0.0], shown, "title")
    assert set(colours) <= colours_in(sheet)
    assert palette_sheet(colours * 10, [0.1] * 30, [None] * 30, "t").shape[1] > sheet.shape[1]
    assert hexadecimal((0, 48, 255)) == "#0030ff"
